package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations._

/** Looking back: logs, table histories, states of the past, differences. */
private[repository] trait History {
  protected def states: States
  protected def resolver: RefResolver

  /** A commit as users see it; its tables by the names that they have after it. */
  protected def info(e: Entry): CommitInfo = info(e, new TableNames(states).of(e))

  private def info(e: Entry, tables: Seq[String]): CommitInfo = {
    val c = e.commit
    CommitInfo(
      e.id.toString,
      c.timeMillis,
      c.author,
      c.operation,
      c.message,
      c.parameters,
      c.metrics,
      c.metadata,
      c.parents.map(_.toString),
      tables,
      c.gates.map { case (name, passed) => name -> passed.read }
    )
  }

  /** The commits of a ref along first parents, newest first. */
  def log(ref: String, limit: Int): Seq[CommitInfo] = {
    val state = resolver.find(ref).state
    val names = new TableNames(states).begin(state)
    firstParents(state.position).take(limit).map(e => info(e, names.of(e))).toSeq
  }

  /** The commits that a ref knows of, those that were merged too, newest first, with the lines of a drawing. */
  def graph(ref: String, limit: Int): Seq[(String, CommitInfo)] = {
    val state = resolver.find(ref).state
    val names = new TableNames(states).begin(state)
    val start = states.log.get(state.id)
    val entries = Iterator
      .unfold((Map(start.id.position -> start), Set(start.id.position))) { case (waiting, seen) =>
        Option.when(waiting.nonEmpty) {
          val next = waiting.values.maxBy(e => (e.commit.timeMillis, e.id.position.packed))
          val fresh = next.commit.parents.map(_.position).distinct.filterNot(seen)
          val more = fresh.map(p => p -> states.log.get(p))
          (next, (waiting - next.id.position ++ more, seen ++ fresh))
        }
      }
      .take(limit)
      .toSeq
    val lines = CommitGraph.draw(entries.map(e => (e.id.toString, e.commit.parents.map(_.toString))))
    lines.zip(entries.map(e => info(e, names.of(e))))
  }

  /** The table, if this software knows all features that reading it takes. */
  protected def checked(t: TableState): TableState = {
    Features.check(s"table ${Names.show(t.name)}", t.metadata.readerFeatures, Set.empty, writing = false)
    t
  }

  private def firstParents(from: Position): Iterator[Entry] =
    Iterator
      .unfold(Option(from)) {
        case None => None
        case Some(at) =>
          // in blocks, so that a block costs one round of requests
          val block = states.log.range(at.ordinal, (at.seq - History.Block + 1).max(0), at.seq).reverse
          val next = block.last.commit.firstParent.map(_.position)
          Some((block, next))
      }
      .flatten

  /** The versions of a table at a ref, newest first: only commits that touched it are read, and no states.
    * Of the tables of a commit only this one is told, by the name that was asked for.
    */
  def history(ref: String, table: Seq[String], limit: Int): Seq[TableVersion] = {
    val r = resolver.find(ref)
    val t = Names.table(r.state, table, ref)
    versions(t)
      .take(limit)
      .map { case (version, e) => TableVersion(version, info(e, Seq(Names.show(table)))) }
      .toSeq
  }

  /** The commits that made a table's versions, newest first, by their links to one another. */
  protected def versions(t: TableState): Iterator[(Long, Entry)] = {
    var fetched = t.at // in its log, what lies between here and where the walk is was fetched in one round
    var close = false // links that are close together mean that a block holds many of the next ones
    Iterator.unfold(Option(t.at)) { place =>
      place.map { at =>
        if (close && (at.ordinal != fetched.ordinal || at.seq < fetched.seq)) {
          fetched = at.copy(seq = (at.seq - History.Block + 1).max(0))
          states.log.range(at.ordinal, fetched.seq, at.seq): Unit
        }
        val e = states.log.get(at)
        val change = e.commit.tables(t.id)
        close = change.previous.exists(p => p.ordinal == at.ordinal && at.seq - p.seq <= History.Close)
        ((change.version, e), change.previous)
      }
    }
  }

  /** A table at a point of its past, as seen from a ref.
    *
    * @throws AnabranchException
    *   ANABRANCH_TABLE.VERSION_NOT_FOUND, NOT_AT_TIME, NOT_FOUND; ANABRANCH_REF.EXPIRED, or of the ref
    */
  def at(ref: ResolvedRef, table: TableState, point: RestorePoint): LoadedTable = point match {
    case RestorePoint.Version(text) if RestorePoint.isNumber(text) => atVersion(ref, table, text)
    case RestorePoint.Version(text) =>
      val there = resolver.resolve(text)
      val found = there.state.tables.get(table.id).orElse(there.state.byName.get(table.name))
      def missing =
        AnabranchException("ANABRANCH_TABLE.NOT_FOUND", "table" -> Names.show(table.name), "ref" -> text)
      LoadedTable(there, checked(found.getOrElse(throw missing)))
    case RestorePoint.Time(millis) =>
      val state = resolver.atTime(ref, millis)
      resolver.expired.refuse(state.id)
      val found = state.tables.getOrElse(
        table.id,
        throw AnabranchException(
          "ANABRANCH_TABLE.NOT_AT_TIME",
          "table" -> Names.show(table.name),
          "time" -> Times.shown(millis),
          "ref" -> ref.text
        )
      )
      LoadedTable(ResolvedRef(ref.text, "commit", state), checked(found))
  }

  private def atVersion(ref: ResolvedRef, table: TableState, text: String): LoadedTable = {
    val wanted = if (text.length > 18) Long.MaxValue else text.toLong
    def missing(first: Long) = AnabranchException(
      "ANABRANCH_TABLE.VERSION_NOT_FOUND",
      "table" -> Names.show(table.name),
      "version" -> text,
      "ref" -> ref.text,
      "first" -> first.toString,
      "last" -> table.version.toString
    )
    if (wanted > table.version) throw missing(0)
    val entry = versions(nearer(table, wanted)).dropWhile(_._1 > wanted).nextOption()
    entry match {
      case Some((`wanted`, e)) =>
        val state = left(ref, table, wanted, e)
        LoadedTable(ResolvedRef(ref.text, "commit", state), checked(state.tables(table.id)))
      case _ => throw missing(versions(table).map(_._1).min)
    }
  }

  /** A state with a version of a table that was not given up: that of the commit which made it, or the last one before the
    * next version.
    */
  protected def left(ref: ResolvedRef, table: TableState, version: Long, made: Entry): CatalogState = {
    def following = versions(nearer(table, version + 1)).dropWhile(_._1 > version + 1).nextOption()
    if (!resolver.expired.contains(made.id)) states.at(made)
    else if (version == table.version) ref.state
    else
      following.flatMap(_._2.commit.firstParent).filterNot(resolver.expired.contains) match {
        case Some(last) => states.at(last)
        case None =>
          resolver.expired.refuse(made.id)
          states.at(made)
      }
  }

  /** The state of a table from which a walk back to a version is short: that at the first checkpoint of its
    * log that is not before the version, found by halving. A version in an older log is sought from the
    * fork point on.
    */
  @annotation.tailrec
  private def nearer(t: TableState, wanted: Long): TableState = {
    val ordinal = t.at.ordinal
    def at(n: Long) =
      states.readCheckpoint(Position(ordinal, n * Checkpoint.Interval)).flatMap(_.tables.get(t.id))
    var (low, high) = (0L, t.at.seq / Checkpoint.Interval + 1)
    var best = t
    while (high - low > 1 && t.version - wanted > Checkpoint.Interval) {
      val middle = (low + high) / 2
      at(middle) match {
        case Some(found) if found.version >= wanted => best = found; high = middle
        case _ => low = middle
      }
    }
    // the walk finds its way across a fork: only a long one is worth the state there
    def fork = states.log.get(Position(ordinal, 0)).commit.firstParent
    val before =
      if (best.version - wanted <= Checkpoint.Interval) None
      else fork.flatMap(states.at(_: CommitId).tables.get(t.id))
    before match {
      case Some(older) if older.version >= wanted => nearer(older, wanted)
      case _ => best
    }
  }

  def detail(ref: String, table: Seq[String]): TableDetail = {
    val r = resolver.resolve(ref)
    val t = Names.table(r.state, table, ref)
    val changed = states.log.get(t.at)
    TableDetail(
      t.id,
      Names.show(t.name),
      t.metadata.properties.get("comment"),
      Paths.tableData(t.id),
      t.metadata.createdAtMillis,
      changed.commit.timeMillis,
      t.metadata.partitioning.map(_.key),
      t.files.files.size.toLong,
      t.files.sizeBytes,
      t.files.rows,
      t.metadata.properties,
      t.version,
      ref,
      r.state.id.toString
    )
  }
}

private[repository] object History {
  val Block: Long = 64

  /** Commits of one table that have at most so many others between them are fetched by the block. */
  val Close: Long = 4
}
