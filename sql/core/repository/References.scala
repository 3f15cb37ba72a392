package io.anabranch.core.repository

import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}

import scala.collection.mutable

/** What states refer to: data files, by table and id, and objects that hold deletion vectors. Grows as states are added. */
final private[repository] class References {
  private val files = mutable.Set.empty[(String, String)]
  private val vectors = mutable.Set.empty[String]
  private val seen = mutable.Set.empty[(String, Position)]

  def hasFile(table: String, id: String): Boolean = files((table, id))
  def hasVector(id: String): Boolean = vectors(id)

  def add(state: CatalogState): Unit = state.tables.valuesIterator.foreach(add)

  /** Equal content is equal files [TAB-3], so that a table is looked at once. */
  def add(t: TableState): Unit = if (seen.add((t.id, t.content))) add(t.id, t.files.files.values)

  def add(table: String, some: Iterable[DataFile]): Unit = some.foreach { f =>
    if (!f.isInline) files += ((table, f.id))
    f.deletions.foreach(add)
  }

  /** What a change of a table names, apart from what it adopts.
    *
    * @param listed
    *   the files on the lists that it names
    */
  def add(table: String, change: TableChange, listed: Iterable[DataFile]): Unit = {
    add(table, change.add)
    add(table, listed)
    change.deletions.valuesIterator.foreach(add)
  }

  private def add(vector: DeletionVector): Unit = vectors ++= vector.objectId
}
