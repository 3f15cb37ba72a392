package io.anabranch.core.format

/** A run of row ids: the next `count` rows of the file have ids `first`, `first + 1`, … */
final case class RowRun(first: Long, count: Long)

/** A file of rows that a commit added, or a block of rows that stands in the commit itself.
  *
  * Guarantees: (1) `id` names it in its table for ever; (2) `rows` counts all its rows, deleted ones
  * included; (3) `sha256` is the digest of the bytes, or for a block of inline rows of its canonical
  * JSON; (4) row ids are given by exactly one of `firstRow`, `runs`, or a column in the file.
  *
  * @param id
  *   its name under `data/<table id>/`
  * @param partition
  *   partition values by [[PartitionField.key]]; a NULL value is absent
  * @param firstRow
  *   `_row_id` of its first row; the others follow
  * @param addedBy
  *   the commit that added it; not written in that commit, but in manifests
  * @param inline
  *   the rows, one JSON list each, in the order of the table's columns by `inlineColumns`
  * @param inlineColumns
  *   physical names of the columns of inline rows
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
    inlineColumns: Seq[String] = Nil
) {

  /** Whether it is a block of rows in a commit; `inline` is None where these were erased. */
  def isInline: Boolean = inlineColumns.nonEmpty

  /** Rows that are not deleted. */
  def liveRows: Long = rows - deletions.fold(0L)(_.cardinality)
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
    "inline" -> Option.when(f.isInline)(Json.texts(f.inlineColumns))
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
      None,
      if (r.has("inline")) inline(id) else None,
      if (r.has("inline")) r.texts("inline") else Nil
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
