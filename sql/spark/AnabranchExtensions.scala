package io.anabranch.spark

import io.anabranch.spark.catalog.ProcedureArguments
import io.anabranch.spark.commands.UnplannedCommands
import io.anabranch.spark.parser.AnabranchParser
import io.anabranch.spark.schema.CheckSubqueries
import io.anabranch.spark.write.{
  DeleteConditions,
  HiddenColumns,
  HiddenColumnsFound,
  MatchedOnce,
  MergeFiles,
  MergeFilters,
  MergeKeys,
  MergeSchema,
  MergeSourceOnce,
  OverwriteOptions,
  RandomValues,
  ReadTracking,
  TargetAlias,
  TargetOnce,
  Variables,
  ViewTargets
}
import org.apache.spark.sql.SparkSessionExtensions

/** The Spark session extension: `spark.sql.extensions=io.anabranch.spark.AnabranchExtensions`. */
final class AnabranchExtensions extends (SparkSessionExtensions => Unit) {
  override def apply(extensions: SparkSessionExtensions): Unit = {
    extensions.injectParser((_, delegate) => new AnabranchParser(delegate))
    extensions.injectHintResolutionRule(_ => ViewTargets)
    extensions.injectHintResolutionRule(_ => MergeSchema)
    extensions.injectHintResolutionRule(_ => TargetAlias)
    extensions.injectHintResolutionRule(_ => HiddenColumns)
    extensions.injectHintResolutionRule(_ => Variables)
    extensions.injectHintResolutionRule(_ => ProcedureArguments)
    extensions.injectResolutionRule(_ => HiddenColumnsFound)
    extensions.injectResolutionRule(_ => OverwriteOptions)
    extensions.injectResolutionRule(_ => MergeSourceOnce)
    extensions.injectResolutionRule(_ => RandomValues)
    extensions.injectResolutionRule(_ => CheckSubqueries)
    extensions.injectResolutionRule(_ => UnplannedCommands)
    extensions.injectOptimizerRule(_ => TargetOnce)
    extensions.injectOptimizerRule(_ => MatchedOnce)
    extensions.injectOptimizerRule(_ => MergeFilters)
    extensions.injectOptimizerRule(_ => MergeKeys)
    extensions.injectOptimizerRule(_ => DeleteConditions)
    extensions.injectPlannerStrategy(_ => ReadTracking)
    extensions.injectPlannerStrategy(_ => MergeFiles)
  }
}
