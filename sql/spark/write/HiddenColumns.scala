package io.anabranch.spark.write

import io.anabranch.core.AnabranchException
import io.anabranch.spark.{AnabranchAnalysisException, AnabranchCatalog}
import io.anabranch.spark.read.LineageColumns
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.{UnresolvedAttribute, UnresolvedRelation}
import org.apache.spark.sql.catalyst.expressions.Expression
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule

import java.util.Locale
import scala.util.Try

/** Where a row comes from can't be assigned, but a statement may ask for it. This looks at statements before
  * Spark resolves them: an UPDATE is planned in the same step in which its names are resolved.
  */
object HiddenColumns extends Rule[LogicalPlan] {

  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case u: UpdateTable if isOurs(u.table) =>
      check(u.assignments, u.table)
      u
    case m: MergeIntoTable if isOurs(m.targetTable) =>
      val actions = m.matchedActions ++ m.notMatchedActions ++ m.notMatchedBySourceActions
      val assigned = actions.flatMap {
        case UpdateAction(_, assignments, _) => assignments
        case InsertAction(_, assignments) => assignments
        case _ => Nil
      }
      check(assigned, m.targetTable)
      // Spark can't plan it: its plan of a MERGE has no room for them
      asked(m).foreach(fail("ANABRANCH_WRITE.HIDDEN_COLUMN_IN_MERGE", m.targetTable, _))
      m
    case other => other
  }

  /** A hidden column of the target, by its name or alias. */
  private def asked(m: MergeIntoTable): Option[String] = {
    val target = m.targetTable match {
      case SubqueryAlias(alias, _) => Some(alias.name)
      case other => name(other).map(_.last)
    }
    m.expressions
      .flatMap(_.collect {
        case u: UnresolvedAttribute
            if u.nameParts.size > 1 && target.exists(_.equalsIgnoreCase(u.nameParts(u.nameParts.size - 2))) =>
          hidden(u)
      })
      .flatten
      .headOption
  }

  private def check(assignments: Seq[Assignment], target: LogicalPlan): Unit =
    assignments
      .flatMap(a => hidden(a.key))
      .headOption
      .foreach(fail("ANABRANCH_WRITE.HIDDEN_COLUMN", target, _))

  private def fail(condition: String, target: LogicalPlan, column: String): Unit =
    throw new AnabranchAnalysisException(
      AnabranchException(
        condition,
        "table" -> name(target).getOrElse(Nil).mkString("."),
        "column" -> column
      )
    )

  private def hidden(e: Expression): Option[String] = e match {
    case u: UnresolvedAttribute =>
      Some(u.nameParts.last.toLowerCase(Locale.ROOT)).filter(LineageColumns.Names)
    case _ => None
  }

  private def name(target: LogicalPlan): Option[Seq[String]] =
    target.collectFirst { case r: UnresolvedRelation => r.multipartIdentifier }

  private def isOurs(target: LogicalPlan): Boolean = name(target).exists { parts =>
    val catalogs = SparkBridge.session.sessionState.catalogManager
    val catalog =
      if (parts.size > 1 && catalogs.isCatalogRegistered(parts.head)) Try(catalogs.catalog(parts.head))
      else Try(catalogs.currentCatalog)
    catalog.toOption.exists(_.isInstanceOf[AnabranchCatalog])
  }
}
