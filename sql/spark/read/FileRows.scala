package io.anabranch.spark.read

import io.anabranch.core.format._
import org.apache.spark.sql.execution.datasources.PartitionedFile
import org.apache.spark.sql.types.StructType

/** Which rows of a file are wanted. */
sealed trait RowChoice
object RowChoice {
  case object All extends RowChoice

  /** All but those. */
  final case class Without(vector: DeletionVector) extends RowChoice

  /** Only those. */
  final case class Only(vector: DeletionVector) extends RowChoice

  /** All but some, if there are any. */
  def without(rows: RowPositions): RowChoice =
    if (rows.isEmpty) All else Without(DeletionVector.ofInline(DeletionVector.serialize(rows), rows.size))

  /** How many rows of a file are wanted. */
  def rows(file: DataFile, choice: RowChoice): Long = choice match {
    case All => file.rows
    case Without(v) => file.rows - v.cardinality
    case Only(v) => v.cardinality
  }

  /** The rows that a file has left. */
  def live(file: DataFile): RowChoice = file.deletions.fold(All: RowChoice)(Without(_))
}

/** What a task has to know of a file besides where it lies.
  *
  * @param file
  *   without statistics and inline rows
  * @param number
  *   of the file in the snapshot, for [[LineageColumns.Place]]
  * @param constants
  *   the values of [[Source.Constant]] columns for all of its rows
  */
final case class FileRows(file: DataFile, number: Int, choice: RowChoice, constants: Seq[Any])

object FileRows {
  private val Key = "anabranch.rows"

  def of(file: DataFile, number: Int, choice: RowChoice, constants: Seq[Any] = Nil): FileRows =
    FileRows(file.copy(stats = Map.empty, inline = None), number, choice, constants)

  /** As the constants that a piece of a file carries to its task. */
  def attached(rows: FileRows): Map[String, Any] = Map(Key -> rows)

  def of(piece: PartitionedFile): FileRows =
    piece.otherConstantMetadataColumnValues(Key).asInstanceOf[FileRows]

  /** The piece with all of its rows, whichever were wanted. */
  def all(piece: PartitionedFile): PartitionedFile =
    piece.copy(otherConstantMetadataColumnValues = attached(of(piece).copy(choice = RowChoice.All)))
}

/** Where a column of a scan's output comes from. */
sealed trait Source
object Source {

  /** The column at that place of what is read from the file. */
  final case class Stored(index: Int) extends Source

  /** What the file's entry and the row's position imply, unless the file has a value at that place. */
  final case class RowId(stored: Option[Int]) extends Source
  final case class RowCommit(stored: Option[Int]) extends Source
  case object Place extends Source

  /** The same for all rows of a file. */
  final case class Constant(index: Int) extends Source
}

/** What is read of files, and how it becomes the output of a scan.
  *
  * @param output
  *   types as Spark expects them, under physical names
  * @param stored
  *   what is asked of each file
  * @param sources
  *   of each column of the output
  */
final case class ReadPlan(output: StructType, stored: StructType, sources: Seq[Source]) {

  /** Whether the position of a row is a part of the output. */
  val needsPositions: Boolean = sources.exists {
    case _: Source.RowId | Source.Place => true
    case _ => false
  }

  /** Whether the output is just what is read. */
  val asStored: Boolean = sources == stored.indices.map(Source.Stored(_))
}

object ReadPlan {

  /** @param required
    *   what Spark wants to see, by logical names
    * @param held
    *   the lineage columns that some of the files hold
    * @param constants
    *   names of columns that are the same for all rows of a file
    */
  def of(
      columns: Seq[Column],
      required: StructType,
      held: Set[String],
      constants: Seq[String] = Nil
  ): ReadPlan = {
    def own(name: String) = LineageColumns.Names(name) || constants.contains(name)
    val data = PhysicalSchema.pruned(columns, StructType(required.fields.filterNot(f => own(f.name))))
    val lineage = Lineage.Columns.filter(n => held(n) && required.fieldNames.contains(n))
    val stored = StructType(data.fields ++ LineageColumns.stored(lineage))
    def place(name: String) = Option(lineage.indexOf(name)).filter(_ >= 0).map(data.size + _)
    var next = -1
    val sources = required.fieldNames.toSeq.map {
      case Lineage.RowId => Source.RowId(place(Lineage.RowId))
      case Lineage.RowCommit => Source.RowCommit(place(Lineage.RowCommit))
      case LineageColumns.Place => Source.Place
      case name if constants.contains(name) => Source.Constant(constants.indexOf(name))
      case _ =>
        next += 1
        Source.Stored(next)
    }
    val output = StructType(required.fields.zip(sources).map {
      case (_, Source.Stored(i)) => stored(i)
      case (field, _) => field
    })
    ReadPlan(output, stored, sources)
  }
}
