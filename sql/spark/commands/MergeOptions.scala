package io.anabranch.spark.commands

import io.anabranch.core.operations.merge.{Choice, Decision, Decisions}
import io.anabranch.spark.AnabranchCatalog
import io.anabranch.spark.catalog.CatalogContext

/** What `ON CONFLICT … [FOR TABLE t | COLUMN t.c]` is about. */
sealed trait Scope
object Scope {
  case object Everything extends Scope
  final case class OfTable(name: Seq[String]) extends Scope
  final case class OfColumn(table: Seq[String], column: String) extends Scope
}

/** How a merge goes.
  *
  * @param choices
  *   of `ON CONFLICT`
  * @param parent
  *   of a merge commit that is picked or reverted
  * @param keep
  *   whether a merge with open conflicts is kept until they are decided
  */
final case class MergeOptions(
    choices: Seq[(Choice, Scope)] = Nil,
    squash: Boolean = false,
    fastForwardOnly: Boolean = false,
    parent: Option[Int] = None,
    dryRun: Boolean = false,
    keep: Boolean = false,
    message: Option[String] = None
) {

  /** The decisions, with names of tables as the catalog knows them. */
  def decisions(c: AnabranchCatalog): Decisions = {
    def full(name: Seq[String]) = {
      val own = if (name.size > 2 && name.head == c.name) name.tail else name
      if (own.size == 1) CatalogContext.currentNamespace(c.name) ++ own else own
    }
    Decisions(choices.map { case (side, scope) =>
      scope match {
        case Scope.Everything => Decision(Some(side))
        case Scope.OfTable(t) => Decision(Some(side), Some(full(t)))
        case Scope.OfColumn(t, column) => Decision(Some(side), Some(full(t)), None, Some(column))
      }
    })
  }
}
