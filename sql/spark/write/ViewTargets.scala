package io.anabranch.spark.write

import io.anabranch.core.AnabranchException
import io.anabranch.spark.AnabranchAnalysisException
import io.anabranch.spark.table.OurTable
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation
import org.apache.spark.sql.catalyst.expressions.{Alias, Attribute, Cast, Expression, NamedExpression}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation

import scala.util.Try

/** A temporary view that shows a table as it is stands for the table in UPDATE, DELETE and MERGE. Of any other view Spark
  * says wrong things, or breaks down: it is refused.
  */
object ViewTargets extends Rule[LogicalPlan] {

  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case u: UpdateTable => u.copy(table = target(u.table))
    case d: DeleteFromTable => d.copy(table = target(d.table))
    case m: MergeIntoTable => m.copy(targetTable = target(m.targetTable))
    case other => other
  }

  private def target(named: LogicalPlan): LogicalPlan = named match {
    case a: SubqueryAlias => a.copy(child = target(a.child))
    case r: UnresolvedRelation if SparkBridge.isTemporaryView(r.multipartIdentifier) =>
      // what can't be resolved Spark will tell
      Try(SparkBridge.resolved(UnresolvedRelation(r.multipartIdentifier))).toOption.fold(named)(tableOf(r, _))
    case other => other
  }

  private def tableOf(view: UnresolvedRelation, shown: LogicalPlan): LogicalPlan = whole(shown) match {
    case Some(name) =>
      SubqueryAlias(view.multipartIdentifier.last, view.copy(multipartIdentifier = name))
    case None if shown.exists(OurTable.is) =>
      throw new AnabranchAnalysisException(
        AnabranchException("ANABRANCH_TABLE.IS_VIEW", "table" -> view.multipartIdentifier.mkString("."))
      )
    case None => view
  }

  /** The name of the table of which a plan gives all columns of all rows, under their names, as they are now. */
  private def whole(plan: LogicalPlan): Option[Seq[String]] = plan match {
    case SubqueryAlias(_, child) => whole(child)
    case v: View => whole(v.child)
    case Project(columns, child)
        if columns.size == child.output.size && columns.zip(child.output).forall((same _).tupled) =>
      whole(child)
    case r: DataSourceV2Relation if OurTable.is(r) && r.timeTravelSpec.isEmpty && r.options.isEmpty =>
      for { catalog <- r.catalog; table <- r.identifier } yield catalog.name +:
        (table.namespace.toSeq :+ table.name)
    case _ => None
  }

  private def same(shown: NamedExpression, column: Attribute): Boolean = shown match {
    case a: Alias => a.name == column.name && isColumn(a.child, column)
    case other => isColumn(other, column)
  }

  private def isColumn(e: Expression, column: Attribute): Boolean = e match {
    case c: Cast => c.dataType == column.dataType && isColumn(c.child, column)
    case other => other.semanticEquals(column)
  }
}
