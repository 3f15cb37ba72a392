package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.log.{CatalogState, States, TableState}
import io.anabranch.core.operations._
import io.anabranch.core.transaction._

import java.util.concurrent.atomic.AtomicLong

/** A transaction over several statements, on one branch. Nothing of it is in the log before its commit; files
  * that its statements wrote are named by nobody if there is none.
  */
final class OpenTransaction private[repository] (
    val branch: String,
    base: CatalogState,
    states: States,
    committer: Committer,
    context: TableState => RebaseContext
) {
  private var staged = Transaction.begin(base)
  private var open = true
  private val began = Began.now()

  /** The branch as the statements of the transaction see it. */
  def state: CatalogState = synchronized(staged.state)

  /** The ref as it was when the transaction began. */
  def before(ref: ResolvedRef): ResolvedRef = if (isOurs(ref)) ref.copy(state = base) else ref

  /** The ref as the transaction sees it; another branch can be read only. */
  private[repository] def seen(ref: ResolvedRef): ResolvedRef =
    if (isOurs(ref)) ref.copy(state = state, transaction = Some(this)) else ref.copy(transaction = Some(this))

  private def isOurs(ref: ResolvedRef) = ref.branch.contains(branch)

  /** Takes a statement's changes.
    *
    * @param from
    *   the state that the statement read
    * @return
    *   the state after it
    * @throws AnabranchException
    *   ANABRANCH_TRANSACTION.REFUSED; or what the intent throws. The transaction then is as it was before.
    */
  private[repository] def stage(from: CatalogState, intent: Intent): CatalogState = synchronized {
    def refuse(reason: String) = throw OpenTransaction.refused(intent.operation, reason)
    if (!open) refuse("the transaction in which its tables were read has ended")
    if (from.id != staged.state.id) refuse("another statement changed the transaction while it ran")
    intent match {
      case _: Append | _: Overwrite | _: RowChanges | _: CreateTable | _: ReplaceTable | _: DropTable |
          _: RenameTable | _: AlterTable | _: Evolve | _: RestoreTable | _: CreateNamespace |
          _: AlterNamespace | _: DropNamespace =>
        staged = staged.and(intent, OpenTransaction.seqs.decrementAndGet(), states.over)
      case _ => refuse("it can't stand in a transaction")
    }
    staged.state
  }

  /** Takes note of what a query reads: at the commit it must still be true. */
  def saw(read: TableRead): Unit = synchronized { staged = staged.and(read) }

  /** Commits all statements at once, and ends the transaction, also where that fails.
    *
    * @return
    *   the state after the commit; None if there was nothing to commit
    * @throws AnabranchException
    *   as [[Repository.commit]]
    */
  def commit(by: CommitContext): Option[CatalogState] = synchronized {
    open = false
    val named = by.copy(parameters =
      by.parameters ++ Map(
        "statements" -> staged.statements.filter(_.changes).map(_.operation).mkString(", ")
      )
    )
    val state = committer.commit(branch, base, new CommitTransaction(staged, context), named.since(began))
    Option.when(state.id != base.id)(state)
  }

  def rollback(): Unit = synchronized { open = false }

  /** Full names of the tables that it changed, as they were and as they are. */
  def tables: Set[Seq[String]] = synchronized {
    staged.tables.flatMap(id => Seq(base, staged.state).flatMap(_.tables.get(id)).map(_.name))
  }
}

object OpenTransaction {

  /** Numbers in logs that no entry has. */
  private val seqs = new AtomicLong(0)

  def refused(statement: String, reason: String): AnabranchException =
    AnabranchException("ANABRANCH_TRANSACTION.REFUSED", "statement" -> statement, "reason" -> reason)
}
