package io.anabranch.core.transaction

import io.anabranch.core.format._
import io.anabranch.core.log.CatalogState

/** What a commit is to do, before it is known where in the log it will stand.
  *
  * In `tables`, versions, previous commits and row numbers are left open: they are filled in when the
  * place is known.
  *
  * @param merges
  *   the head of another branch that becomes the second parent
  * @param reads
  *   ids of tables whose rows decided what it does
  */
final case class Proposal(
    tables: Map[String, TableChange] = Map.empty,
    namespaces: Map[Seq[String], NamespaceChange] = Map.empty,
    metrics: Map[String, Long] = Map.empty,
    merges: Option[CatalogState] = None,
    closing: Option[Closing] = None,
    reads: Set[String] = Set.empty,
    policies: Map[String, Option[Policy]] = Map.empty
)

/** What somebody wants to do to a branch, stated so that it can be asked again of a newer state. */
trait Intent {

  /** `INSERT`, `CREATE TABLE`, …, as history shows it. */
  def operation: String

  /** Whether it is a merge of branches, which is what protected branches are for. */
  def merges: Boolean = false

  /** The changes that do it on this state.
    *
    * @throws Conflict
    *   if another commit since the one that was read makes it impossible
    * @throws io.anabranch.core.AnabranchException
    *   if the state doesn't allow it
    */
  def onto(now: CatalogState): Proposal
}

/** Thrown by an intent that another commit has made impossible. */
final class Conflict(val reason: String, val other: Position) extends RuntimeException(reason)

/** Checks of an intent against what happened since the state that it read. */
object Rebase {

  /** The table as it is now; it must not have been dropped. */
  private def present(base: CatalogState, now: CatalogState, id: String) =
    now.tables.getOrElse(
      id,
      throw new Conflict(
        s"the table ${base.tables(id).name.mkString(".")} was dropped meanwhile",
        now.position
      )
    )

  /** An append fits on any newer state with the same columns and partitioning. */
  def sameLayout(base: CatalogState, now: CatalogState, id: String): Unit = {
    val (was, is) = (base.tables(id), present(base, now, id))
    if (!is.metadata.sameLayout(was.metadata))
      throw new Conflict(s"the columns of ${was.name.mkString(".")} were changed meanwhile", is.at)
  }

  /** A change of metadata fits on any newer state with the same metadata: whatever rows it has. */
  def sameMetadata(base: CatalogState, now: CatalogState, id: String): Unit = {
    val (was, is) = (base.tables(id), present(base, now, id))
    if (is.metadata != was.metadata)
      throw new Conflict(s"columns or properties of ${was.name.mkString(".")} were changed meanwhile", is.at)
  }

  /** Everything else needs the table as it was read. */
  def unchanged(base: CatalogState, now: CatalogState, id: String): Unit = {
    val (was, is) = (base.tables(id), present(base, now, id))
    if (is.at != was.at)
      throw new Conflict(s"the table ${was.name.mkString(".")} was changed meanwhile", is.at)
  }
}
