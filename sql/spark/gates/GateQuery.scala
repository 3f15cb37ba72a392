package io.anabranch.spark.gates

import io.anabranch.core.AnabranchException
import io.anabranch.core.operations.Names
import io.anabranch.spark.table.OurTable
import org.apache.spark.sql.catalyst.expressions.{
  CallMethodViaReflection,
  Expression,
  Generator,
  SubqueryExpression,
  WindowExpression
}
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.trees.TreePattern
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation

/** What a gate's query reads, and how. */
object GateQuery {

  /** Full names of the tables that it reads at a ref, views included, if it does nothing that a gate must not.
    *
    * @throws AnabranchException
    *   ANABRANCH_GATE.INVALID if it reads none of it, or what the repository does not have
    */
  def tables(name: String, plan: LogicalPlan, ref: String): Seq[Seq[String]] = {
    def invalid(reason: String) =
      AnabranchException("ANABRANCH_GATE.INVALID", "gate" -> name, "reason" -> reason)
    // a gate that somebody else wrote runs with the rights of whoever commits
    if (plan.collectWithSubqueries { case p if p.expressions.exists(_.exists(isCall)) => p }.nonEmpty)
      throw invalid("it calls methods of Java")
    val leaves = plan.collectWithSubqueries { case leaf: LeafNode => leaf }
    val read = leaves.flatMap {
      case OurTable(t) =>
        Option.when(t.loaded.ref.text == ref)(t.loaded.table.name)
      case _: LocalRelation | _: OneRowRelation | _: Range | _: CTERelationRef => None
      case other =>
        throw invalid(s"it reads ${other.simpleString(3).take(200)}, which is not in the repository")
    }
    if (read.isEmpty) throw invalid("it reads no table of the branch")
    val views = plan.collectWithSubqueries { case SubqueryAlias(id, _: View) => id.qualifier.tail :+ id.name }
    (read ++ views).distinct.sortBy(Names.show)
  }

  private def isCall(e: Expression): Boolean = e match {
    case _: CallMethodViaReflection => true
    case _ => false
  }

  /** Whether it looks at each row by itself, so that rows which it let pass once need no second look. */
  def isByRow(plan: LogicalPlan): Boolean = plan match {
    case Project(columns, child) => columns.forall(isByRow) && isByRow(child)
    case Filter(condition, child) => isByRow(condition) && isByRow(child)
    case SubqueryAlias(_, child) => isByRow(child)
    case _: DataSourceV2Relation => true
    case _ => false
  }

  private def isByRow(e: Expression): Boolean = e.deterministic &&
    !e.containsPattern(TreePattern.CURRENT_LIKE) && !e.exists {
      case _: SubqueryExpression | _: WindowExpression | _: AggregateExpression | _: Generator => true
      case _ => false
    }
}
