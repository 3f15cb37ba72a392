package io.anabranch.spark.write

import org.apache.spark.sql.catalyst.expressions.Literal
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule

/** `source.hint("anabranch_target", "t").mergeInto(table, …)`: gives the target of a merge an alias, for which
  * `DataFrame.mergeInto` has no argument. So `anabranch.Table` can have one, with Columns as well as SQL text.
  */
object TargetAlias extends Rule[LogicalPlan] {
  private val Name = "anabranch_target"

  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case m: MergeIntoTable =>
      m.sourceTable match {
        case UnresolvedHint(name, Seq(alias), source) if name.equalsIgnoreCase(Name) =>
          val text = alias match {
            case Literal(value, _) => value.toString
            case other => other.toString
          }
          m.copy(targetTable = SubqueryAlias(text, m.targetTable), sourceTable = source)
        case _ => m
      }
    case other => other
  }
}
