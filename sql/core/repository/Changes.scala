package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Column, DataFile, Entry}
import io.anabranch.core.log.TableState
import io.anabranch.core.operations.{FileDifference, Names, RebaseContext, RowDifference}

import java.time.Instant
import java.time.temporal.ChronoUnit

/** Which part of a table's history is asked about. */
sealed trait ChangeRange
object ChangeRange {

  /** From a version to a version (None: the newest), each a number or a ref. */
  final case class Versions(from: String, to: Option[String], fromInclusive: Boolean, toInclusive: Boolean)
      extends ChangeRange

  /** From a time to a time (None: now), UTC, microseconds since 1970. */
  final case class Times(from: Long, to: Option[Long], fromInclusive: Boolean, toInclusive: Boolean)
      extends ChangeRange

  case object All extends ChangeRange
}

/** What one version of a table changed; or what changed between two states, told as that of the later. */
final case class ChangeStep(version: Long, timeMillis: Long, differences: Seq[FileDifference])

/** Changes of a table's rows.
  *
  * @param table
  *   the state at the end, by whose columns all is read; their types hold the rows of all versions
  */
final case class TableChanges private (table: TableState, steps: Seq[ChangeStep])

object TableChanges {

  /** @param states
    *   those that rows are told of, besides that at the end
    */
  private[repository] def of(
      end: TableState,
      states: Seq[TableState],
      steps: Seq[ChangeStep]
  ): TableChanges = {
    val columns = states.map(_.metadata.columns).distinct.foldLeft(end.metadata.columns)(Column.holding)
    TableChanges(end.copy(metadata = end.metadata.copy(columns = columns)), steps)
  }
}

/** Differences between versions of a table, by row. */
private[repository] trait Changes extends History {
  def context(table: TableState): RebaseContext

  /** The changes of a range.
    *
    * @param net
    *   whether changes that cancel each other out, in between, are not told
    * @throws AnabranchException
    *   ANABRANCH_TABLE.VERSION_NOT_FOUND, INVALID_RANGE, ANOTHER_TABLE, or of a ref
    */
  def changes(ref: ResolvedRef, table: TableState, range: ChangeRange, net: Boolean): TableChanges =
    range match {
      case ChangeRange.All => alongPath(ref, table, 0, table.version, net)
      case r: ChangeRange.Versions => ofVersions(ref, table, r, net)
      case r: ChangeRange.Times => ofTimes(ref, table, r, net)
    }

  private def ofVersions(
      ref: ResolvedRef,
      table: TableState,
      range: ChangeRange.Versions,
      net: Boolean
  ): TableChanges = {
    val from = at(ref, table, RestorePoint.Version(range.from)).table
    val to = range.to.fold(table)(v => at(ref, table, RestorePoint.Version(v)).table)
    Seq(range.from -> from, range.to.getOrElse("") -> to).find(_._2.id != table.id).foreach {
      case (text, _) =>
        throw AnabranchException(
          "ANABRANCH_TABLE.ANOTHER_TABLE",
          "table" -> Names.show(table.name),
          "ref" -> text
        )
    }
    if (onPath(ref, table, from) && onPath(ref, table, to)) {
      val first = from.version + (if (range.fromInclusive) 0 else 1)
      val last = to.version - (if (range.toInclusive) 0 else 1)
      if (from.version > to.version) throw invalid(table, range.from, range.to.getOrElse(to.version.toString))
      alongPath(ref, table, first, last, net)
    } else TableChanges.of(to, Seq(from), Seq(step(to, Some(from))))
  }

  /** Whether a state is one that the table has had along first parents. */
  private def onPath(ref: ResolvedRef, table: TableState, past: TableState): Boolean =
    past.at == table.at || (past.version < table.version &&
      at(ref, table, RestorePoint.Version(past.version.toString)).table.at == past.at)

  private def ofTimes(
      ref: ResolvedRef,
      table: TableState,
      range: ChangeRange.Times,
      net: Boolean
  ): TableChanges = {
    def micros(e: Entry) = e.commit.timeMillis * 1000
    val inside = versions(table)
      .dropWhile { case (_, e) =>
        range.to.exists(t => if (range.toInclusive) micros(e) > t else micros(e) >= t)
      }
      .takeWhile { case (_, e) =>
        if (range.fromInclusive) micros(e) >= range.from else micros(e) > range.from
      }
      .map(_._1)
      .toSeq
    if (range.to.exists(_ < range.from))
      throw invalid(table, utc(range.from), range.to.fold("")(utc))
    if (inside.isEmpty) TableChanges.of(table, Nil, Nil)
    else alongPath(ref, table, inside.last, inside.head, net)
  }

  private def utc(micros: Long) = Instant.EPOCH.plus(micros, ChronoUnit.MICROS).toString

  private def invalid(table: TableState, from: String, to: String) = AnabranchException(
    "ANABRANCH_TABLE.INVALID_RANGE",
    "table" -> Names.show(table.name),
    "from" -> from,
    "to" -> to
  )

  /** The changes of the versions `first` to `last`, newest last. */
  private def alongPath(
      ref: ResolvedRef,
      table: TableState,
      first: Long,
      last: Long,
      net: Boolean
  ): TableChanges =
    if (first > last) TableChanges.of(table, Nil, Nil)
    else {
      val end =
        if (last == table.version) table else at(ref, table, RestorePoint.Version(last.toString)).table
      val path = versions(end).takeWhile(_._1 >= first - 1).toSeq
      def state(version: Long, e: Entry) = left(ref, table, version, e).tables(table.id)
      if (net) {
        val before = path.find(_._1 == first - 1).map { case (v, e) => state(v, e) }
        TableChanges.of(end, before.toSeq, Seq(step(end, before)))
      } else {
        val told = path.filter(_._1 >= first).map { case (version, e) =>
          val before = path.find(_._1 == version - 1).map { case (v, b) => state(v, b) }
          if (e.commit.tables(table.id).rearranged) (ChangeStep(version, e.commit.timeMillis, Nil), Nil)
          else {
            val after = state(version, e)
            (step(after, before), after +: before.toSeq)
          }
        }
        TableChanges.of(end, told.flatMap(_._2), told.map(_._1).reverse)
      }
    }

  private def step(after: TableState, before: Option[TableState]): ChangeStep = {
    val same = before.exists(_.content == after.content)
    val differences =
      if (same) Nil
      else
        RowDifference
          .between(
            before.fold(Map.empty[String, DataFile])(_.files.files),
            after.files.files,
            context(after).read
          )
    ChangeStep(after.version, states.log.get(after.at).commit.timeMillis, differences)
  }
}
