package org.apache.spark.sql.anabranch

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.codegen.Block.BlockHelper
import org.apache.spark.sql.catalyst.expressions.codegen._
import org.apache.spark.sql.types._
import org.apache.spark.sql.vectorized.{ColumnVector, ColumnarBatch}

import scala.util.control.NonFatal

/** Finds the rows of batches that a condition holds for. */
abstract class BatchCondition {

  /** @param found
    *   gets the numbers of the rows, ascending; as long as the batch
    * @return
    *   how many they are
    */
  def rows(batch: ColumnarBatch, found: Array[Int]): Int
}

object BatchCondition {

  /** The condition as one loop over a batch, compiled. Asking it row by row goes through methods that all readers of batches share,
    * so that the JVM can't see through them.
    *
    * @param holds
    *   on rows of these columns, which are bound to their numbers
    */
  def of(holds: Expression, columns: StructType): BatchCondition =
    if (holds.exists(_.isInstanceOf[CodegenFallback])) new ByRow(holds)
    else
      try compiled(holds, columns)
      catch { case NonFatal(_) => new ByRow(holds) }

  private def compiled(holds: Expression, columns: StructType): BatchCondition = {
    val context = new CodegenContext
    context.INPUT_ROW = null
    val vectors = columns.indices.map(i => s"column$i")
    val values = columns.fields.toSeq.zip(vectors).map { case (f, v) => value(context, f.dataType, v) }
    context.currentVars = values.map(_.copy(code = EmptyBlock))
    val condition = holds.transform(outside).genCode(context)
    val vector = classOf[ColumnVector].getName
    val declared = vectors.zipWithIndex.map { case (v, i) => s"$vector $v = batch.column($i);" }
    val code = s"""
      public Object generate(Object[] references) { return new FoundRows(references); }

      class FoundRows extends ${classOf[BatchCondition].getName} {
        private Object[] references;
        ${context.declareMutableStates()}

        public FoundRows(Object[] references) {
          this.references = references;
          ${context.initMutableStates()}
        }

        public int rows(${classOf[ColumnarBatch].getName} batch, int[] found) {
          ${declared.mkString("\n")}
          int count = batch.numRows();
          int n = 0;
          for (int row = 0; row < count; row++) {
            ${values.map(_.code).mkString("\n")}
            ${condition.code}
            if (!${condition.isNull} && ${condition.value}) found[n++] = row;
          }
          return n;
        }

        ${context.declareAddedFunctions()}
      }"""
    val commented = new CodeAndComment(code, context.getPlaceHolderToComments())
    val (made, _) = CodeGenerator.compile(CodeFormatter.stripOverlappingComments(commented))
    made.generate(context.references.toArray).asInstanceOf[BatchCondition]
  }

  private def value(context: CodegenContext, of: DataType, vector: String): ExprCode = {
    val (isNull, value) = (context.freshName("isNull"), context.freshName("value"))
    val (java, default) = (CodeGenerator.javaType(of), CodeGenerator.defaultValue(of))
    ExprCode(
      code"""
        boolean $isNull = $vector.isNullAt(row);
        $java $value = $isNull ? $default : ${CodeGenerator.getValueFromVector(vector, of, "row")};""",
      JavaCode.isNullVariable(isNull),
      JavaCode.variable(value, of)
    )
  }

  /** Numbers that something is compared or computed with stand outside of the code, so that statements which differ in nothing else share
    * it: it takes many rows until the JVM has made new code quick.
    */
  private val outside: PartialFunction[Expression, Expression] = {
    case e @ (_: BinaryComparison | _: BinaryArithmetic) =>
      e.mapChildren {
        case l @ Literal(value, _: NumericType | _: DateType | _: TimestampType) if value != null =>
          Outside(l)
        case other => other
      }
  }

  final private case class Outside(literal: Literal) extends LeafExpression {
    override def nullable: Boolean = false
    override def dataType: DataType = literal.dataType
    override def eval(input: InternalRow): Any = literal.value

    override protected def doGenCode(context: CodegenContext, code: ExprCode): ExprCode = {
      val held = context.addReferenceObj("constant", literal.value)
      val field =
        context.addMutableState(CodeGenerator.javaType(dataType), "constant", name => s"$name = $held;")
      code.copy(code = EmptyBlock, isNull = FalseLiteral, value = JavaCode.global(field, dataType))
    }
  }

  /** One that can't be compiled. */
  final private class ByRow(holds: Expression) extends BatchCondition {
    private val predicate = Predicate.create(holds)
    predicate.initialize(0)

    override def rows(batch: ColumnarBatch, found: Array[Int]): Int = {
      var n = 0
      (0 until batch.numRows).foreach { row =>
        val values: InternalRow = batch.getRow(row)
        if (predicate.eval(values)) {
          found(n) = row
          n += 1
        }
      }
      n
    }
  }
}
