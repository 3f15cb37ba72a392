package io.anabranch.spark.write

import io.anabranch.core.format.{DeletionVector, RowPositions}
import io.anabranch.core.log.TableState
import io.anabranch.spark.read.LineageColumns

import scala.collection.mutable

/** Where rows stand, found by one task. */
final private[write] class Places {
  private val found = mutable.LongMap.empty[mutable.ArrayBuilder.ofLong]

  def mark(place: Long): Unit = found
    .getOrElseUpdate(LineageColumns.fileOf(place).toLong, new mutable.ArrayBuilder.ofLong)
    .addOne(LineageColumns.positionOf(place)): Unit

  /** By the number of their file: positions as a bitmap. */
  def result(): Map[Int, Array[Byte]] = found.map { case (file, places) =>
    file.toInt -> DeletionVector.serialize(RowPositions.of(places.result()))
  }.toMap
}

private[write] object Places {

  /** What all tasks found, by the id of the file. */
  def together(table: TableState, tasks: Seq[Map[Int, Array[Byte]]]): Map[String, RowPositions] =
    tasks.flatten
      .groupMapReduce(_._1)(g => DeletionVector.deserialize(g._2))(_.union(_))
      .map { case (number, rows) => table.files.bounds.files(number).id -> rows }
}
