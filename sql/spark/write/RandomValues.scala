package io.anabranch.spark.write

import io.anabranch.spark.table.OurTable
import org.apache.spark.TaskContext
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenFallback
import org.apache.spark.sql.catalyst.expressions.{Expression, Nondeterministic, UnaryExpression}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.types.DataType

/** Lets the values that a MERGE writes be random (`uuid()`), as they may be in INSERT and UPDATE: Spark refuses that for
  * any operator that it does not know, and the one that tells the rows of a MERGE is such.
  */
object RandomValues extends Rule[LogicalPlan] {
  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case w: WriteDelta if w.operation.isInstanceOf[RowChangeOperation] => w.copy(query = drawn(w.query))
    case m: InsertOnlyMerge if OurTable.is(m.table) => m.withNewQuery(drawn(m.query))
    case other => other
  }

  private def drawn(query: LogicalPlan): LogicalPlan = query.resolveOperators { case m: MergeRows =>
    m.copy(
      matchedInstructions = m.matchedInstructions.map(drawn),
      notMatchedInstructions = m.notMatchedInstructions.map(drawn),
      notMatchedBySourceInstructions = m.notMatchedBySourceInstructions.map(drawn)
    )
  }

  private def drawn(instruction: MergeRows.Instruction): MergeRows.Instruction = instruction
    .mapChildren(e => if (e.resolved && !e.deterministic) RandomValue(e) else e)
    .asInstanceOf[MergeRows.Instruction]
}

/** A value that is drawn for each row once, wherever it stands. */
final case class RandomValue(child: Expression) extends UnaryExpression with CodegenFallback {
  override lazy val deterministic: Boolean = true
  override def foldable: Boolean = false
  override def stateful: Boolean = true
  override def nullable: Boolean = child.nullable
  override def dataType: DataType = child.dataType
  override protected def withNewChildInternal(newChild: Expression): RandomValue = copy(newChild)

  // nobody begins what is random below an operator that is taken for one without
  @transient private lazy val begun: Unit = child.foreach {
    case n: Nondeterministic => n.initialize(TaskContext.getPartitionId())
    case _ => ()
  }

  override def eval(input: InternalRow): Any = {
    begun
    child.eval(input)
  }
}
