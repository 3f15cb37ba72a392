package io.anabranch.core.log

import com.google.common.cache.{Cache, CacheBuilder}
import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.store.{CreateOutcome, ObjectStore}

/** The catalog at any commit: from the nearest checkpoint and the entries since. */
final class States(store: ObjectStore, val log: Log, env: Environment) extends ManifestReader {
  private val cache: Cache[CommitId, CatalogState] =
    CacheBuilder.newBuilder().maximumSize(States.CacheSize).build()

  /** The state at a commit, whose hash is checked. */
  def at(id: CommitId): CatalogState = cached(id).getOrElse(remember(replayTo(log.get(id))))

  /** The state at a commit, if it is at hand. */
  def cached(id: CommitId): Option[CatalogState] = Option(cache.getIfPresent(id))

  /** The state after an entry that was read already. */
  def at(entry: Entry): CatalogState = cached(entry.id).getOrElse(remember(replayTo(entry)))

  /** The state after some more entries. */
  def advance(state: CatalogState, entries: Seq[Entry]): CatalogState =
    if (entries.isEmpty) state else remember(entries.foldLeft(state)(step))

  /** The state after an entry that no log has. */
  def over(state: CatalogState, entry: Entry): CatalogState =
    Replay.next(state, entry, at(_: CommitId), this)

  private def step(state: CatalogState, entry: Entry): CatalogState = {
    val start = if (entry.id.position.seq == 0) Replay.forked(state) else state
    Replay.next(start, entry, at(_: CommitId), this)
  }

  private def remember(state: CatalogState): CatalogState = {
    cache.put(state.id, state)
    state
  }

  /** The state at the head of a log, in two rounds of requests; None if there is no such log. */
  def head(ordinal: Ordinal): Option[CatalogState] =
    if (store.listsInOrder)
      log.newest(ordinal).map { first =>
        val (start, entries) = loaded(ordinal, first)
        replay(ordinal, start, entries ++ log.restOfObject(Position(ordinal, first)))
      }
    else log.head(ordinal).map(at(_: Entry))

  private def replayTo(entry: Entry): CatalogState = {
    val Position(ordinal, seq) = entry.id.position
    val (start, entries) = loaded(ordinal, seq)
    replay(ordinal, start, entries)
  }

  private def replay(ordinal: Ordinal, start: Option[CatalogState], entries: Seq[Entry]): CatalogState = {
    start.zip(entries.headOption).foreach { case (state, first) =>
      if (!first.commit.firstParent.contains(state.id))
        throw AnabranchException(
          "ANABRANCH_LOG.CHAIN_BROKEN",
          "path" -> Paths.logObject(first.id.position),
          "reason" -> s"the state before it is of ${state.id}, which it does not name as its parent"
        )
    }
    prefetch(ordinal, entries)
    val before =
      start.getOrElse(log.get(Position(ordinal, 0)).commit.firstParent.fold(Replay.empty)(at(_: CommitId)))
    remember(entries.foldLeft(before)(step))
  }

  /** Reads what entries take from other logs, of all of them in one round. */
  private def prefetch(ordinal: Ordinal, entries: Seq[Entry]): Unit = {
    val adopted = entries.flatMap(_.commit.tables.valuesIterator.flatMap(_.adopt)).distinct
    val places =
      adopted.filter(id => id.position.ordinal != ordinal && cached(id).isEmpty).flatMap { id =>
        (Checkpoint.before(id.position.seq) to id.position.seq).map(Position(id.position.ordinal, _))
      }
    log.prefetch(places.takeRight(States.MaxPrefetch))
  }

  /** The newest cached state or checkpoint of a log up to a number, and the entries since: one round. */
  private def loaded(ordinal: Ordinal, seq: Long): (Option[CatalogState], Seq[Entry]) = {
    import scala.jdk.CollectionConverters._
    val cached =
      cache.asMap().values().asScala.filter(s => s.position.ordinal == ordinal && s.position.seq <= seq)
    val best = cached.maxByOption(_.position.seq)
    val due = Checkpoint.before(seq)
    if (due == 0 || best.exists(_.position.seq >= due)) (best, since(ordinal, best, seq))
    else {
      val (checkpoint, entries) = Parallel.both(stored(Position(ordinal, due)))(log.range(ordinal, due, seq))
      if (checkpoint.exists(_.id == entries.head.id))
        (checkpoint.map(_.copy(closing = entries.head.commit.closing)), entries.tail)
      else {
        val earlier = Iterator
          .iterate(due - Checkpoint.Interval)(_ - Checkpoint.Interval)
          .takeWhile(n => n > 0 && best.forall(_.position.seq < n))
          .flatMap(n => readCheckpoint(Position(ordinal, n)))
          .nextOption()
          .orElse(best)
        (earlier, since(ordinal, earlier, seq))
      }
    }
  }

  private def since(ordinal: Ordinal, state: Option[CatalogState], seq: Long): Seq[Entry] =
    log.range(ordinal, state.fold(0L)(_.position.seq + 1), seq)

  /** The checkpoint of a commit; None if there is none, or it is damaged or of another commit: it can be
    * derived again.
    */
  def readCheckpoint(at: Position): Option[CatalogState] =
    stored(at).filter(state => log.find(at).exists(_.id == state.id))

  private def stored(at: Position): Option[CatalogState] = {
    val path = Paths.checkpoint(at)
    store.read(path).flatMap { bytes =>
      try Some(Checkpoint.decode(bytes, path, this))
      catch { case _: AnabranchException => None }
    }
  }

  /** Writes the checkpoint of a state. Lists of files that an earlier one stored are used again.
    *
    * @return
    *   whether this call wrote it
    */
  def writeCheckpoint(state: CatalogState): Boolean = {
    val lists = state.tables.map { case (id, t) => id -> t.files.stored.orElse(storeFiles(t)) }
    store.createIfAbsent(
      Paths.checkpoint(state.position),
      Checkpoint.encode(state, lists)
    ) == CreateOutcome.Won
  }

  private def storeFiles(t: TableState): Option[ManifestRef] =
    Option.when(t.files.files.nonEmpty) {
      val files = t.files.files.values.toSeq.sortBy(f => (f.addedBy.fold(0L)(_.packed), f.id))
      val (ref, bytes) = States.manifest(env.randomId(), files)
      States.mustCreate(store, Paths.checkpointFiles(ref.id), bytes)
      t.files.storedAs(ref)
      ref
    }

  override def listed(at: Position, table: String, ref: ManifestRef): Seq[DataFile] =
    try read(Paths.checkpointFiles(ref.id), ref)
    catch {
      case e: AnabranchException if e.condition == "ANABRANCH_LOG.CORRUPT_OBJECT" =>
        replay(at.ordinal, None, log.range(at.ordinal, 0, at.seq)).tables(table).files.files.values.toSeq
    }

  override def read(path: String, ref: ManifestRef): Seq[DataFile] = {
    def corrupt(reason: String) =
      AnabranchException("ANABRANCH_LOG.CORRUPT_OBJECT", "path" -> path, "reason" -> reason)
    val bytes = store.read(path).getOrElse(throw corrupt("it is gone"))
    if (Sha256.hex(bytes) != ref.sha256) throw corrupt(s"its SHA-256 is not ${ref.sha256}")
    val files = Manifest.read(bytes, path)
    if (files.size != ref.files || files.map(_.rows).sum != ref.rows) throw corrupt("its counts do not match")
    files
  }
}

object States {
  private val CacheSize = 256L
  private val MaxPrefetch = 256

  /** A list of files as an object, and what names it. */
  def manifest(id: String, files: Seq[DataFile]): (ManifestRef, Array[Byte]) = {
    val bytes = Manifest.write(files)
    (ManifestRef(id, bytes.length.toLong, files.size.toLong, files.map(_.rows).sum, Sha256.hex(bytes)), bytes)
  }

  /** Creates an object with a name that nobody else draws. What stands there after a doubtful answer is
    * our own: a client may have repeated a request whose answer got lost.
    */
  def mustCreate(store: ObjectStore, path: String, bytes: Array[Byte]): Unit =
    store.createIfAbsent(path, bytes) match {
      case CreateOutcome.Won => ()
      case _ if store.read(path).exists(_.sameElements(bytes)) => ()
      case CreateOutcome.Lost => fail(path, "the name is taken", null)
      case CreateOutcome.Unknown(cause) => fail(path, String.valueOf(cause.getMessage), cause)
    }

  private def fail(path: String, reason: String, cause: Throwable) = throw AnabranchException
    .caused(
      cause,
      "ANABRANCH_REPOSITORY.STORE_FAILED",
      "operation" -> "create",
      "path" -> path,
      "reason" -> reason
    )
}
