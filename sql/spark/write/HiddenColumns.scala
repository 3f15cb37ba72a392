package io.anabranch.spark.write

import io.anabranch.core.AnabranchException
import io.anabranch.spark.AnabranchAnalysisException
import io.anabranch.spark.read.LineageColumns
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.UnresolvedAttribute
import org.apache.spark.sql.catalyst.expressions.{
  Attribute,
  Expression,
  LeafExpression,
  SubqueryExpression,
  Unevaluable
}
import org.apache.spark.sql.catalyst.plans.LeftAnti
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation
import org.apache.spark.sql.types.{DataType, LongType}

import java.util.Locale

/** Where a row comes from can't be assigned, but a statement may ask for it. In a MERGE, Spark would take the target's
  * hidden columns for columns to write; so [[HiddenColumn]] stands for them until it is planned.
  */
object HiddenColumns extends Rule[LogicalPlan] {

  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case u: UpdateTable if StatementNames.isOurs(u.table) =>
      check(u.assignments, u.table)
      u
    case m: MergeIntoTable if StatementNames.isOurs(m.targetTable) =>
      val actions = m.matchedActions ++ m.notMatchedActions ++ m.notMatchedBySourceActions
      val assigned = actions.flatMap {
        case UpdateAction(_, assignments, _) => assignments
        case InsertAction(_, assignments) => assignments
        case _ => Nil
      }
      check(assigned, m.targetTable)
      held(m)
    case other => other
  }

  private def held(m: MergeIntoTable): MergeIntoTable = {
    val target = new NameScope.Table(m.targetTable)
    val source = new NameScope.Table(m.sourceTable)
    val ours = m.targetTable match {
      case SubqueryAlias(alias, _) => Some(alias.name)
      case other => StatementNames.of(other).map(_.last)
    }
    // without a qualifier, the source may have it as well: then Spark says that it is ambiguous
    def ofTarget(name: Seq[String], scope: NameScope) =
      scope.includes(target) && (name.init.lastOption match {
        case Some(qualifier) => ours.exists(_.equalsIgnoreCase(qualifier))
        case None => !source.hasColumn(name)
      })
    StatementNames.mapped(m, target) { (e, scope) =>
      e.transform {
        case u: UnresolvedAttribute if hidden(u).isDefined && ofTarget(u.nameParts, scope) =>
          HiddenColumn(hidden(u).get)
      }
    }
  }

  private def check(assignments: Seq[Assignment], target: LogicalPlan): Unit =
    assignments
      .flatMap(a => hidden(a.key))
      .headOption
      .foreach { column =>
        throw new AnabranchAnalysisException(
          AnabranchException(
            "ANABRANCH_WRITE.HIDDEN_COLUMN",
            "table" -> StatementNames.of(target).getOrElse(Nil).mkString("."),
            "column" -> column
          )
        )
      }

  private def hidden(e: Expression): Option[String] = e match {
    case u: UnresolvedAttribute =>
      Some(u.nameParts.last.toLowerCase(Locale.ROOT)).filter(LineageColumns.Names)
    case _ => None
  }
}

/** A hidden column of the target of a MERGE that is not planned yet. */
final case class HiddenColumn(column: String) extends LeafExpression with Unevaluable {
  override def dataType: DataType = LongType
  override def nullable: Boolean = true
  override def sql: String = column
  override def toString: String = column
}

/** Once Spark has planned a MERGE, its scan of the target has the hidden columns: they take their places. */
object HiddenColumnsFound extends Rule[LogicalPlan] {
  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case w: WriteDelta if asks(w.query) =>
      SparkBridge
        .changedColumns(w.query)
        .fold(w) { columns =>
          w.copy(
            query = w.query.resolveExpressions(found(columns)),
            condition = w.condition.transform(found(columns))
          )
        }
    // a MERGE that only inserts asks for rows without a match
    case w: V2WriteCommand if asks(w.query) =>
      w.withNewQuery(w.query.resolveOperators {
        case j @ Join(_, target: DataSourceV2Relation, LeftAnti, Some(condition), _) if asks(condition) =>
          val whole = target.withMetadataColumns()
          j.copy(right = whole, condition = Some(condition.transform(found(whole.output))))
      })
    case other => other
  }

  private def asks(plan: LogicalPlan): Boolean = plan.exists(_.expressions.exists(asks))
  private def asks(e: Expression): Boolean = e.exists {
    case _: HiddenColumn => true
    case s: SubqueryExpression => asks(s.plan)
    case _ => false
  }

  private def found(columns: Seq[Attribute]): PartialFunction[Expression, Expression] = {
    case HiddenColumn(name) if columns.exists(_.name == name) => columns.find(_.name == name).get
  }
}
