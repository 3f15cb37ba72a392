package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations._
import io.anabranch.core.store.{CreateOutcome, ObjectStore, StoreProbe, StoredObject}
import io.anabranch.core.transaction._

import scala.util.Try

/** A table as somebody asked for it: at a ref, in a state. */
final case class LoadedTable(ref: ResolvedRef, table: TableState) {
  def state: CatalogState = ref.state
}

/** A repository: branches, tags, tables and their history. The facade that Spark calls; safe for use from
  * many threads and sessions.
  */
final class Repository private (val store: ObjectStore, env: Environment) extends CellBlame {
  private val log = new Log(store)
  protected val states = new States(store, log, env)
  private val refs = new Refs(store, states)
  private val mainPolicies = new MainPolicies(refs, env)
  private val expired = new Expired(refs, states, mainPolicies, env)
  protected val resolver = new RefResolver(store.root, refs, states, expired)
  private val committer = new Committer(store, states, refs, env, () => beforeWrite())
  @volatile private var mayWrite = false

  /** Whether the store is known to keep the condition of a conditional create. */
  @volatile private var probed = false

  def root: String = store.root

  /** Main's log has a first entry; whoever created the repository may have died before writing it. */
  private def begin(id: String): Unit = if (refs.head(Refs.Main).isEmpty)
    committer.open(
      Ordinal.Main,
      Refs.Main,
      None,
      _.copy(
        operation = "CREATE REPOSITORY",
        repository = Some(id),
        namespaces = Map(Seq("default") -> NamespaceChange(Some(Map.empty)))
      ),
      CommitContext("anabranch")
    ): Unit

  /** Before the first write of this process: the store must keep the condition of a conditional create,
    * and the repository have no feature that only newer software may write with.
    */
  private def beforeWrite(): Unit = if (!mayWrite) synchronized {
    if (!mayWrite) {
      if (!probed) StoreProbe.check(store, Paths.Probes, env.randomId())
      val info = Repository.info(store)
      info.foreach(i =>
        Features.check(s"repository at $root", i.readerFeatures, i.writerFeatures, writing = true)
      )
      mayWrite = true
    }
  }

  // ---- refs

  /** The state that a ref names now. */
  def resolve(ref: String): ResolvedRef = resolver.resolve(ref)

  /** The same, as an open transaction sees it. */
  def resolve(ref: String, in: Option[OpenTransaction]): ResolvedRef = {
    val found = resolve(ref)
    in.fold(found)(_.seen(found))
  }

  /** Begins a transaction on a branch.
    *
    * @throws AnabranchException
    *   ANABRANCH_REF.READ_ONLY, or of a ref
    */
  def startTransaction(ref: String): OpenTransaction = {
    val found = resolve(ref)
    new OpenTransaction(found.writable, found.state, states, committer, context)
  }

  def describeRef(ref: String): (String, CommitInfo) = {
    val r = resolver.find(ref)
    (r.kind, info(log.get(r.state.id)))
  }

  def branches(): Seq[BranchInfo] =
    refs.branchNames().flatMap(n => refs.head(n).map(s => BranchInfo(n, info(log.get(s.id)))))

  def tags(): Seq[TagInfo] =
    refs.tagNames().flatMap(n => refs.tag(n).map(id => TagInfo(n, info(log.get(id)))))

  /** Creates a branch: two small objects, whatever the size of the catalog.
    *
    * @throws AnabranchException
    *   ANABRANCH_REF.INVALID_NAME, ALREADY_EXISTS, NOT_FOUND
    */
  def createBranch(name: String, from: String, ifNotExists: Boolean, by: CommitContext): BranchInfo = {
    RefName.check(name)
    val (tag, (generation, (origin, main))) = Parallel.both(refs.tag(name))(
      Parallel.both(refs.nextBranch(name))(Parallel.both(Try(resolve(from)))(Try(newest(from))))
    )
    // a name that no branch ever had needs no second look
    (if (generation == 0 && name != Refs.Main) None else refs.head(name)) match {
      case Some(state) if ifNotExists => BranchInfo(name, info(log.get(state.id)))
      case Some(_) => throw exists("branch", name)
      case None =>
        mustNotBe("tag", name, tag.isDefined)
        val start = origin.get.state
        committer.admit(name, "CREATE BRANCH", None, start, main.get.getOrElse(start), by)
        val state = openLog(name, start, "CREATE BRANCH", by)
        if (refs.nameLog(name, generation, state.position.ordinal)) began(name, state)
        else {
          committer.commit(name, state, CloseLog(Closing(Closing.Drop, None), "DROP BRANCH"), by): Unit
          if (!ifNotExists) throw exists("branch", name)
          BranchInfo(name, info(log.get(refs.head(name).getOrElse(throw resolver.notFound(name)).id)))
        }
    }
  }

  /** The state of main, which keeps the policies; None if that is the ref. */
  private def newest(ref: String): Option[CatalogState] =
    if (ref == Refs.Main) None else refs.head(Refs.Main)

  /** A branch that goes on in a new log from now on; told without a request, which could fail. */
  private def began(name: String, state: CatalogState): BranchInfo = {
    refs.remember(name, state)
    BranchInfo(name, info(log.get(state.id)))
  }

  /** Draws ordinals until one is free. */
  private def openLog(
      branch: String,
      from: CatalogState,
      operation: String,
      by: CommitContext,
      policies: Map[String, Policy] = Map.empty
  ): CatalogState = {
    def first(c: Commit) =
      c.copy(operation = operation, policies = policies.map { case (n, p) => n -> Some(p) })
    Iterator
      .continually(committer.open(env.randomOrdinal(), branch, Some(from), first, by))
      .take(Repository.MaxOrdinalDraws)
      .collectFirst { case Some(state) => state }
      .getOrElse(
        throw AnabranchException(
          "ANABRANCH_COMMIT.RETRIES_EXHAUSTED",
          "branch" -> branch,
          "count" -> Repository.MaxOrdinalDraws.toString
        )
      )
  }

  def createTag(name: String, from: String, ifNotExists: Boolean): TagInfo = {
    val began = Began.now()
    RefName.check(name)
    beforeWrite()
    val generation = refs.nextTag(name)
    refs.tag(name) match {
      case Some(id) if ifNotExists => TagInfo(name, info(log.get(id)))
      case Some(_) => throw exists("tag", name)
      case None =>
        mustNotBe("branch", name, refs.head(name).isDefined)
        val id = resolve(from).state.id
        val made = TagInfo(name, info(log.get(id))) // read before it is written: a request could fail
        began.mustBeInTime()
        if (refs.writeTag(name, generation, Some(id), env.randomId())) made
        else if (!ifNotExists) throw exists("tag", name)
        else TagInfo(name, info(log.get(refs.tag(name).getOrElse(id))))
    }
  }

  private def exists(kind: String, name: String) =
    AnabranchException("ANABRANCH_REF.ALREADY_EXISTS", "kind" -> kind, "ref" -> name)

  // one name for a branch and a tag would be ambiguous in every query
  private def mustNotBe(kind: String, name: String, there: Boolean): Unit =
    if (there) throw exists(kind, name)

  def dropBranch(name: String, ifExists: Boolean, by: CommitContext): Unit = {
    if (name == Refs.Main) throw AnabranchException("ANABRANCH_REF.IS_MAIN")
    refs.head(name) match {
      case Some(state) =>
        committer.commit(name, state, CloseLog(Closing(Closing.Drop, None), "DROP BRANCH"), by): Unit
        unfinishedMerges.forget(name)
      case None => if (!ifExists) throw resolver.notFound(name)
    }
  }

  def dropTag(name: String, ifExists: Boolean): Unit = {
    beforeWrite()
    val generation = refs.nextTag(name)
    if (refs.tag(name).isDefined) refs.writeTag(name, generation, None, env.randomId()): Unit
    else if (!ifExists) throw resolver.notFound(name)
  }

  /** Moves a branch to any commit. What it held before stays in its old log, by commit id. */
  def resetBranch(name: String, to: String, by: CommitContext): BranchInfo = {
    // asked first: a branch that somebody creates under the name meanwhile must not be hidden by this one
    val generation = refs.nextBranch(name)
    val old = resolve(s"branch:$name").state
    val target = resolve(to).state
    val main = newest(name).getOrElse(old)
    committer.admit(name, "RESET BRANCH", Some(old), target, main, by)
    // policies are main's, whatever it holds
    val state = openLog(name, target, "RESET BRANCH", by, old.policies)
    val closing =
      CloseLog(Closing(Closing.Reset, Some(state.position.ordinal)), "RESET BRANCH", Some(old.policies))
    committer.commit(name, old, closing, by): Unit
    // the closing entry has reset the branch; its name only saves readers the way through the old log
    try refs.nameLog(name, generation, state.position.ordinal): Unit
    catch { case _: AnabranchException => () }
    began(name, state)
  }

  /** MERGE BRANCH, CHERRY PICK, REVERT. */
  val merges: Merges = new Merges(resolver, states, committer, context, mergeCounts)

  /** REBASE BRANCH. */
  val rebases: Rebases = new Rebases(
    resolver,
    refs,
    states,
    committer,
    merges,
    (branch, from, by, policies) => openLog(branch, from, "REBASE BRANCH", by, policies),
    info
  )

  /** Gates, protected branches, grants. */
  val policies: Policies = new Policies(refs, states, committer, mainPolicies, expired, env)

  private val vacuums = new Vacuum(store, states, refs, env)

  /** Gives up the data of states that were over by a time; see [[Policies.expire]]. Nothing is deleted yet. */
  def expire(beforeMillis: Long, branches: String, by: CommitContext): ExpireResult = {
    val expiry = policies.expire(beforeMillis, branches, by)
    ExpireResult(expiry, vacuums.expired(expiry))
  }

  /** Deletes what no state needs that was not given up; see [[Vacuum.run]].
    *
    * @param table
    *   only what belongs to this one
    */
  def vacuum(
      graceMillis: Long,
      table: Option[LoadedTable],
      force: Boolean,
      dryRun: Boolean,
      by: CommitContext
  ): Seq[StoredObject] = {
    if (!dryRun) beforeWrite()
    vacuums.run(graceMillis, table.map(_.table.id), force, dryRun, by)
  }

  val unfinishedMerges: UnfinishedMerges =
    new UnfinishedMerges(store, merges, () => env.randomId(), () => env.nowMillis())

  // ---- tables

  /** The table of that name at a ref.
    *
    * @throws AnabranchException
    *   ANABRANCH_TABLE.NOT_FOUND
    */
  def load(ref: String, name: Seq[String]): LoadedTable = at(resolve(ref), name)

  /** The table of that name in the state that a ref was resolved to. */
  def at(ref: ResolvedRef, name: Seq[String]): LoadedTable =
    LoadedTable(ref, checked(Names.table(ref.state, name, ref.text)))

  /** Commits an intent to a branch, from the state that it was made for. */
  def commit(branch: String, from: CatalogState, intent: Intent, by: CommitContext): CatalogState =
    committer.commit(branch, from, intent, by)

  /** Commits an intent to the branch that it was made for, or hands it to the transaction that is open there. */
  def commit(to: ResolvedRef, intent: Intent, by: CommitContext): CatalogState = {
    val branch = to.writable
    val whole = intent match {
      case rows: TableIntent => to.evolved.get(rows.id).fold(intent)(Evolve(_, rows))
      case _ => intent
    }
    to.transaction.fold(commit(branch, to.found, whole, by.since(to.began)))(_.stage(to.found, whole))
  }

  /** Prepares added files for [[commit]]. */
  def stage(files: Seq[DataFile]): StagedFiles = committer.stage(files)

  /** What changes of a table's rows need to know. */
  override def context(table: TableState): RebaseContext =
    new TableContext(store, states, committer, table, () => env.randomId())

  def newId(): String = env.randomId()
  def nowMillis(): Long = env.nowMillis()

  /** Makes an earlier state of a table its newest; in an open transaction, for those who come after its commit.
    *
    * @throws AnabranchException
    *   ANABRANCH_TABLE.NOT_FOUND, VERSION_NOT_FOUND, ANOTHER_TABLE, or of a ref
    */
  def restore(target: ResolvedRef, table: Seq[String], to: RestorePoint, by: CommitContext): RestoreResult = {
    val now = Names.table(target.state, table, target.text)
    // versions are those of the log
    val logged = target.committed
    val known = logged.state.tables.getOrElse(now.id, Names.table(logged.state, table, target.text))
    val past = at(logged, known, to)
    // an adopted state is one of the same table: its files lie under the table's id
    if (past.table.id != now.id)
      throw AnabranchException(
        "ANABRANCH_TABLE.ANOTHER_TABLE",
        "table" -> Names.show(table),
        "ref" -> past.ref.text
      )
    val (before, after) = (now.files.rows, past.table.files.rows)
    val metrics =
      Map("rows_before" -> before, "rows_after" -> after, "files_after" -> past.table.files.files.size.toLong)
    val intent = RestoreTable(target.state, now.id, past.state, metrics)
    val state = commit(target, intent, by)
    val restored = state.tables(now.id)
    RestoreResult(
      Names.show(table),
      restored.version,
      Option.when(target.transaction.isEmpty)(state.id.toString),
      after,
      restored.files.files.size.toLong
    )
  }

  /** Makes a checkpoint of a branch's head now. */
  def checkpoint(branch: String): Boolean = {
    beforeWrite()
    states.writeCheckpoint(resolve(branch).state)
  }
}

/** Closes a branch's log; whatever came before it meanwhile stands.
  *
  * @param policies
  *   those that its successor begins with
  * @param head
  *   the commit that the log must end with, if nothing is to be lost
  */
final private[repository] case class CloseLog(
    closing: Closing,
    operation: String,
    policies: Option[Map[String, Policy]] = None,
    head: Option[Position] = None
) extends Intent {
  override def onto(now: CatalogState): Proposal = {
    if (head.exists(_ != now.position)) throw new Conflict("the branch has moved meanwhile", now.position)
    if (policies.exists(_ != now.policies))
      throw new Conflict("its gates were changed meanwhile", now.position)
    Proposal(closing = Some(closing))
  }
}

object Repository {
  private val MaxOrdinalDraws = 20

  /** Opens the repository in a store, and creates it where there is none.
    *
    * @throws AnabranchException
    *   ANABRANCH_REPOSITORY.UNSUPPORTED_FORMAT, UNKNOWN_FEATURE, UNSAFE_STORE, NO_PERMISSION
    */
  def open(store: ObjectStore, env: Environment = Environment.System): Repository = {
    val repository = new Repository(store, env)
    // in one round; what a newer format has in its log is not for us to judge, so its number comes first
    val (found, main) = Parallel.both(Try(info(store)))(Try(repository.refs.head(Refs.Main)))
    found.get match {
      case Some(i) => if (main.get.isEmpty) repository.begin(i.id)
      case None =>
        StoreProbe.check(store, Paths.Probes, env.randomId())
        val fresh = RepositoryInfo(env.randomId(), env.nowMillis(), Set.empty, Set.empty)
        store.createIfAbsent(Paths.Repository, Json.canonical(RepositoryInfo.encode(fresh))) match {
          case CreateOutcome.Unknown(cause) if store.read(Paths.Repository).isEmpty =>
            throw AnabranchException.caused(
              cause,
              "ANABRANCH_REPOSITORY.STORE_FAILED",
              "operation" -> "create",
              "path" -> Paths.Repository,
              "reason" -> String.valueOf(cause.getMessage)
            )
          case _ => ()
        }
        repository.probed = true
        repository.begin(info(store).fold("")(_.id))
    }
    repository
  }

  /** Reads `repository.json`. */
  def info(store: ObjectStore): Option[RepositoryInfo] =
    store.read(Paths.Repository).map(RepositoryInfo.decode(_, store.root))
}
