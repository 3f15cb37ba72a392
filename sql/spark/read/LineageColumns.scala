package io.anabranch.spark.read

import io.anabranch.core.format.Lineage
import org.apache.spark.sql.connector.catalog.MetadataColumn
import org.apache.spark.sql.types._

/** Columns that every table has besides its own: seen only by who names them. */
object LineageColumns {

  /** Where a row stands during one statement: the number of its file in the snapshot, and its position. By
    * it a statement says which rows go; it means nothing to anybody else.
    */
  val Place: String = "_row_place"

  private val PositionBits = 40

  def place(file: Int, position: Long): Long = (file.toLong << PositionBits) | position
  def fileOf(place: Long): Int = (place >>> PositionBits).toInt
  def positionOf(place: Long): Long = place & ((1L << PositionBits) - 1)

  val Names: Set[String] = Lineage.Columns.toSet + Place

  val All: Array[MetadataColumn] = Array(
    column(Lineage.RowId, "Names the row for ever, through updates, merges and restores.", kept = true),
    column(Lineage.RowCommit, "The commit that wrote this version of the row.", kept = false),
    column(Place, "Where the row stands during this statement; for internal use.", kept = true)
  )

  /** Those columns as they stand in a data file: NULL in rows that are as old as the file. */
  def stored(names: Seq[String]): Seq[StructField] = names.map(StructField(_, LongType, nullable = true))

  /** @param kept
    *   whether a row's value outlives an update
    */
  private def column(columnName: String, meaning: String, kept: Boolean): MetadataColumn =
    new MetadataColumn {
      override def name: String = columnName
      override def dataType: DataType = LongType
      override def isNullable: Boolean = false
      override def comment: String = meaning
      override def metadataInJSON: String = new MetadataBuilder()
        .putBoolean(MetadataColumn.PRESERVE_ON_UPDATE, kept)
        .putBoolean(MetadataColumn.PRESERVE_ON_REINSERT, kept)
        .build()
        .json
    }
}
