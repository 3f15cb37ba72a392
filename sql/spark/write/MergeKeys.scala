package io.anabranch.spark.write

import io.anabranch.spark.read.AnabranchScan
import io.anabranch.spark.table.OurTable
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.plans.{Inner, LeftAnti, LeftSemi, RightOuter}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.classic.Strategy
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.datasources.v2.{DataSourceV2Relation, DataSourceV2ScanRelation}
import org.apache.spark.sql.internal.SQLConf

/** Narrows the target of a MERGE to the rows that a small source matches, before the join.
  *
  * The join of a MERGE that inserts can't broadcast its source, since unmatched rows of it are kept: Spark sends
  * the whole target through a shuffle. So the keys of the source are broadcast first, and leave out rows of the
  * target by a semi-join; [[MergeFiles]] has them leave out files, too. The source is computed twice, so it must
  * be deterministic.
  */
object MergeKeys extends Rule[LogicalPlan] with PredicateHelper {
  private val MinTargetBytes = 8L * 1024 * 1024

  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case w: WriteDelta if w.operation.isInstanceOf[RowChangeOperation] => w.copy(query = inMerge(w.query))
    case m: InsertOnlyMerge if OurTable.is(m.table) => m.withNewQuery(inInsert(m.query))
    case other => other
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
        filtered(r, source, equalities(condition, r.outputSet, source.outputSet))
      }

  /** Pairs of expressions, of the target and of the source, that rows which match have equal. */
  private[write] def equalities(
      condition: Expression,
      target: AttributeSet,
      source: AttributeSet
  ): Seq[(Expression, Expression)] = {
    def of(e: Expression, columns: AttributeSet) = e.references.nonEmpty && e.references.subsetOf(columns)
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
      val hint = JoinHint(None, Some(HintInfo(Some(BROADCAST))))
      Join(target, keys, LeftSemi, Some(matched.reduce(And)), hint)
    }
  }

  private def worthwhile(target: DataSourceV2Relation, source: LogicalPlan, keys: LogicalPlan): Boolean =
    source.deterministic && !source.isStreaming &&
      keys.stats.sizeInBytes <= SQLConf.get.autoBroadcastJoinThreshold &&
      target.stats.sizeInBytes >= MinTargetBytes
}

/** Keeps Spark from asking the source of a MERGE once more, to find files of the target to leave out: [[MergeFiles]] does
  * that, and a source that is not deterministic would be refused.
  */
object MergeSourceOnce extends Rule[LogicalPlan] {
  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case w: WriteDelta if w.groupFilterCondition.nonEmpty && w.operation.isInstanceOf[RowChangeOperation] =>
      w.copy(groupFilterCondition = None)
    case other => other
  }
}

/** Lets the keys that narrow the target of a MERGE ([[MergeKeys]]) leave out files of it, by their bounds, once
  * they are known. That is Spark's dynamic pruning; it has to be put in where scans are planned already.
  */
object MergeFiles extends Strategy {
  override def apply(plan: LogicalPlan): Seq[SparkPlan] = plan match {
    case w: V2WriteCommand =>
      val pruned = w.transformDown { case j @ Join(target, keys, LeftSemi, Some(condition), _) =>
        pairs(condition, keys)
          .flatMap { case (attribute, i) => filtered(target, attribute, keys, i) }
          .headOption
          .fold(j: LogicalPlan)(narrow => j.copy(left = narrow))
      }
      if (pruned.fastEquals(w)) Nil else Seq(planLater(pruned))
    case _ => Nil
  }

  private def pairs(condition: Expression, keys: LogicalPlan): Seq[(Attribute, Int)] =
    condition.collect {
      case EqualTo(a: Attribute, b: Attribute) if keys.outputSet.contains(b) =>
        (a, keys.output.indexWhere(_.exprId == b.exprId))
    }

  /** Only once, and only where the scan is one that knows its files. */
  private def filtered(
      target: LogicalPlan,
      key: Attribute,
      keys: LogicalPlan,
      index: Int
  ): Option[LogicalPlan] = {
    def known(scan: AnabranchScan) = scan.origin.exists(_.target) &&
      scan.filterAttributes().exists(_.fieldNames.toSeq == Seq(key.name))
    val done = target.exists(_.expressions.exists(_.exists(_.isInstanceOf[DynamicPruningSubquery])))
    val narrow = target.transformUp {
      case r @ DataSourceV2ScanRelation(_, scan: AnabranchScan, output, _, _, _)
          if !done && known(scan) && output.exists(_.exprId == key.exprId) =>
        Filter(DynamicPruningSubquery(key, keys, keys.output, Seq(index), onlyInBroadcast = true), r)
    }
    Option.unless(narrow.fastEquals(target))(narrow)
  }
}
