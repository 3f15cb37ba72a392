package io.anabranch.spark.write

import io.anabranch.spark.AnabranchCatalog
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation
import org.apache.spark.sql.catalyst.expressions.Expression
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.internal.SQLConf

import scala.util.{Failure, Success, Try}

/** The tables whose columns a name may mean, where it stands in an UPDATE or MERGE.
  *
  * @param tables
  *   each is resolved when somebody asks
  */
final private[write] class NameScope(tables: NameScope.Table*) {

  /** Whether a name means a column, or several, or can't be told. */
  def hasColumn(name: Seq[String]): Boolean = tables.exists(_.hasColumn(name))

  /** Whether columns of that table may be meant. */
  def includes(table: NameScope.Table): Boolean = tables.contains(table)
}

private[write] object NameScope {
  final class Table(plan: LogicalPlan) {
    private lazy val resolved = SparkBridge.resolved(plan)

    def hasColumn(name: Seq[String]): Boolean = Try(resolved.resolve(name, SQLConf.get.resolver)) match {
      case Success(found) => found.isDefined
      case Failure(_) => true // ambiguous, or no such table: Spark will say so
    }
  }
}

/** Expressions of UPDATE and MERGE, before Spark resolves them: both are planned in the same step in which their names
  * are resolved, so that nothing can be said about names later.
  */
private[write] object StatementNames {

  /** The table that a plan names, as it was written. */
  def of(target: LogicalPlan): Option[Seq[String]] =
    target.collectFirst { case r: UnresolvedRelation => r.multipartIdentifier }

  def isOurs(target: LogicalPlan): Boolean =
    of(target).flatMap(SparkBridge.catalogOf).exists(_.isInstanceOf[AnabranchCatalog])

  def mapped(u: UpdateTable)(f: (Expression, NameScope) => Expression): UpdateTable = {
    val scope = new NameScope(new NameScope.Table(u.table))
    u.copy(
      assignments = u.assignments.map(a => a.copy(value = f(a.value, scope))),
      condition = u.condition.map(f(_, scope))
    )
  }

  /** @param target
    *   stands for the target in the scopes that `f` is given
    */
  def mapped(m: MergeIntoTable, target: NameScope.Table)(
      f: (Expression, NameScope) => Expression
  ): MergeIntoTable = {
    val source = new NameScope.Table(m.sourceTable)
    def actions(of: Seq[MergeAction], scope: NameScope): Seq[MergeAction] = {
      def assigned(assignments: Seq[Assignment]) =
        assignments.map(a => a.copy(value = f(a.value, scope)))
      def when(condition: Option[Expression]) = condition.map(f(_, scope))
      of.map {
        case a: UpdateAction =>
          a.copy(condition = when(a.condition), assignments = assigned(a.assignments))
        case a: InsertAction =>
          a.copy(condition = when(a.condition), assignments = assigned(a.assignments))
        case a: UpdateStarAction => a.copy(condition = when(a.condition))
        case a: InsertStarAction => a.copy(condition = when(a.condition))
        case a: DeleteAction => a.copy(condition = when(a.condition))
        case other => other
      }
    }
    val both = new NameScope(target, source)
    m.copy(
      mergeCondition = f(m.mergeCondition, both),
      matchedActions = actions(m.matchedActions, both),
      notMatchedActions = actions(m.notMatchedActions, new NameScope(source)),
      notMatchedBySourceActions = actions(m.notMatchedBySourceActions, new NameScope(target))
    )
  }
}
