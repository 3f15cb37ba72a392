package io.anabranch.spark.commands

import io.anabranch.spark.AnabranchCatalog
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.ResolvedNamespace
import org.apache.spark.sql.catalyst.plans.logical.{AnalyzeTables, LogicalPlan}
import org.apache.spark.sql.catalyst.rules.Rule

/** Refuses `ANALYZE TABLES` as Spark refuses `ANALYZE TABLE`: it has no plan for it, which is an internal error. */
object UnplannedCommands extends Rule[LogicalPlan] {
  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case AnalyzeTables(ResolvedNamespace(_: AnabranchCatalog, _, _), _) => throw SparkBridge.analyzeRefused
    case other => other
  }
}
