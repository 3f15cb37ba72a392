package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations.ChangePolicy
import io.anabranch.core.transaction._

/** What a gate says of a branch as it is.
  *
  * @param problem
  *   why it would let nothing pass; None if it holds, or if the branch has none of its tables
  */
final case class GateReport(name: String, branch: String, problem: Option[AnabranchException])

/** Rules about branches: gates and protections. The log of main keeps them. */
final class Policies private[repository] (refs: Refs, committer: Committer) {

  private def newest: CatalogState = refs.head(Refs.Main).getOrElse(Replay.empty)

  def gates: Seq[(String, Gate)] = Guards.all(newest.policies).toSeq.sortBy(_._1)

  def protections: Seq[Protection] =
    newest.policies.valuesIterator.collect { case p: Protection => p }.toSeq.sortBy(_.branches)

  /** Creates a gate, if it holds on all branches that it is about.
    *
    * @throws AnabranchException
    *   ANABRANCH_GATE.ALREADY_EXISTS, INVALID, VIOLATED, FAILED, TIMEOUT; ANABRANCH_REF.PROTECTED
    */
  def create(name: String, gate: Gate, replace: Boolean, ifNotExists: Boolean, by: CommitContext): Unit = {
    checkPattern(gate.branches)
    if (!(ifNotExists && newest.policies.contains(Policy.gate(name)))) {
      branches(gate).foreach { case (branch, state) =>
        committer.gated(GateAt(name, gate, branch), state, by)
      }
      change("CREATE GATE", Policy.gate(name), Some(gate), by) { is =>
        if (is.isDefined && !replace)
          throw AnabranchException("ANABRANCH_GATE.ALREADY_EXISTS", "gate" -> name)
      }
    }
  }

  /** @throws AnabranchException
    *   ANABRANCH_GATE.NOT_FOUND, ANABRANCH_REF.PROTECTED
    */
  def drop(name: String, ifExists: Boolean, by: CommitContext): Unit =
    change("DROP GATE", Policy.gate(name), None, by) { is =>
      if (is.isEmpty && !ifExists)
        throw AnabranchException(
          "ANABRANCH_GATE.NOT_FOUND",
          "gate" -> name,
          "known" -> gates.map(_._1).mkString(", ")
        )
    }

  /** From now on only merges by these authors (none named is everybody) commit to such branches. */
  def protect(rule: Protection, by: CommitContext): Unit = {
    checkPattern(rule.branches)
    change("PROTECT BRANCH", Policy.protection(rule.branches), Some(rule), by)(_ => ())
  }

  /** @throws AnabranchException
    *   ANABRANCH_REF.NOT_PROTECTED, PROTECTED
    */
  def unprotect(branches: String, ifProtected: Boolean, by: CommitContext): Unit =
    change("UNPROTECT BRANCH", Policy.protection(branches), None, by) { is =>
      if (is.isEmpty && !ifProtected)
        throw AnabranchException("ANABRANCH_REF.NOT_PROTECTED", "rule" -> branches)
    }

  /** What the gates of a branch say of it as it is. */
  def run(branch: String, state: CatalogState, by: CommitContext): Seq[GateReport] =
    gates.filter(_._2.appliesTo(branch)).map { case (name, gate) =>
      val problem =
        try {
          committer.gated(GateAt(name, gate, branch), state, by): Unit
          None
        } catch { case e: AnabranchException => Some(e) }
      GateReport(name, branch, problem)
    }

  /** The branches that a rule is about, with their states. */
  def branches(rule: Policy): Seq[(String, CatalogState)] =
    refs.branchNames().filter(rule.appliesTo).flatMap(n => refs.head(n).map(n -> _))

  private def change(operation: String, name: String, change: Option[Policy], by: CommitContext)(
      check: Option[Policy] => Unit
  ): Unit =
    committer.commit(Refs.Main, newest, ChangePolicy(operation, name, change, by.author, check), by): Unit

  private def checkPattern(branches: String): Unit =
    RefName.problem(branches.replace('*', 'x')).foreach(reason => throw RefName.invalid(branches, reason))
}
