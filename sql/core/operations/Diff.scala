package io.anabranch.core.operations

import io.anabranch.core.format.Position
import io.anabranch.core.log.{CatalogState, TableState}

/** How one table differs between two states; counts are of rows and files.
  *
  * @param rows
  *   None where metadata do not tell
  */
final case class TableDifference(
    name: Seq[String],
    change: String,
    detail: String,
    rowsFrom: Long,
    rowsTo: Long,
    filesAdded: Long,
    filesRemoved: Long,
    rows: Option[RowCounts],
    schema: Seq[String]
)

/** The difference of two catalogs, by table: reads metadata only. */
object Diff {

  /** @param rowsBy
    *   what tells whether two states of a table have the same rows
    * @param counts
    *   of two states of a table whose rows differ
    */
  def between(
      from: CatalogState,
      to: CatalogState,
      rowsBy: TableState => Position = _.content,
      counts: (TableState, TableState) => Option[RowCounts] = (_, _) => None
  ): Seq[TableDifference] =
    (from.tables.keySet ++ to.tables.keySet).toSeq
      .flatMap(id => table(from.tables.get(id), to.tables.get(id), rowsBy, counts))
      .sortBy(d => Names.show(d.name))

  private def table(
      from: Option[TableState],
      to: Option[TableState],
      rowsBy: TableState => Position,
      counts: (TableState, TableState) => Option[RowCounts]
  ): Option[TableDifference] =
    (from, to) match {
      case (Some(a), Some(b)) if a.name == b.name && a.content == b.content => None
      case (Some(a), Some(b)) =>
        val files = rowsBy(a) != rowsBy(b) && a.files.files != b.files.files
        val columns = a.metadata.columns != b.metadata.columns
        val other = !columns && a.metadata != b.metadata
        val renamed = a.name != b.name
        val what = Seq(
          Option.when(renamed)(s"renamed from ${Names.show(a.name)}"),
          Option.when(columns)("columns changed"),
          Option.when(other)("properties changed"),
          Option.when(files)("rows changed")
        ).flatten
        Option.when(what.nonEmpty) {
          val change = if (renamed && what.size == 1) "renamed" else "changed"
          val rows = if (files) counts(a, b) else Some(RowCounts.Zero)
          difference(b.name, change, what.mkString(", "), from, to, rows)
        }
      case (None, Some(b)) =>
        Some(difference(b.name, "created", "", from, to, Some(RowCounts(b.files.rows, 0, 0))))
      case (Some(a), None) =>
        Some(difference(a.name, "dropped", "", from, to, Some(RowCounts(0, 0, a.files.rows))))
      case _ => None
    }

  private def difference(
      name: Seq[String],
      change: String,
      detail: String,
      from: Option[TableState],
      to: Option[TableState],
      rows: Option[RowCounts]
  ) = {
    // a file whose deletion vector differs counts as both removed and added
    val before =
      from.fold(Set.empty[(String, Any)])(_.files.files.map { case (id, f) => (id, f.deletions: Any) }.toSet)
    val after =
      to.fold(Set.empty[(String, Any)])(_.files.files.map { case (id, f) => (id, f.deletions: Any) }.toSet)
    TableDifference(
      name,
      change,
      detail,
      from.fold(0L)(_.files.rows),
      to.fold(0L)(_.files.rows),
      (after -- before).size.toLong,
      (before -- after).size.toLong,
      rows,
      from.zip(to).fold(Seq.empty[String]) { case (a, b) =>
        SchemaDifference.between(a.metadata.columns, b.metadata.columns)
      }
    )
  }
}
