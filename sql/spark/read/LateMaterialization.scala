package io.anabranch.spark.read

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.Lineage
import org.apache.spark.sql.anabranch.BatchCondition
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.execution.datasources.PartitionedFile
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.{StructField, StructType}

import scala.util.control.NonFatal

/** When the columns of a condition are read first, and the other ones of matching rows only. */
sealed trait LateMaterialization
object LateMaterialization {
  val Setting: String = "spark.anabranch.read.late-materialization"

  /** Where it is likely to pay. */
  case object Auto extends LateMaterialization
  case object Always extends LateMaterialization
  case object Never extends LateMaterialization

  private val Values = Seq(Auto, Always, Never).map(v => v.toString.toLowerCase -> v).toMap

  /** Name, default and meaning, for the documentation. */
  val All: Seq[(String, String, String)] = Seq(
    (
      Setting,
      "auto",
      "Whether the columns of a condition are read first, and the other ones of matching rows only: auto, where the other " +
        "columns of a large file are much wider and few rows match; always; never."
    )
  )

  /** @throws AnabranchException
    *   ANABRANCH_WRITE.OPTION
    */
  def of(conf: SQLConf): LateMaterialization = {
    val text = conf.getConfString(Setting, "auto")
    Values.getOrElse(
      text.toLowerCase,
      throw AnabranchException(
        "ANABRANCH_WRITE.OPTION",
        "option" -> Setting,
        "reason" -> s"'$text' is none of its values",
        "advice" -> s"Set one of ${Values.keys.toSeq.sorted.mkString(", ")}."
      )
    )
  }
}

/** A condition on rows, as far as its columns alone can be read to find the rows.
  *
  * @param columns
  *   whose values it needs
  * @param holds
  *   on rows of these columns
  * @param always
  *   whether rows are sought by it however large the file and however many they are
  */
final case class RowCondition(columns: StructType, holds: Expression, always: Boolean)

object RowCondition {

  /** How many times as wide as the condition's columns a scan has to be. */
  private val Narrow = 3

  /** What can be asked of a table's rows before the other columns are read: the first of some conditions that all have to
    * hold, in the order in which Spark tries them, since a later one may fail on rows that an earlier one leaves out.
    *
    * @param conditions
    *   on the table's logical columns
    * @param columns
    *   of the table, with all their fields: by the numbers of these, conditions name them
    * @param required
    *   the columns that the scan gives, with the fields that somebody wants to see
    * @return
    *   None where nothing would be gained
    */
  def of(
      conditions: Seq[Expression],
      columns: StructType,
      required: StructType,
      when: LateMaterialization
  ): Option[RowCondition] = {
    val known = (required.fields.filter(f => Lineage.Columns.contains(f.name)) ++ columns.fields)
      .map(f => f.name -> f)
      .toMap
    // those that every table has are mostly computed, not read
    val width = StructType(required.fields.filterNot(f => LineageColumns.Names(f.name))).defaultSize
    def read(by: Seq[Expression]): Seq[StructField] =
      by.flatMap(_.references).distinctBy(_.name).map(a => known(a.name))
    val usable = conditions.takeWhile(c => isPlain(c) && c.references.forall(a => known.contains(a.name)))
    def isNarrow(c: Seq[Expression]) = when match {
      case LateMaterialization.Auto => StructType(read(c)).defaultSize * Narrow <= width
      case LateMaterialization.Always => true
      case LateMaterialization.Never => c.isEmpty
    }
    val narrow = usable.inits.find(isNarrow).getOrElse(Nil)
    Option.when(narrow.exists(!_.isInstanceOf[IsNotNull])) {
      val schema = StructType(read(narrow))
      RowCondition(
        schema,
        narrow.reduce(And(_, _)).transform { case a: AttributeReference =>
          BoundReference(schema.fieldIndex(a.name), a.dataType, a.nullable)
        },
        when == LateMaterialization.Always
      )
    }
  }

  /** Whether it is the same whenever and however often it is asked, and costs about what its columns cost. */
  private def isPlain(e: Expression): Boolean = e.deterministic && !e.exists {
    case _: AttributeReference => false
    case _: UserDefinedExpression | _: NonSQLExpression | _: SubqueryExpression | _: Unevaluable => true
    case _ => false
  }
}

/** Finds the rows of files that a condition holds for, by the condition's columns.
  *
  * @param columns
  *   reads these, and last the places of the rows
  */
final class RowSearch(condition: RowCondition, columns: AnabranchReaderFactory) extends Serializable {
  import condition.always

  /** Positions of the rows of a piece of a file, ascending, whichever of the file's rows are wanted.
    *
    * @return
    *   None if the file is small, or they are so many that reading the other columns for them alone would save little, or
    *   the condition fails on a row: Spark asks it once more then, and tells of the failure as it always does
    */
  def positions(piece: PartitionedFile): Option[Array[Long]] =
    if (always || FileRows.of(piece).file.rows >= RowSearch.Large) search(FileRows.all(piece)) else None

  private def search(piece: PartitionedFile): Option[Array[Long]] = {
    val rows = BatchCondition.of(condition.holds, condition.columns)
    val found = Array.newBuilder[Long]
    val reader = columns.buildColumnarReader(piece)
    try {
      var (seen, hits) = (0L, 0L)
      var numbers = Array.empty[Int]
      def isWorth = always || hits * RowSearch.Few <= seen.max(RowSearch.Sample)
      while (isWorth && reader.next()) {
        val batch = reader.get()
        if (numbers.length < batch.numRows) numbers = new Array[Int](batch.numRows)
        val n = rows.rows(batch, numbers)
        val places = batch.column(batch.numCols - 1)
        (0 until n).foreach(i => found += LineageColumns.positionOf(places.getLong(numbers(i))))
        hits += n
        seen += batch.numRows
      }
      Option.when(isWorth)(found.result())
    } catch {
      case NonFatal(_) => None
    } finally reader.close()
  }
}

object RowSearch {

  /** Rows of a file that is worth two looks. */
  private val Large = 100000L

  /** One row of so many may match. */
  private val Few = 20L

  /** So many rows are looked at before that is said. */
  private val Sample = 50000L
}
