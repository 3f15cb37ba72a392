package io.anabranch.spark.write

import io.anabranch.spark.table.OurTable
import org.apache.spark.sql.catalyst.analysis.{NamedRelation, UnresolvedRelation}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.util.CaseInsensitiveStringMap

import scala.jdk.CollectionConverters._

/** `option("mergeSchema", "true")` of a DataFrame's writer means WITH SCHEMA EVOLUTION, for which Python has no method. */
object MergeSchema extends Rule[LogicalPlan] {
  private val Option = "mergeSchema"

  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case a: AppendData if isMeant(a.table, a.writeOptions) => a.copy(withSchemaEvolution = true)
    case o: OverwriteByExpression if isMeant(o.table, o.writeOptions) => o.copy(withSchemaEvolution = true)
    case o: OverwritePartitionsDynamic if isMeant(o.table, o.writeOptions) =>
      o.copy(withSchemaEvolution = true)
    case i: InsertIntoStatement =>
      i.table match {
        case r: UnresolvedRelation if isMeant(r, r.options.asScala.toMap) =>
          i.copy(withSchemaEvolution = true)
        case _ => i
      }
    case other => other
  }

  private def isMeant(table: NamedRelation, options: Map[String, String]): Boolean =
    isSet(options) && isOurs(table)

  def isSet(options: Map[String, String]): Boolean =
    new CaseInsensitiveStringMap(options.asJava).getBoolean(Option, false)

  private def isOurs(table: NamedRelation): Boolean = table match {
    case r: UnresolvedRelation => StatementNames.isOurs(r)
    case other => OurTable.is(other)
  }
}
