package io.anabranch.spark.write

import io.anabranch.spark.table.AnabranchTable
import org.apache.spark.sql.catalyst.analysis.NamedRelation
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.plans.{Inner, LeftAnti, LeftSemi, RightOuter}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation
import org.apache.spark.sql.internal.SQLConf

/** Narrows the target of a MERGE to the rows that a small source matches, before the join.
  *
  * The join of a MERGE that inserts can't broadcast its source, since unmatched rows of it are kept: Spark sends
  * the whole target through a shuffle. So the keys of the source are broadcast first, and leave out rows of the
  * target (a semi-join) and files (by their bounds, at run time). The source is computed twice, so it must be
  * deterministic.
  */
object MergeKeys extends Rule[LogicalPlan] with PredicateHelper {
  private val MinTargetBytes = 8L * 1024 * 1024

  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    // Spark would read the target once more, to find files to leave out
    case w: WriteDelta if w.operation.isInstanceOf[MergeOnReadOperation] =>
      w.copy(query = inMerge(w.query), groupFilterCondition = None)
    case m: InsertOnlyMerge if isOurs(m.table) => m.withNewQuery(inInsert(m.query))
    case other => other
  }

  private def isOurs(table: NamedRelation): Boolean = table match {
    case r: DataSourceV2Relation => r.table.isInstanceOf[AnabranchTable]
    case _ => false
  }

  private def inMerge(query: LogicalPlan): LogicalPlan = query match {
    case m: MergeRows => m.copy(child = joined(m.child))
    case other => other
  }

  private def joined(plan: LogicalPlan): LogicalPlan = plan match {
    case p: Project => p.copy(child = joined(p.child))
    case j @ Join(target, source, RightOuter | Inner, Some(condition), _) =>
      j.copy(left = narrowed(target, source, condition))
    case other => other
  }

  /** An insert-only MERGE keeps the rows of the source without a match. */
  private def inInsert(query: LogicalPlan): LogicalPlan = query match {
    case p: Project => p.copy(child = inInsert(p.child))
    case m: MergeRows => m.copy(child = inInsert(m.child))
    case j @ Join(source, target, LeftAnti, Some(condition), _) =>
      j.copy(right = narrowed(target, source, condition))
    case other => other
  }

  private def narrowed(target: LogicalPlan, source: LogicalPlan, condition: Expression): LogicalPlan =
    // the rule is applied until nothing changes
    if (target.exists(_.isInstanceOf[Join])) target
    else
      target.transformUp { case r: DataSourceV2Relation =>
        filtered(r, source, equalities(condition, r, source))
      }

  /** Pairs of expressions, of the target and of the source, that rows which match have equal. */
  private def equalities(condition: Expression, target: LogicalPlan, source: LogicalPlan) = {
    def of(e: Expression, plan: LogicalPlan) = e.references.nonEmpty && e.references.subsetOf(plan.outputSet)
    splitConjunctivePredicates(condition).filter(_.deterministic).collect {
      case EqualTo(a, b) if of(a, target) && of(b, source) => (a, b)
      case EqualTo(a, b) if of(b, target) && of(a, source) => (b, a)
    }
  }

  private def filtered(
      target: DataSourceV2Relation,
      source: LogicalPlan,
      pairs: Seq[(Expression, Expression)]
  ): LogicalPlan = {
    // a clone: one tree must not hold the same nodes twice
    lazy val named = pairs.zipWithIndex.map { case ((_, s), i) => Alias(s, s"key$i")() }
    lazy val keys =
      Filter(named.map(k => IsNotNull(k.toAttribute): Expression).reduce(And), Project(named, source.clone()))
    if (pairs.isEmpty || !worthwhile(target, source, keys)) target
    else {
      val matched = pairs.zip(keys.output).map { case ((t, _), key) => EqualTo(t, key): Expression }
      val pruned = pairs.zipWithIndex.collectFirst { case ((t: AttributeReference, _), i) =>
        Filter(DynamicPruningSubquery(t, keys.clone(), keys.output, Seq(i), onlyInBroadcast = true), target)
      }
      val hint = JoinHint(None, Some(HintInfo(Some(BROADCAST))))
      Join(pruned.getOrElse(target), keys, LeftSemi, Some(matched.reduce(And)), hint)
    }
  }

  private def worthwhile(target: DataSourceV2Relation, source: LogicalPlan, keys: LogicalPlan): Boolean =
    source.deterministic && !source.isStreaming &&
      keys.stats.sizeInBytes <= SQLConf.get.autoBroadcastJoinThreshold &&
      target.stats.sizeInBytes >= MinTargetBytes
}
