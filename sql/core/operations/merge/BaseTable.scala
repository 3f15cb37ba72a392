package io.anabranch.core.operations.merge

import io.anabranch.core.format.{DataFile, Position}
import io.anabranch.core.log.{CatalogState, TableState}

/** What two sides of a table started from.
  *
  * @param table
  *   None where it was not there
  * @param files
  *   by id
  * @param disputed
  *   of a virtual base: rows whose versions in the bases contradict each other. They are nowhere in `files`.
  */
final case class BaseTable(
    table: Option[TableState],
    files: Map[String, DataFile],
    disputed: Map[Long, DisputedRow] = Map.empty
)

/** The versions of a row in two bases, and in what these started from. */
final case class DisputedRow(
    under: Option[RowVersion],
    one: Option[RowVersion],
    other: Option[RowVersion]
)

object BaseTable {
  val Nothing: BaseTable = BaseTable(None, Map.empty)

  def of(table: TableState): BaseTable = BaseTable(Some(table), table.files.files)
}

/** What two sides of a merge started from: the merge base, or a virtual one.
  *
  * @param table
  *   by id
  * @param knows
  *   whether a commit is one of it, or an ancestor
  * @param state
  *   the merge base, if it is not a virtual one
  */
final case class BaseCatalog(
    facts: CatalogFacts,
    table: String => BaseTable,
    knows: Position => Boolean,
    state: Option[CatalogState] = None
)
