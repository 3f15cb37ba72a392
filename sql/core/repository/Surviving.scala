package io.anabranch.core.repository

import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations.Expiries
import io.anabranch.core.operations.merge.UnfinishedMerge
import io.anabranch.core.store.ObjectStore

/** A log, and how much of it is left.
  *
  * @param newest
  *   its newest entry
  * @param first
  *   the number of the first entry whose state was not given up; after the newest if all were
  */
final private[repository] case class Line(newest: Entry, first: Long) {
  def ordinal: Ordinal = newest.id.position.ordinal
  def last: Long = newest.id.position.seq
}

/** What the states that were not given up refer to, on all logs, as VACUUM has to know it: a repository as it was known
  * at a time by all who may still write by that. Whatever can't be read is an error: nothing may be deleted then.
  *
  * @param sinceMillis
  *   the time, by the store's clock. An expiry, an entry after a state, and the end of a tag or an unfinished merge count
  *   if they are at least as old
  */
final private[repository] class Surviving(store: ObjectStore, states: States, refs: Refs, sinceMillis: Long) {
  import states.log

  /** All logs: those of branches, of dropped ones, and those that no branch got.
    *
    * @param policies
    *   of main, those that count
    */
  def lines(policies: Map[String, Policy]): Seq[Line] = {
    val ordinals = store.folders(Paths.Logs).flatMap(Ordinal.parse)
    val found = ordinals.zip(Parallel.map(ordinals)(numbers)).filter(_._2.nonEmpty)
    log.prefetch(found.map { case (o, _) => Position(o, 0) })
    found.map { case (o, times) => line(o, times, policies) }
  }

  /** The numbers of a log's objects, each with the time of the object. */
  private def numbers(ordinal: Ordinal): Map[Long, Long] = store
    .objects(Paths.log(ordinal))
    .flatMap(o => Paths.numberOf(o.path).map(_ -> o.modifiedMillis))
    .toMap

  private def line(ordinal: Ordinal, times: Map[Long, Long], policies: Map[String, Policy]): Line = {
    val newest = last(ordinal, times)
    val branch = log.get(Position(ordinal, 0)).commit.branch.getOrElse(Refs.Main)
    val first = Expiries.about(policies, branch).fold(0L) { e =>
      Expiries.firstLeft(
        newest.commit,
        known(times),
        e.beforeMillis,
        n => log.get(Position(ordinal, n)).commit.timeMillis
      )
    }
    Line(newest, first)
  }

  private def last(ordinal: Ordinal, times: Map[Long, Long]): Entry = {
    val first = Position(ordinal, times.keys.max)
    val start = log.get(first)
    log.restOfObject(first).lastOption.getOrElse(start)
  }

  /** The number of the newest entry that counts as one after a state. */
  private def known(times: Map[Long, Long]): Long =
    times.collect { case (n, modified) if modified <= sinceMillis => n }.maxOption.getOrElse(-1L)

  /** The policies that main had, by the log in which it goes on now.
    *
    * @throws AnabranchException
    *   ANABRANCH_REPOSITORY.UNKNOWN_FEATURE for one of a kind that this software does not know: who knows what it keeps?
    */
  def policies: Map[String, Policy] = refs.head(Refs.Main).fold(Map.empty[String, Policy]) { main =>
    main.policies.valuesIterator.foreach {
      case u: UnknownPolicy => throw u.refusal(s"repository at ${store.root}")
      case _ => ()
    }
    val ordinal = main.position.ordinal
    val newest = known(numbers(ordinal)).min(main.position.seq)
    if (newest < 0) Map.empty else states.at(log.get(Position(ordinal, newest))).policies
  }

  /** What the newest objects under names tell, and those before that ended a short time ago. */
  private def generations[T](folder: String)(decode: JsonReader => Option[T]): Seq[T] =
    store.folders(folder).flatMap { name =>
      val all = store
        .objects(s"$folder/$name")
        .flatMap(o => Paths.numberOf(o.path).map(_ -> o))
        .sortBy(-_._1)
        .map(_._2)
      // the newest has not ended, each other one when the next one came
      val held = all.take(1) ++ all.drop(1).zip(all).takeWhile(_._2.modifiedMillis > sinceMillis).map(_._1)
      held.flatMap { o =>
        store.read(o.path).flatMap(bytes => decode(new JsonReader(Json.parse(bytes, o.path), o.path)))
      }
    }

  /** Commits that tags name, or named a short time ago. */
  def tagged: Set[CommitId] = generations(Paths.Tags) { r =>
    r.textOpt("commit").map(t => CommitId.parse(t).getOrElse(throw r.wrong("commit", "a commit id")))
  }.toSet

  /** Sources of unfinished merges, and what is a base of these and of heads, or may become one. */
  def neededByMerges(lines: Seq[Line]): Set[CommitId] = {
    val sources = generations(Paths.Merges)(UnfinishedMerge.decode).map(_.commit).toSet
    val heads = lines.map(_.newest).filter(_.commit.closing.isEmpty).map(_.id)
    val ends = (sources ++ heads).map(states.at(_: CommitId)).map(s => s.position -> s.vector).toMap
    val bases = Expiries.bases(ends, p => states.at(log.get(p)).vector)
    sources ++ bases.map(log.get(_: Position).id)
  }

  /** What is left refers to.
    *
    * @param held
    *   states that are kept besides
    */
  def references(lines: Seq[Line], held: Set[CommitId]): References = {
    val found = new References
    held.foreach(id => found.add(states.at(id)))
    lines.filter(l => l.first <= l.last).foreach { line =>
      var state = states.at(log.get(Position(line.ordinal, line.first)))
      found.add(state)
      entries(line.ordinal, line.first + 1, line.last).foreach { entry =>
        state = states.advance(state, Seq(entry))
        entry.commit.tables.foreach { case (id, change) =>
          if (change.adopt.isDefined) found.add(state.tables(id))
          found.add(id, change, listed(change))
        }
      }
    }
    found
  }

  /** What entries whose states were given up say of one table. */
  def givenUp(lines: Seq[Line], table: String): References = {
    val found = new References
    for {
      line <- lines
      entry <- entries(line.ordinal, 0, (line.first - 1).min(line.last))
      change <- entry.commit.tables.get(table)
    } found.add(table, change, listed(change))
    found
  }

  private def listed(change: TableChange): Seq[DataFile] =
    change.manifests.flatMap(m => states.read(Paths.manifest(m.id), m))

  /** Entries of a log, oldest first; a block costs one round of requests. */
  private def entries(ordinal: Ordinal, first: Long, last: Long): Iterator[Entry] =
    Iterator
      .iterate(first)(_ + History.Block)
      .takeWhile(_ <= last)
      .flatMap(start => log.range(ordinal, start, (start + History.Block - 1).min(last)))
}
