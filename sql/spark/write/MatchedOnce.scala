package io.anabranch.spark.write

import io.anabranch.spark.table.OurTable
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.codegen.Block._
import org.apache.spark.sql.catalyst.expressions.codegen.{CodegenContext, EmptyBlock, ExprCode, FalseLiteral}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.types.{BooleanType, DataType, StringType}
import org.roaringbitmap.longlong.Roaring64Bitmap

/** Has a MERGE that finds two source rows for one target row say which key they have: Spark's own check does not. It takes
  * the place of that check.
  */
object MatchedOnce extends Rule[LogicalPlan] with PredicateHelper {
  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case w: WriteDelta if OurTable.is(w.table) => w.copy(query = checked(w.query))
    case r: ReplaceData if OurTable.is(r.table) => r.copy(query = checked(r.query))
    case other => other
  }

  private def checked(query: LogicalPlan): LogicalPlan = query match {
    case m: MergeRows if m.checkCardinality =>
      m.child.output.find(_.name == MergeRows.ROW_ID).fold(m) { row =>
        val keys = joinOf(m.child).toSeq.flatMap(keysOf)
        val texts = keys.map(Cast(_, StringType, Some(conf.sessionLocalTimeZone)))
        m.copy(
          child = withKeys(m.child, AttributeSet.fromAttributeSets(keys.map(_.references))),
          isTargetRowPresent =
            MatchedOnce(m.isTargetRowPresent, m.isSourceRowPresent, row, texts, keys.map(_.sql)),
          checkCardinality = false
        )
      }
    case other => other
  }

  private def joinOf(plan: LogicalPlan): Option[Join] = plan match {
    case j: Join => Some(j)
    case p: Project => joinOf(p.child)
    case _ => None
  }

  /** The joined rows with what keys are made of, which nothing else may need. */
  private def withKeys(plan: LogicalPlan, keys: AttributeSet): LogicalPlan = plan match {
    case p: Project => p.copy(p.projectList ++ (keys -- p.outputSet).toSeq, withKeys(p.child, keys))
    case other => other
  }

  /** What the source's rows are found by. */
  private def keysOf(join: Join): Seq[Expression] =
    join.condition.toSeq
      .flatMap(splitConjunctivePredicates)
      .flatMap {
        case EqualTo(a, b) => Seq(a, b)
        case EqualNullSafe(a, b) => Seq(a, b)
        case _ => Nil
      }
      .filter(e => e.deterministic && e.references.nonEmpty && e.references.subsetOf(join.right.outputSet))
}

/** Whether a joined row has a target row, which no other joined row with a source row may have.
  *
  * @param row
  *   what tells target rows apart
  * @param keys
  *   shown in the error, as text, under `names`
  */
final case class MatchedOnce(
    target: Expression,
    source: Expression,
    row: Expression,
    keys: Seq[Expression],
    names: Seq[String]
) extends Expression {
  @transient private lazy val seen = new MatchedRows(names.toArray)

  override def children: Seq[Expression] = target +: source +: row +: keys
  override def dataType: DataType = BooleanType
  override def nullable: Boolean = false
  override def stateful: Boolean = true
  override protected def withNewChildrenInternal(c: IndexedSeq[Expression]): Expression =
    copy(target = c(0), source = c(1), row = c(2), keys = c.drop(3))

  override def eval(input: InternalRow): Any = {
    val found = target.eval(input).asInstanceOf[Boolean]
    if (found && source.eval(input).asInstanceOf[Boolean] && !seen.add(row.eval(input).asInstanceOf[Long]))
      seen.fail(keys.map(k => Option(k.eval(input)).fold[String](null)(_.toString)).toArray)
    found
  }

  override protected def doGenCode(ctx: CodegenContext, ev: ExprCode): ExprCode = {
    val rows = ctx.addReferenceObj("matchedRows", new MatchedRows(names.toArray))
    val (t, s, r) = (target.genCode(ctx), source.genCode(ctx), row.genCode(ctx))
    val texts = keys.map(_.genCode(ctx))
    val shown = texts.map(k => s"${k.isNull} ? null : ${k.value}.toString()").mkString(", ")
    val code = code"""
      ${t.code}
      boolean ${ev.value} = ${t.value};
      if (${ev.value}) {
        ${s.code}
        if (${s.value}) {
          ${r.code}
          if (!$rows.add(${r.value})) {
            ${texts.map(_.code).fold(EmptyBlock)(_ + _)}
            $rows.fail(new String[] {$shown});
          }
        }
      }
    """
    ev.copy(code = code, isNull = FalseLiteral)
  }
}

/** The target rows that a task has found source rows for. */
final class MatchedRows(names: Array[String]) extends Serializable {
  @transient private lazy val seen = new Roaring64Bitmap

  /** False if the row was there already. */
  def add(row: Long): Boolean = {
    val fresh = !seen.contains(row)
    if (fresh) seen.addLong(row)
    fresh
  }

  def fail(values: Array[String]): Unit = {
    val keys = names.zip(values).map { case (name, value) => s"$name = ${Option(value).getOrElse("NULL")}" }
    throw SparkBridge.ambiguousMerge(keys.toSeq)
  }
}
