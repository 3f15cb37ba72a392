package io.anabranch.core.format

/** What a table is, apart from its rows.
  *
  * @param view
  *   if it is a view: its name, branches and history are those of a table, and it never has rows
  * @param retired
  *   physical names of top-level columns that were dropped: never given again
  * @param createdAtMillis
  *   UTC, milliseconds since 1970
  */
final case class TableMetadata(
    columns: Seq[Column],
    partitioning: Seq[PartitionField] = Nil,
    properties: Map[String, String] = Map.empty,
    retired: Set[String] = Set.empty,
    createdAtMillis: Long = 0,
    readerFeatures: Set[String] = Set.empty,
    writerFeatures: Set[String] = Set.empty,
    constraints: Seq[TableConstraint] = Nil,
    view: Option[ViewDefinition] = None
) {

  /** Physical paths (parts joined by `.`) of all fields outside lists and maps, with their types. */
  lazy val leaves: Map[String, ColumnType] = TableMetadata.leaves(columns, "")

  /** All physical names of top-level columns, past and present. */
  def usedNames: Set[String] = retired ++ Column.paths(columns)

  /** Its PRIMARY KEY and UNIQUE constraints, in the order in which they were declared. */
  def keys: Seq[TableConstraint.Key] = constraints.collect { case k: TableConstraint.Key => k }

  /** Its CHECK constraints, in the order in which they were declared. */
  def checks: Seq[TableConstraint.Check] = constraints.collect { case c: TableConstraint.Check => c }

  /** Physical names of the top-level columns that are NOT NULL. */
  def required: Set[String] = columns.filterNot(_.nullable).map(_.physical).toSet

  /** Whether a writer that saw the other metadata wrote files that fit this: comments and properties don't matter. */
  def sameLayout(other: TableMetadata): Boolean =
    TableMetadata.uncommented(columns) == TableMetadata.uncommented(other.columns) &&
      partitioning == other.partitioning && constraints == other.constraints &&
      readerFeatures == other.readerFeatures && view == other.view && writerFeatures == other.writerFeatures
}

object TableMetadata {

  private def uncommented(columns: Seq[Column]): Seq[Column] =
    columns.map(c => c.copy(dataType = uncommented(c.dataType), attributes = c.attributes - Column.Comment))

  private def uncommented(t: ColumnType): ColumnType = t match {
    case ColumnType.Struct(fields) => ColumnType.Struct(uncommented(fields))
    case ColumnType.Arr(e, n) => ColumnType.Arr(uncommented(e), n)
    case ColumnType.Mapping(k, v, n) => ColumnType.Mapping(uncommented(k), uncommented(v), n)
    case other => other
  }

  private def leaves(columns: Seq[Column], prefix: String): Map[String, ColumnType] =
    columns.flatMap { c =>
      val path = prefix + c.physical
      c.dataType match {
        case ColumnType.Struct(fields) => leaves(fields, path + ".")
        case other => Map(path -> other)
      }
    }.toMap

  def encode(m: TableMetadata): Json = Json.some(
    "columns" -> Some(Json.Arr(m.columns.map(Column.encode))),
    "partitioning" -> Option.when(m.partitioning.nonEmpty)(
      Json.Arr(m.partitioning.map(PartitionField.encode))
    ),
    "properties" -> Option.when(m.properties.nonEmpty)(Json.textMap(m.properties)),
    "retired" -> Option.when(m.retired.nonEmpty)(Json.texts(m.retired.toSeq.sorted)),
    "constraints" -> Option.when(m.constraints.nonEmpty)(
      Json.Arr(m.constraints.map(TableConstraint.encode))
    ),
    "view" -> m.view.map(ViewDefinition.encode),
    "created" -> Some(Json.int64(m.createdAtMillis)),
    "reader_features" -> Option.when(m.readerFeatures.nonEmpty)(Json.texts(m.readerFeatures.toSeq.sorted)),
    "writer_features" -> Option.when(m.writerFeatures.nonEmpty)(Json.texts(m.writerFeatures.toSeq.sorted))
  )

  def decode(r: JsonReader, origin: String): TableMetadata = TableMetadata(
    r.items("columns").map(Column.decode(_, origin)),
    r.readers("partitioning").map(PartitionField.decode),
    r.textMap("properties"),
    r.texts("retired").toSet,
    r.long("created"),
    r.texts("reader_features").toSet,
    r.texts("writer_features").toSet,
    r.readers("constraints").map(TableConstraint.decode),
    r.readerOpt("view").map(ViewDefinition.decode)
  )
}
