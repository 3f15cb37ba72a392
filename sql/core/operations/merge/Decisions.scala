package io.anabranch.core.operations.merge

/** What to do about a conflict. */
sealed trait Choice
object Choice {

  /** What stands for no choice. */
  val Open: String = "open"

  case object Ours extends Choice
  case object Theirs extends Choice

  /** No side: the conflict stays open, whatever a wider decision says. */
  case object Fail extends Choice

  /** Another value for a cell, as text that is cast to the column's type; None for NULL. */
  final case class Value(text: Option[String]) extends Choice

  /** @return
    *   None for what is no side
    */
  def side(text: String): Option[Choice] = text.toLowerCase(java.util.Locale.ROOT) match {
    case "ours" => Some(Ours)
    case "theirs" => Some(Theirs)
    case _ => None
  }
}

/** A choice for all conflicts, or those of a table, column, row or cell.
  *
  * @param choice
  *   None takes back those before it about the same
  * @param table
  *   full name; None for all tables
  * @param row
  *   row id; None for all rows
  * @param column
  *   logical name; None for all columns
  */
final case class Decision(
    choice: Option[Choice],
    table: Option[Seq[String]] = None,
    row: Option[Long] = None,
    column: Option[String] = None
) {

  /** Whether it is about a conflict. */
  def isAbout(c: MergeConflict): Boolean = covers(c.name, c.row.map(_.id), c.column)

  private[merge] def covers(t: Seq[String], r: Option[Long], c: Option[String]): Boolean =
    table.forall(_ == t) && row.forall(r.contains) && column.forall(n => c.exists(_.equalsIgnoreCase(n)))

  // a choice for a cell comes before one for a row, that before one for a column, that before one for a table
  private[merge] def weight: Int =
    Seq(table.isDefined, column.isDefined, row.isDefined)
      .zip(Seq(1, 2, 4))
      .collect { case (true, w) => w }
      .sum
}

/** All choices for a merge, oldest first. Of those that were not taken back, the one that names most closely what it is about
  * counts; of several, the newest.
  *
  * @param ofRows
  *   whether they hold for rows and cells, too, and not only for tables, columns and namespaces as such
  */
final case class Decisions(all: Seq[Decision], ofRows: Boolean = true) {
  def about(table: Seq[String], row: Option[Long] = None, column: Option[String] = None): Option[Choice] =
    if (row.isDefined && !ofRows) scala.None
    else {
      val covering = all.filter(_.covers(table, row, column))
      val standing = covering.drop(covering.lastIndexWhere(_.choice.isEmpty) + 1)
      standing.sortBy(_.weight).lastOption.flatMap(_.choice).filterNot(_ == Choice.Fail)
    }

  def about(c: MergeConflict): Option[Choice] = about(c.name, c.row.map(_.id), c.column)

  /** With what is decided about a table under one of its names decided under the other as well. */
  def ofTables(also: Map[Seq[String], Seq[String]]): Decisions =
    copy(all = all.flatMap(d => d +: d.table.flatMap(also.get).map(t => d.copy(table = Some(t))).toList))

  /** The same of columns.
    *
    * @param also
    *   names in lower case
    */
  def ofColumns(also: Map[String, String]): Decisions =
    copy(all = all.flatMap { d =>
      d +: d.column.map(Decisions.fold).flatMap(also.get).map(c => d.copy(column = Some(c))).toList
    })
}

object Decisions {
  val None: Decisions = Decisions(Nil)

  private[merge] def fold(column: String): String = column.toLowerCase(java.util.Locale.ROOT)

  /** The other name of what two sides call differently; none where something else has one of these names.
    *
    * @param ours
    *   names of things, as `theirs`
    */
  def synonyms[T, N](ours: Map[T, N], theirs: Map[T, N]): Map[N, N] = {
    val things = (ours.toSeq ++ theirs.toSeq).distinct.groupMap(_._2)(_._1)
    ours.toSeq.flatMap { case (thing, mine) =>
      theirs
        .get(thing)
        .filter(other => other != mine && Seq(mine, other).forall(things(_).size == 1))
        .toSeq
        .flatMap(other => Seq(mine -> other, other -> mine))
    }.toMap
  }
}
