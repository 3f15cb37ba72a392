package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations.{ChangeGrants, ChangePolicy, GiveUp, Granted, Names, PolicyIntents}
import io.anabranch.core.transaction._

/** What a gate says of a branch as it is.
  *
  * @param problem
  *   why it would let nothing pass; None if it holds, or if the branch has none of its tables
  */
final case class GateReport(name: String, branch: String, problem: Option[AnabranchException])

/** Rules about branches: gates, protections, grants. The log of main keeps them. */
final class Policies private[repository] (
    refs: Refs,
    states: States,
    committer: Committer,
    main: MainPolicies,
    expired: Expired,
    env: Environment
) {

  private def newest: CatalogState = refs.head(Refs.Main).getOrElse(Replay.empty)

  def gates: Seq[(String, Gate)] = Guards.all(newest.policies).toSeq.sortBy(_._1)

  def protections: Seq[Protection] =
    newest.policies.valuesIterator.collect { case p: Protection => p }.toSeq.sortBy(_.branches)

  /** Creates a gate, if it holds on all branches that it is about.
    *
    * @throws AnabranchException
    *   ANABRANCH_GATE.INVALID_NAME, ALREADY_EXISTS, INVALID, VIOLATED, FAILED, TIMEOUT; ANABRANCH_REF.PROTECTED;
    *   ANABRANCH_PERMISSION.DENIED
    */
  def create(name: String, gate: Gate, replace: Boolean, ifNotExists: Boolean, by: CommitContext): Unit = {
    if (name.trim.isEmpty || name.exists(_.isControl))
      throw AnabranchException("ANABRANCH_GATE.INVALID_NAME", "gate" -> name)
    checkPattern(gate.branches)
    val policies = newest.policies
    if (!(ifNotExists && policies.contains(Policy.gate(name)))) {
      // before it is run, which may take long
      PolicyIntents.mayChange(policies, gate.branches, "CREATE GATE", by.author)
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
    rule.principals.foreach(Permissions.check)
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

  /** Gives up the data of states that were over by a time, for ever.
    *
    * @param branches
    *   a pattern
    * @return
    *   the policy that counts from now on
    * @throws AnabranchException
    *   ANABRANCH_EXPIRY.LATER_THAN_NOW, EARLIER_THAN_BEFORE; ANABRANCH_REF.INVALID_NAME, PROTECTED;
    *   ANABRANCH_PERMISSION.DENIED
    */
  def expire(beforeMillis: Long, branches: String, by: CommitContext): Expiry = {
    checkPattern(branches)
    val intent = GiveUp(branches, beforeMillis, by.author, env.nowMillis())
    committer.commit(Refs.Main, newest, intent, by).policies(Policy.expiry(branches)) match {
      case e: Expiry => e
      case other => throw new IllegalStateException(s"$other")
    }
  }

  def grants: Seq[Grant] = Permissions
    .grants(newest.policies)
    .sortBy(g => (g.table.fold("")(t => Names.show(t.name)), g.branches, g.privilege))

  /** From now on only these principals, and those who were granted it before, may do something.
    *
    * @throws AnabranchException
    *   ANABRANCH_PERMISSION.INVALID_PRINCIPAL, DENIED, NOT_OWNER; ANABRANCH_REF.PROTECTED
    */
  def grant(what: Granted, principals: Seq[String], by: CommitContext): Unit =
    changeGrants(what, principals, grants = true, by)

  /** Takes it from them.
    *
    * @throws AnabranchException
    *   the same; ANABRANCH_PERMISSION.NOT_GRANTED, LAST_MANAGER
    */
  def revoke(what: Granted, principals: Seq[String], by: CommitContext): Unit =
    changeGrants(what, principals, grants = false, by)

  private def changeGrants(
      what: Granted,
      principals: Seq[String],
      grants: Boolean,
      by: CommitContext
  ): Unit = {
    checkPattern(what.branches)
    principals.foreach(Permissions.check)
    committer.commit(Refs.Main, newest, ChangeGrants(what, principals, grants, by.author), by): Unit
  }

  /** Refuses to show rows of a table to who may not see them; and to everybody, those of a state that was given up since
    * it was found. Policies are known as of the last look at main, which is at most a minute ago.
    *
    * @throws AnabranchException
    *   ANABRANCH_PERMISSION.DENIED, ANABRANCH_REF.EXPIRED
    */
  def maySelect(read: LoadedTable, by: String): Unit = {
    val all = if (read.ref.branch.contains(Refs.Main)) read.ref.committed.state.policies else main.recent
    Permissions.maySelect(
      all,
      Some(branchOf(read.ref)),
      GrantedTable(read.table.id, read.table.name),
      by
    )
    expired.refuse(read.ref)
  }

  /** The same for rows of a table on several branches, as a merge compares them. */
  def maySelect(table: TableState, by: String): Unit =
    Permissions.maySelect(main.recent, None, GrantedTable(table.id, table.name), by)

  /** A branch, or the one to whose log a commit belongs. */
  private def branchOf(ref: ResolvedRef): String = ref.branch.getOrElse {
    val log = ref.state.position.ordinal
    states.log.get(Position(log, 0)).commit.branch.getOrElse(Refs.Main)
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
