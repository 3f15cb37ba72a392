package io.anabranch.core.format

/** A file of rows that a commit added, or a block of rows that stands in the commit itself.
  *
  * Guarantees: (1) `id` names it in its table for ever; (2) `rows` counts all its rows, deleted ones
  * included; (3) `sha256` is the digest of the bytes, or for a block of inline rows of its canonical
  * JSON; (4) a row's id is what stands in the file's column `_row_id`, if it has one and the row has a value
  * there; else `runs` or `firstRow` tell it. So with `_row_commit` and `addedBy`.
  *
  * @param id
  *   its name under `data/<table id>/`
  * @param partition
  *   partition values by [[PartitionField.key]]; a NULL value is absent
  * @param firstRow
  *   `_row_id` of its first row; the others follow
  * @param addedBy
  *   the commit that added it first; not written in that commit, but in those that take the file over
  * @param inline
  *   the rows, one JSON list each, in the order of the table's columns by `inlineColumns`
  * @param inlineColumns
  *   physical names of the columns of inline rows
  * @param lineage
  *   which of [[Lineage.Columns]] the file has: those of rows that are older than it
  */
final case class DataFile(
    id: String,
    sizeBytes: Long,
    rows: Long,
    sha256: String,
    partition: Map[String, Value] = Map.empty,
    stats: Map[String, ColumnStats] = Map.empty,
    deletions: Option[DeletionVector] = None,
    firstRow: Option[Long] = None,
    runs: Seq[RowRun] = Nil,
    addedBy: Option[Position] = None,
    inline: Option[Seq[Json]] = None,
    inlineColumns: Seq[String] = Nil,
    lineage: Seq[String] = Nil
) {

  /** Whether it is a block of rows in a commit; `inline` is None where these were erased. */
  def isInline: Boolean = inlineColumns.nonEmpty

  /** Rows that are not deleted. */
  def liveRows: Long = rows - deletions.fold(0L)(_.cardinality)

  /** Whether the ids of all its rows follow from `firstRow` or `runs`. */
  def numbersRows: Boolean = !lineage.contains(Lineage.RowId)

  /** `_row_id` of the row at a position, where the file holds none for it. */
  def rowId(position: Long): Long =
    if (runs.isEmpty) firstRow.getOrElse(0L) + position else ids.idAt(position)

  /** The row ids that follow from the file's entry; none for a file that no commit has added yet. */
  @transient lazy val ids: RowRuns =
    new RowRuns(if (runs.nonEmpty) runs else firstRow.map(RowRun(_, rows)).toSeq)
}

/** The columns that tell where a row comes from. They belong to every table, and stand in a data file only
  * for rows that are older than the file.
  */
object Lineage {

  /** Names a row for ever: ordinal and counter. */
  val RowId: String = "_row_id"

  /** The commit that wrote this version of the row: [[Position.packed]]. */
  val RowCommit: String = "_row_commit"

  val Columns: Seq[String] = Seq(RowId, RowCommit)
}

object DataFile {

  /** The part of a file that the commit id covers directly: all but statistics and inline rows. */
  def encode(f: DataFile): Json = Json.some(
    "id" -> Some(Json.Text(f.id)),
    "size" -> Some(Json.int64(f.sizeBytes)),
    "rows" -> Some(Json.int64(f.rows)),
    "sha256" -> Some(Json.Text(f.sha256)),
    "partition" -> Option.when(f.partition.nonEmpty)(encodePartition(f.partition)),
    "deletions" -> f.deletions.map(DeletionVector.encode),
    "first_row" -> f.firstRow.map(Json.int64),
    "runs" -> Option.when(f.runs.nonEmpty)(
      Json.Arr(f.runs.map(r => Json.Arr(Seq(Json.int64(r.first), Json.int64(r.count)))))
    ),
    "inline" -> Option.when(f.isInline)(Json.texts(f.inlineColumns)),
    "lineage" -> Option.when(f.lineage.nonEmpty)(Json.texts(f.lineage)),
    "added_by" -> f.addedBy.map(at => Json.Text(at.toString))
  )

  /** @param stats
    *   statistics of the file, from the commit's salted part
    * @param inline
    *   rows of a block of inline rows by its id, from the commit's salted part
    */
  def decode(r: JsonReader, stats: Option[JsonReader], inline: String => Option[Seq[Json]]): DataFile = {
    val id = r.text("id")
    DataFile(
      id,
      r.long("size"),
      r.long("rows"),
      r.text("sha256"),
      r.members("partition").map { case (k, v) => k -> decodePartition(r, k, v) },
      stats.fold(Map.empty[String, ColumnStats])(decodeStats),
      r.readerOpt("deletions").map(DeletionVector.decode),
      r.longOpt("first_row"),
      r.items("runs").map {
        case Json.Arr(Seq(Json.Integer(first), Json.Integer(count))) => RowRun(first, count)
        case Json.Arr(Seq(Json.Text(first), Json.Integer(count))) => RowRun(first.toLong, count)
        case _ => throw r.wrong("runs", "a list of pairs")
      },
      r.textOpt("added_by").map(t => Position.parse(t).getOrElse(throw r.wrong("added_by", "a position"))),
      if (r.has("inline")) inline(id) else None,
      r.texts("inline"),
      r.texts("lineage")
    )
  }

  def encodePartition(values: Map[String, Value]): Json.Obj =
    Json.Obj(values.map { case (k, v) => k -> Value.encode(v) })

  private def decodePartition(r: JsonReader, key: String, v: Json): Value =
    Value.decode(v).getOrElse(throw r.wrong(s"partition.$key", "a value"))

  def encodeStats(stats: Map[String, ColumnStats]): Json.Obj =
    Json.Obj(stats.map { case (column, s) => column -> ColumnStats.encode(s) })

  def decodeStats(r: JsonReader): Map[String, ColumnStats] =
    r.names.map(c => c -> ColumnStats.decode(r.reader(c))).toMap
}
