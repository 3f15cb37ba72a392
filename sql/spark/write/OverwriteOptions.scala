package io.anabranch.spark.write

import io.anabranch.spark.{AnabranchAnalysisException, AnabranchCatalog}
import io.anabranch.spark.table.{OurTable, TableOptions}
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.{ResolvedIdentifier, UnresolvedRelation}
import org.apache.spark.sql.catalyst.expressions.Expression
import org.apache.spark.sql.catalyst.expressions.Literal.TrueLiteral
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.connector.catalog.Identifier
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation
import org.apache.spark.sql.util.CaseInsensitiveStringMap

import scala.jdk.CollectionConverters._

/** Options by which a DataFrame's writer overwrites a part of a table, with `mode("overwrite")`: `replaceWhere` has the
  * condition of the rows that go, `partitionOverwriteMode` says that partitions do. `saveAsTable` overwrites the part,
  * too, of a table that is there, where it would replace the table otherwise.
  */
object OverwriteOptions extends Rule[LogicalPlan] {
  import TableOptions.{PartitionMode, ReplaceWhere}

  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case o @ OverwriteByExpression(r: DataSourceV2Relation, TrueLiteral, _, options, _, _, _, _)
        if OurTable.is(r) =>
      condition(options ++ r.options.asCaseSensitiveMap.asScala).fold(plan) { c =>
        val table = r.copy(options = new CaseInsensitiveStringMap(rest(r.options).asJava))
        o.copy(table = table, deleteExpr = c, writeOptions = rest(options))
      }
    case replaced @ ReplaceTableAsSelect(
          ResolvedIdentifier(catalog: AnabranchCatalog, name),
          _,
          query,
          _,
          options,
          true,
          _
        ) if of(options).containsKey(ReplaceWhere) || isDynamic(options) =>
      if (catalog.tableExists(name)) overwritten(catalog, name, query, options)
      else replaced.copy(writeOptions = rest(options, ReplaceWhere, PartitionMode))
    case other => other
  }

  private def overwritten(
      catalog: AnabranchCatalog,
      name: Identifier,
      query: LogicalPlan,
      options: Map[String, String]
  ): LogicalPlan = {
    val table = UnresolvedRelation(catalog.name +: name.namespace.toSeq :+ name.name)
    val evolves = MergeSchema.isSet(options)
    condition(options) match {
      case Some(c) => OverwriteByExpression.byName(table, query, c, rest(options), evolves)
      case None => OverwritePartitionsDynamic.byName(table, query, options, evolves)
    }
  }

  private def condition(options: Map[String, String]): Option[Expression] =
    Option(of(options).get(ReplaceWhere)).map { text =>
      if (isDynamic(options))
        throw new AnabranchAnalysisException(
          TableOptions.refused(
            ReplaceWhere,
            s"$PartitionMode chooses the rows that go, too",
            "Give one of the two."
          )
        )
      SparkBridge.session.sessionState.sqlParser.parseExpression(text)
    }

  private def isDynamic(options: Map[String, String]) = TableOptions.overwritesPartitions(of(options))

  private def of(options: Map[String, String]) = new CaseInsensitiveStringMap(options.asJava)

  private def rest(options: CaseInsensitiveStringMap): Map[String, String] =
    rest(options.asCaseSensitiveMap.asScala.toMap)

  private def rest(options: Map[String, String], without: String*): Map[String, String] =
    options.filterNot { case (k, _) => (ReplaceWhere +: without).exists(_.equalsIgnoreCase(k)) }
}
