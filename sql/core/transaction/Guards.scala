package io.anabranch.core.transaction

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log._

/** Evaluates gates: a query engine. */
trait GateRunner {

  /** @param root
    *   of the repository
    * @param all
    *   the state that would be committed
    * @param changed
    *   the same, with only those files of the gate's tables that may hold rows which the state before has not; None if
    *   all have to be read
    * @return
    *   what was read
    * @throws AnabranchException
    *   ANABRANCH_GATE.VIOLATED, FAILED, TIMEOUT
    */
  def run(root: String, at: GateAt, all: CatalogState, changed: => Option[CatalogState]): String
}

/** A gate, and the branch that somebody wants to commit to. */
final case class GateAt(name: String, gate: Gate, branch: String)

object GateRunner {

  /** Of software without a query engine: no gate lets it pass. */
  val None: GateRunner = (_, at, _, _) =>
    throw AnabranchException("ANABRANCH_GATE.NO_ENGINE", "gate" -> at.name, "branch" -> at.branch)
}

/** Holds commits to the repository's policies. */
final class Guards(root: String, refs: Refs, states: States) {

  /** The policies of a branch, as new as the state of it that a commit stands on; of other branches than main, as new as
    * this moment.
    */
  def of(branch: String, state: CatalogState): Map[String, Policy] = {
    val all =
      if (branch == Refs.Main) state.policies else refs.head(Refs.Main).fold(state.policies)(_.policies)
    all.filter(_._2.appliesTo(branch))
  }

  /** Refuses what a protected branch is protected from, and who was not granted to change it.
    *
    * @throws AnabranchException
    *   ANABRANCH_REF.PROTECTED, ANABRANCH_PERMISSION.DENIED, ANABRANCH_REPOSITORY.UNKNOWN_FEATURE
    */
  def admit(branch: String, policies: Map[String, Policy], intent: Intent, by: String): Unit =
    Guards.admit(branch, policies, intent.operation, intent.merges, by)

  /** Runs the gates that a commit has to pass.
    *
    * @return
    *   how they let it pass, by name
    */
  def pass(
      branch: String,
      policies: Map[String, Policy],
      before: CatalogState,
      commit: Commit,
      runner: GateRunner
  ): Map[String, GatePassed] = {
    val touched = commit.tables.collect { case (id, t) if !t.rearranged => id }.toSet
    val due = Guards.gates(policies, touched, before)
    if (due.isEmpty && !commit.tables.valuesIterator.exists(_.name.isDefined)) Map.empty
    else {
      // a place that no log has, and that was never asked about: caches tell states apart by it
      val place = Position(before.position.ordinal, Guards.seqs.decrementAndGet())
      val after = states.over(before, Entry(CommitId(place, ""), commit))
      run(branch, Guards.gates(policies, touched, before, after), Some(before), after, runner)
    }
  }

  /** Runs gates on a state that a branch is to have.
    *
    * @param before
    *   the state that it has, in which all gates hold
    */
  def run(
      branch: String,
      gates: Map[String, Gate],
      before: Option[CatalogState],
      after: CatalogState,
      runner: GateRunner
  ): Map[String, GatePassed] = gates.toSeq
    .sortBy(_._1)
    .map { case (name, gate) =>
      val changed = () => before.flatMap(Guards.changed(gate, _, after, states))
      val read = runner.run(root, GateAt(name, gate, branch), after, changed())
      name -> GatePassed(read, Sha256.hex(gate.query.getBytes("UTF-8")))
    }
    .toMap
}

object Guards {
  import java.util.concurrent.atomic.AtomicLong

  /** Numbers in logs that no entry has, and that transactions don't use. */
  private val seqs = new AtomicLong(Long.MinValue / 2)

  def admit(
      branch: String,
      policies: Map[String, Policy],
      operation: String,
      merges: Boolean,
      by: String
  ): Unit = {
    policies.toSeq.sortBy(_._1).foreach(admit(branch, _, operation, merges, by))
    Permissions.mayCommit(branch, policies, operation, by)
  }

  private def admit(
      branch: String,
      policy: (String, Policy),
      operation: String,
      merges: Boolean,
      by: String
  ): Unit = policy match {
    case (_, p: Protection) if !merges || !allows(p, by) =>
      val who = if (p.principals.isEmpty) "" else s" by ${p.principals.mkString(", ")}"
      throw AnabranchException(
        "ANABRANCH_REF.PROTECTED",
        "ref" -> branch,
        "operation" -> operation,
        "author" -> by,
        "rule" -> p.branches,
        "who" -> who
      )
    case (_, u: UnknownPolicy) => throw u.refusal(s"branch $branch")
    case _ => ()
  }

  def allows(p: Protection, author: String): Boolean = p.principals.isEmpty || p.principals.contains(author)

  /** The gates that read one of some tables, by their own names. What a view reads may be another table by now than when
    * the gate was made, so a gate that reads a view is always one of them.
    *
    * @param states
    *   in which the tables have the names by which gates know them
    */
  def gates(policies: Map[String, Policy], tables: Set[String], states: CatalogState*): Map[String, Gate] = {
    val names = states.flatMap(s => tables.flatMap(s.tables.get).map(_.name)).toSet
    def isView(name: Seq[String]) =
      states.exists(_.byName.get(name).exists(_.metadata.view.isDefined))
    all(policies).filter(g => tables.nonEmpty && g._2.tables.exists(n => names(n) || isView(n)))
  }

  def all(policies: Map[String, Policy]): Map[String, Gate] = policies.collect { case (key, g: Gate) =>
    key.stripPrefix(Policy.gate("")) -> g
  }

  /** Some tables, under the names that they have in some states. */
  def tables(ids: Iterable[String], states: CatalogState*): Seq[GrantedTable] =
    for { id <- ids.toSeq; s <- states; t <- s.tables.get(id) } yield GrantedTable(id, t.name)

  /** A state with only those files of a gate's table that may hold rows which the state before has not; None if the gate
    * reads several tables, or the columns of its table were changed.
    */
  def changed(
      gate: Gate,
      before: CatalogState,
      after: CatalogState,
      reader: ManifestReader
  ): Option[CatalogState] = gate.tables.distinct match {
    case Seq(name) =>
      for {
        t <- after.byName.get(name)
        was <- before.tables.get(t.id)
        if was.metadata.columns == t.metadata.columns && was.name == t.name
      } yield {
        val old = was.files.files
        val files = t.files.files.filterNot { case (id, f) =>
          // of a file whose deletion vector is another one, rows may have come back
          old.get(id).exists(o => o.deletions.isEmpty || o.deletions == f.deletions)
        }
        after.copy(tables = after.tables.updated(t.id, t.copy(files = FileSet.of(files, reader))))
      }
    case _ => None
  }
}
