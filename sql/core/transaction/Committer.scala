package io.anabranch.core.transaction

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.store.ObjectStore

/** Who commits and why: what every writing operation takes along.
  *
  * @param parameters
  *   what the operation was given, for history
  * @param retries
  *   how many lost races to get over
  * @param gates
  *   runs the gates that the commit has to pass
  * @param began
  *   when what is committed was begun
  */
final case class CommitContext(
    author: String,
    message: String = "",
    metadata: Map[String, String] = Map.empty,
    parameters: Map[String, String] = Map.empty,
    retries: Int = CommitContext.DefaultRetries,
    gates: GateRunner = GateRunner.None,
    began: Began = Began.now()
) {

  /** For what was begun then, if that was earlier. */
  def since(start: Began): CommitContext = copy(began = began.earlier(start))
}

object CommitContext {
  val DefaultRetries: Int = 50
}

/** Brings intents into the log of a branch: propose, write if absent, and on a lost race look at the
  * winners and propose again, a bounded number of times.
  */
final class Committer(
    store: ObjectStore,
    states: States,
    refs: Refs,
    env: Environment,
    beforeWrite: () => Unit
) {
  private val guards = new Guards(store.root, refs, states)

  /** Commits an intent.
    *
    * @param branch
    *   its name
    * @param from
    *   a state of the branch, at best the newest known
    * @return
    *   the state after the commit; `from` advanced, without a commit, if there was nothing to do
    * @throws AnabranchException
    *   ANABRANCH_COMMIT.CONFLICT, RETRIES_EXHAUSTED or OUTCOME_UNKNOWN; ANABRANCH_REF.CLOSED;
    *   ANABRANCH_TRANSACTION.TOO_OLD; or what the intent throws. In each case nothing was committed, but for OUTCOME_UNKNOWN.
    */
  def commit(branch: String, from: CatalogState, intent: Intent, by: CommitContext): CatalogState = {
    beforeWrite()
    var state = from
    var lost = 0
    while (lost <= by.retries) {
      val proposal = proposed(intent, state)
      if (Committer.isEmpty(proposal)) return state
      val policies = guards.of(branch, state)
      if (proposal.policies.isEmpty) guards.admit(branch, policies, intent, by.author)
      val commit = placed(state, proposal, intent.operation, by)
      Permissions.mayModify(policies, changed(state, commit), intent.operation, by.author)
      val gates = guards.pass(branch, policies, state, commit, by.gates)
      val (written, _) = CommitCodec.encode(commit.copy(gates = gates), () => env.randomId())
      by.began.mustBeInTime()
      states.log.append(written, branch) match {
        case AppendOutcome.Won(entry) => return won(branch, state, entry)
        case AppendOutcome.Lost(winners) =>
          state = follow(branch, states.advance(state, winners))
          lost += 1
          if (lost > 1) env.sleepMillis(env.randomInt(Committer.backoffMillis(lost)).toLong)
      }
    }
    throw AnabranchException(
      "ANABRANCH_COMMIT.RETRIES_EXHAUSTED",
      "branch" -> branch,
      "count" -> lost.toString
    )
  }

  /** Writes entry 0 of a new log.
    *
    * @param from
    *   the fork point; None for the first log of a repository
    * @return
    *   None if the ordinal is taken
    */
  def open(
      ordinal: Ordinal,
      branch: String,
      from: Option[CatalogState],
      first: Commit => Commit,
      by: CommitContext
  ): Option[CatalogState] = {
    beforeWrite()
    val blank = Commit(
      Position(ordinal, 0),
      from.map(_.id).toSeq,
      Math.max(env.nowMillis(), from.fold(0L)(_.timeMillis + 1)),
      env.randomId(),
      by.author,
      "CREATE BRANCH",
      by.message,
      by.parameters,
      by.metadata,
      branch = Some(branch)
    )
    val (written, _) = CommitCodec.encode(first(blank), () => env.randomId())
    by.began.mustBeInTime()
    states.log.append(written, branch) match {
      case AppendOutcome.Won(entry) => Some(states.advance(from.getOrElse(Replay.empty), Seq(entry)))
      case AppendOutcome.Lost(_) => None
    }
  }

  /** Tables that a commit changes, under their old names and their new ones. */
  private def changed(state: CatalogState, commit: Commit): Seq[GrantedTable] =
    Guards.tables(commit.tables.keys, state) ++
      commit.tables.toSeq.flatMap { case (id, t) => t.name.map(GrantedTable(id, _)) }

  private def proposed(intent: Intent, state: CatalogState): Proposal =
    try intent.onto(state)
    catch {
      case c: Conflict =>
        val other = states.log.get(c.other)
        throw AnabranchException(
          "ANABRANCH_COMMIT.CONFLICT",
          "reason" -> c.reason,
          "commit" -> other.id.short,
          "operation" -> other.commit.operation,
          "author" -> other.commit.author
        )
    }

  private def won(branch: String, before: CatalogState, entry: Entry): CatalogState = {
    val state = states.advance(before, Seq(entry))
    if (state.closing.isEmpty) {
      refs.remember(branch, state)
      if (state.position.seq > 0 && state.position.seq % Checkpoint.Interval == 0)
        Parallel.background(states.writeCheckpoint(state): Unit)
    }
    state
  }

  /** A branch that was closed meanwhile: goes on in its successor, if it has one. Not in a branch that took
    * its name since.
    */
  private def follow(branch: String, state: CatalogState): CatalogState =
    refs.settled(state).getOrElse(throw AnabranchException("ANABRANCH_REF.CLOSED", "ref" -> branch))

  /** The commit that a proposal becomes after a state. */
  private def placed(
      state: CatalogState,
      proposal: Proposal,
      operation: String,
      by: CommitContext
  ): Commit = {
    val place = Position(state.position.ordinal, state.position.seq + 1)
    if (place.seq > Position.MaxSeq) throw new IllegalStateException("the log is full")
    proposal.tables.keys.flatMap(state.tables.get).foreach { t =>
      Features.check(
        s"table ${t.name.mkString(".")}",
        t.metadata.readerFeatures,
        t.metadata.writerFeatures,
        writing = true
      )
    }
    val tables = proposal.tables.map { case (id, change) => id -> Committer.placed(state, id, change) }
    val merged = proposal.merges.fold(Map.empty[Ordinal, Long]) { other =>
      other.vector.filter { case (o, seq) => state.vector.get(o).forall(_ < seq) }
    }
    Commit(
      place,
      state.id +: proposal.merges.map(_.id).toSeq,
      Math.max(env.nowMillis(), state.timeMillis + 1),
      env.randomId(),
      by.author,
      operation,
      by.message,
      by.parameters,
      by.metadata,
      proposal.metrics,
      merged = merged,
      namespaces = proposal.namespaces,
      tables = tables,
      closing = proposal.closing,
      reads = proposal.reads,
      policies = proposal.policies
    )
  }

  /** Holds a state that a branch is to have from now on, by CREATE BRANCH or RESET BRANCH, to the policies.
    *
    * @param before
    *   the state that the branch has
    * @param newest
    *   of main
    */
  def admit(
      branch: String,
      operation: String,
      before: Option[CatalogState],
      after: CatalogState,
      newest: CatalogState,
      by: CommitContext
  ): Unit = {
    val policies = newest.policies.filter(_._2.appliesTo(branch))
    Guards.admit(branch, policies, operation, merges = before.isEmpty, by.author)
    val other = after.tables.keySet ++ before.fold(Set.empty[String])(_.tables.keySet)
    val touched = other.filter(id =>
      before.forall(
        _.tables.get(id).map(t => (t.content, t.name)) !=
          after.tables.get(id).map(t => (t.content, t.name))
      )
    )
    // a new branch changes nothing that anybody has
    before.foreach { b =>
      Permissions.mayModify(policies, Guards.tables(touched, b, after), operation, by.author)
    }
    val due = Guards.gates(policies, touched, before.toSeq :+ after: _*)
    guards.run(branch, due, None, after, by.gates): Unit
  }

  /** Runs the gates that a state would have to pass to follow another one, which nobody commits.
    *
    * @param readable
    *   whether a table, by id, can be read in it
    * @return
    *   by name why they let it not pass, None where they do; and those that can't be run on it
    */
  def review(
      branch: String,
      before: CatalogState,
      after: CatalogState,
      readable: String => Boolean,
      by: CommitContext
  ): (Map[String, Option[AnabranchException]], Set[String]) = {
    val touched = (before.tables.keySet ++ after.tables.keySet).filter(id =>
      before.tables.get(id).map(t => (t.content, t.name)) != after.tables
        .get(id)
        .map(t => (t.content, t.name))
    )
    val due = Guards.gates(guards.of(branch, before), touched, before, after)
    val (ready, later) =
      due.partition(_._2.tables.flatMap(after.byName.get).forall(t => readable(t.id)))
    val found = ready.map { case (name, gate) =>
      val problem =
        try {
          guards.run(branch, Map(name -> gate), Some(before), after, by.gates): Unit
          None
        } catch { case e: AnabranchException => Some(e) }
      name -> problem
    }
    (found, later.keySet)
  }

  /** Runs gates on a state of a branch; None where all its tables are missing there. */
  def gated(at: GateAt, state: CatalogState, by: CommitContext): Option[GatePassed] =
    Option
      .when(at.gate.tables.exists(state.byName.contains))(
        guards.run(at.branch, Map(at.name -> at.gate), None, state, by.gates)
      )
      .flatMap(_.get(at.name))

  /** Prepares added files for a commit: lists that are too long for an entry go to a manifest, once for
    * all tries.
    */
  def stage(files: Seq[DataFile]): StagedFiles =
    if (files.size <= Committer.MaxInlineFiles && Committer.estimatedBytes(files) <= Committer.MaxInlineBytes)
      StagedFiles(files, Nil)
    else {
      beforeWrite()
      var row = 0L
      val numbered = files.map { f =>
        val first = row
        row += f.rows
        if (Committer.numbersRows(f)) f.copy(firstRow = Some(first)) else f
      }
      val (ref, bytes) = States.manifest(env.randomId(), numbered)
      States.mustCreate(store, Paths.manifest(ref.id), bytes)
      StagedFiles(Nil, Seq(ref))
    }
}

/** Files to add, in the entry itself or listed in manifests. */
final case class StagedFiles(inEntry: Seq[DataFile], manifests: Seq[ManifestRef]) {
  def isEmpty: Boolean = inEntry.isEmpty && manifests.isEmpty
}

object StagedFiles {
  val None: StagedFiles = StagedFiles(Nil, Nil)
}

object Committer {

  /** Past these an entry names a manifest instead of the files. */
  val MaxInlineFiles: Int = 100
  val MaxInlineBytes: Int = 100 * 1024

  /** Short, or a writer that has lost often starves beside one that wins. */
  private val MaxBackoffMillis = 250

  private def backoffMillis(lost: Int): Int = Math.min(MaxBackoffMillis, 5 << Math.min(lost, 10))

  private def isEmpty(p: Proposal): Boolean =
    p.tables.isEmpty && p.namespaces.isEmpty && p.merges.isEmpty && p.closing.isEmpty && p.policies.isEmpty

  /** A guess, good enough to decide: names and digests, and what each bound takes. */
  private def estimatedBytes(files: Seq[DataFile]): Int =
    files.map(f => 300 + 100 * f.stats.size + 24 * f.runs.size + f.inline.fold(0)(_.size * 64)).sum

  /** Whether its rows take new ids. */
  def numbersRows(f: DataFile): Boolean = f.firstRow.isEmpty && f.runs.isEmpty

  /** Fills in what depends on the place in the log: version, previous commit, row numbers. */
  private def placed(state: CatalogState, id: String, change: TableChange): TableChange = {
    val before = state.tables.get(id)
    val ordinal = state.position.ordinal
    val start = state.nextRows.getOrElse(id, 0L)
    var next = start
    def take(rows: Long): Long = {
      val first = next
      next += rows
      require(next <= Position.MaxSeq, "the row numbers of this table on this branch are used up")
      (ordinal.value.toLong << Position.SeqBits) | first
    }
    val add = change.add.map(f => if (numbersRows(f)) f.copy(firstRow = Some(take(f.rows))) else f)
    val lists = change.manifests.map(m => m.copy(firstRow = Some(take(m.rows))))
    change.copy(
      version = before.fold(0L)(_.version + 1),
      previous = before.map(_.at),
      add = add,
      manifests = lists,
      nextRow = Option.when(next > start)(next)
    )
  }
}
