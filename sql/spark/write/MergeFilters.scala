package io.anabranch.spark.write

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule

/** Lets conditions on the target of a MERGE reach its scan: those, for one, that Spark finds for a source of constants.
  *
  * Spark numbers the target's rows, to know which of them were matched, and puts no condition below that, since the
  * numbers would be others. They only have to differ.
  */
object MergeFilters extends Rule[LogicalPlan] {
  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case w: WriteDelta if w.operation.isInstanceOf[RowChangeOperation] =>
      val query = w.query.transformDown {
        case Filter(condition, numbered @ Project(columns, rows))
            if columns.exists(numbers) && condition.deterministic &&
              condition.references.subsetOf(rows.outputSet) =>
          numbered.copy(child = Filter(condition, rows))
      }
      if (query.fastEquals(w.query)) w else w.copy(query = query)
    case other => other
  }

  private def numbers(column: NamedExpression): Boolean = column match {
    case Alias(_: MonotonicallyIncreasingID, MergeRows.ROW_ID) => true
    case _ => false
  }
}
