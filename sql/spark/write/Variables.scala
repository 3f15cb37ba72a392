package io.anabranch.spark.write

import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.{LiteralFunctionResolution, UnresolvedAttribute}
import org.apache.spark.sql.catalyst.expressions.{Expression, LambdaFunction, UnresolvedNamedLambdaVariable}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule

import java.util.Locale

import scala.util.{Success, Try}

/** Variables of the session and of SQL scripts in UPDATE and MERGE, where Spark looks for columns alone. As everywhere
  * in SQL, a name that is a column means the column.
  */
object Variables extends Rule[LogicalPlan] {

  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case u: UpdateTable if StatementNames.isOurs(u.table) => StatementNames.mapped(u)(valued)
    case m: MergeIntoTable if StatementNames.isOurs(m.targetTable) =>
      StatementNames.mapped(m, new NameScope.Table(m.targetTable))(valued)
    case other => other
  }

  private def valued(e: Expression, scope: NameScope): Expression = e match {
    case u: UnresolvedAttribute if isDefault(u) => u // SET a = DEFAULT
    case other => valued(other, scope, Set.empty)
  }

  /** @param bound
    *   names that are arguments of functions around it, in lower case
    */
  private def valued(e: Expression, scope: NameScope, bound: Set[String]): Expression = e match {
    case u: UnresolvedAttribute => variable(u.nameParts, scope, bound).getOrElse(u)
    // in the body of a function all names look like this
    case v: UnresolvedNamedLambdaVariable => variable(v.nameParts, scope, bound).getOrElse(v)
    case l: LambdaFunction =>
      val arguments = l.arguments.map(_.name.toLowerCase(Locale.ROOT))
      l.copy(function = valued(l.function, scope, bound ++ arguments))
    case other => other.mapChildren(valued(_, scope, bound))
  }

  private def variable(name: Seq[String], scope: NameScope, bound: Set[String]): Option[Expression] =
    if (bound(name.head.toLowerCase(Locale.ROOT))) None
    else
      Try(SparkBridge.variable(name)) match {
        case Success(None) => None
        // columns are looked for only now: that resolves the tables once more
        case _ if scope.hasColumn(name) || LiteralFunctionResolution.resolve(name).isDefined => None
        case found => found.get // or says that the variable has no such field
      }

  private def isDefault(u: UnresolvedAttribute) =
    u.nameParts.size == 1 && u.nameParts.head.equalsIgnoreCase("DEFAULT")
}
