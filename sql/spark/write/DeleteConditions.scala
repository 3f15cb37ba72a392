package io.anabranch.spark.write

import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.expressions.{KnownNullable, PredicateHelper}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule

/** Keeps a condition that Spark fails to say to a source from being said to it: Spark asks of each DELETE whether whole files
  * may be left out, and knows no words for what is in a wrapping of ours.
  */
object DeleteConditions extends Rule[LogicalPlan] with PredicateHelper {
  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case w: WriteDelta
        if w.operation.isInstanceOf[RowChangeOperation] && !w.condition.isInstanceOf[KnownNullable] &&
          splitConjunctivePredicates(w.condition).exists(SparkBridge.predicate(_).isEmpty) =>
      w.copy(condition = KnownNullable(w.condition))
    case other => other
  }
}
