package io.anabranch.spark.table

import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan

/** A table of ours in a resolved plan, where it is read or written as well as where its rows are changed:
  * `case OurTable(t) => …`.
  */
private[spark] object OurTable {
  def unapply(relation: LogicalPlan): Option[AnabranchTable] =
    SparkBridge.changedTable(relation).collect { case t: AnabranchTable => t }

  /** Whether a plan is one, and not what holds one. */
  def is(relation: LogicalPlan): Boolean = unapply(relation).isDefined
}
