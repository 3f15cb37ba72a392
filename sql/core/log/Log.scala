package io.anabranch.core.log

import com.google.common.cache.{Cache, CacheBuilder}
import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.store.{CreateOutcome, ObjectStore}

/** What became of an append. `Lost` tells the entry that stands at that place. */
sealed trait AppendOutcome
object AppendOutcome {
  final case class Won(entry: Entry) extends AppendOutcome
  final case class Lost(winners: Seq[Entry]) extends AppendOutcome
}

/** The logs of a repository: reading entries, finding heads, appending.
  *
  * Entries never change, so they are cached without ever being checked again.
  */
final class Log(store: ObjectStore) {

  /** Each entry with all that its object holds: what follows it there is known without a request. */
  private val cache: Cache[Position, Seq[Entry]] = CacheBuilder
    .newBuilder()
    .maximumWeight(Log.CacheBytes)
    .weigher[Position, Seq[Entry]]((_, group) => group.map(Log.weight).sum / group.size)
    .build()

  private def cached(at: Position): Option[Entry] =
    Option(cache.getIfPresent(at)).flatMap(_.find(_.id.position == at))

  /** The entry at a position, or None if there is none (yet). */
  def find(at: Position): Option[Entry] =
    cached(at).orElse(objectAt(at).orElse(groupBefore(at)).flatMap(_.find(_.id.position == at)))

  /** The entry at a position where there must be one.
    *
    * @throws AnabranchException
    *   ANABRANCH_LOG.ENTRY_MISSING
    */
  def get(at: Position): Entry = find(at).getOrElse(
    throw AnabranchException(
      "ANABRANCH_LOG.ENTRY_MISSING",
      "commit" -> at.toString,
      "path" -> Paths.logObject(at)
    )
  )

  /** The entry of a commit id, with its hash checked. */
  def get(id: CommitId): Entry = {
    val entry = get(id.position)
    if (entry.id != id)
      throw broken(Paths.logObject(id.position), s"it is ${entry.id}, but $id was recorded elsewhere")
    entry
  }

  /** All entries of one log between two numbers, both included, read in parallel and checked to be a
    * chain.
    */
  def range(ordinal: Ordinal, from: Long, to: Long): Seq[Entry] = {
    val wanted = (from to to).map(Position(ordinal, _))
    Parallel.map(wanted.filter(cache.getIfPresent(_) == null))(objectAt)
    chained(wanted.map(get(_: Position)))
  }

  /** Reads entries that will be asked for, in one round. Those that are not there are no matter. */
  def prefetch(places: Seq[Position]): Unit =
    Parallel.map(places.distinct.filter(cache.getIfPresent(_) == null))(objectAt): Unit

  /** The entries that follow one, oldest first; empty when it is the head. One request, answered "not
    * there", tells that nothing is new.
    */
  def after(entry: Position): Seq[Entry] = {
    val found = Seq.newBuilder[Entry]
    var last = entry
    var next = following(last)
    while (next.nonEmpty) {
      found ++= next
      last = next.last.id.position
      next = following(last)
    }
    chained(found.result())
  }

  private def following(at: Position): Seq[Entry] = {
    val next = at.copy(seq = at.seq + 1)
    // an entry that was not read yet may be followed by others of its object
    def inGroup = if (cached(at).isEmpty) find(at).flatMap(_ => restOfGroup(at)) else None
    val entries =
      restOfGroup(at).orElse(cached(next).map(Seq(_))).orElse(objectAt(next)).orElse(inGroup).getOrElse(Nil)
    cached(at).filter(_ => entries.nonEmpty).foreach(before => chained(before +: entries.take(1)))
    entries
  }

  /** What follows an entry in its object, where that is known; None when nothing does. */
  private def restOfGroup(at: Position): Option[Seq[Entry]] =
    Option(cache.getIfPresent(at)).map(_.filter(_.id.position.seq > at.seq)).filter(_.nonEmpty)

  /** The entries that stand after the first one in its object, oldest first. */
  def restOfObject(first: Position): Seq[Entry] =
    chained(Option(cache.getIfPresent(first)).orElse(objectAt(first)).getOrElse(Nil)).drop(1)

  /** The number of the first commit in the newest object of a log, on stores that list in order. */
  def newest(ordinal: Ordinal): Option[Long] =
    store.list(Paths.log(ordinal), limit = 1).flatMap(o => Paths.numberOf(o.path)).headOption

  /** The newest entry of a log, or None if there is no such log. Stores that list in order answer with
    * one small page; elsewhere the log is walked forward from its newest checkpoint.
    */
  def head(ordinal: Ordinal): Option[Entry] =
    if (store.listsInOrder)
      newest(ordinal).flatMap(seq => objectAt(Position(ordinal, seq))).flatMap(_.lastOption)
    else {
      val checkpoint = store.list(Paths.checkpoints(ordinal)).flatMap(o => Paths.numberOf(o.path)).maxOption
      checkpoint.flatMap(seq => find(Position(ordinal, seq))).orElse(find(Position(ordinal, 0))).map {
        start =>
          after(start.id.position).lastOption.getOrElse(start)
      }
    }

  /** Writes an entry if its place is still free: the commit point.
    *
    * A lost or unknown answer is settled by reading the place back: our own transaction id there means
    * that we won.
    *
    * @throws AnabranchException
    *   ANABRANCH_COMMIT.OUTCOME_UNKNOWN if the place can't be read back;
    *   ANABRANCH_REPOSITORY.LIMIT_EXCEEDED for an entry that is too large
    */
  def append(written: Json, branch: String): AppendOutcome = {
    val bytes = LogObject.encode(Seq(written))
    val entry = CommitCodec.decode(written, "the commit")
    val path = Paths.logObject(entry.id.position)
    if (bytes.length > LogObject.MaxBytes)
      throw AnabranchException(
        "ANABRANCH_REPOSITORY.LIMIT_EXCEEDED",
        "what" -> "log entry",
        "value" -> s"${bytes.length} bytes",
        "limit" -> s"${LogObject.MaxBytes} bytes",
        "advice" -> "Change fewer tables or files in one commit."
      )
    val won = AppendOutcome.Won(entry)
    store.createIfAbsent(path, bytes) match {
      case CreateOutcome.Won => remember(Seq(entry)); won
      case CreateOutcome.Lost => settle(entry, None, branch).getOrElse(won)
      case CreateOutcome.Unknown(cause) => settle(entry, Some(cause), branch).getOrElse(won)
    }
  }

  /** The winners, or None if we are the winner. */
  private def settle(ours: Entry, doubt: Option[Throwable], branch: String): Option[AppendOutcome.Lost] = {
    def unknown(cause: Throwable) = Log.unknown(branch, ours.commit.transaction, cause)
    val there =
      try find(ours.id.position)
      catch { case e: AnabranchException => throw unknown(e) }
    there match {
      case Some(e) if e.commit.transaction == ours.commit.transaction => None
      case Some(e) => Some(AppendOutcome.Lost(e +: after(e.id.position)))
      case None =>
        throw unknown(doubt.getOrElse(new IllegalStateException("the name is taken, but there is no entry")))
    }
  }

  private def objectAt(first: Position): Option[Seq[Entry]] = {
    val path = Paths.logObject(first)
    store.read(path).map { bytes =>
      val entries = LogObject.decode(bytes, path)
      if (entries.head.id.position != first)
        throw broken(path, s"it holds the commit ${entries.head.id.position} instead of $first")
      remember(entries)
      entries
    }
  }

  /** The object that holds `at`, when it is not the first of its group. */
  private def groupBefore(at: Position): Option[Seq[Entry]] =
    Iterator
      .range(1, LogObject.MaxCommits)
      .map(back => at.copy(seq = at.seq - back))
      .takeWhile(_.seq >= 0)
      .map(p => Option(cache.getIfPresent(p)).orElse(objectAt(p)))
      .collectFirst { case Some(group) => group }

  private def remember(entries: Seq[Entry]): Unit = entries.foreach(e => cache.put(e.id.position, entries))

  private def chained(entries: Seq[Entry]): Seq[Entry] = {
    entries.zip(entries.drop(1)).foreach { case (a, b) =>
      if (!b.commit.firstParent.contains(a.id)) {
        val recorded = b.commit.firstParent.fold("none")(_.toString)
        throw broken(
          Paths.logObject(a.id.position),
          s"its id is ${a.id}, but the next entry names $recorded as its parent"
        )
      }
    }
    entries
  }

  private def broken(path: String, reason: String) =
    AnabranchException("ANABRANCH_LOG.CHAIN_BROKEN", "path" -> path, "reason" -> reason)
}

object Log {
  private val CacheBytes: Long = 64L * 1024 * 1024

  /** What is told when the store does not say whether something was written.
    *
    * @param ref
    *   the branch or tag
    */
  private[core] def unknown(ref: String, transaction: String, cause: Throwable): AnabranchException =
    AnabranchException.caused(
      cause,
      "ANABRANCH_COMMIT.OUTCOME_UNKNOWN",
      "txn" -> transaction,
      "branch" -> ref,
      "reason" -> String.valueOf(cause.getMessage)
    )

  /** What an entry takes in memory, about. */
  private def weight(e: Entry): Int = 1000 + 500 * e.commit.tables.values.map(_.add.size).sum
}
