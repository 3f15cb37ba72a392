package io.anabranch.spark.commands

import io.anabranch.core.AnabranchException
import io.anabranch.core.operations.Names
import io.anabranch.spark.AnabranchCatalog
import org.apache.spark.sql.Row
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}

/** `START TRANSACTION`: what follows on the branch in use becomes one commit, or none. */
final case class StartTransaction(catalog: Option[String]) extends RefCommand {
  override protected def columns: String = "branch STRING, commit STRING"
  override protected def onlyReads: Boolean = true
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    for { open <- TransactionCommands.open(session); t <- open.transaction }
      throw AnabranchException(
        "ANABRANCH_TRANSACTION.ALREADY_OPEN",
        "branch" -> t.branch,
        "catalog" -> open.name
      )
    val t = c.startTransaction()
    Seq(Row(t.branch, t.state.id.toString))
  }
}

/** `COMMIT`: all statements since `START TRANSACTION` as one commit. */
final case class CommitTransactionCommand(message: Option[String]) extends AnabranchCommand {
  override protected def columns: String = "branch STRING, commit STRING"
  override protected def execute(session: ClassicSession): Seq[Row] = {
    val c = TransactionCommands.required(session)
    val by = Commands.author(session, message)
    TransactionCommands.leaving(session, c) { t =>
      Seq(Row(t.branch, t.commit(by).map(_.id.toString).orNull))
    }
  }
}

/** `ROLLBACK`: as if nothing had been done since `START TRANSACTION`. */
final case class RollbackTransaction() extends AnabranchCommand {
  override protected def columns: String = ""
  override protected def execute(session: ClassicSession): Seq[Row] =
    TransactionCommands.leaving(session, TransactionCommands.required(session)) { t =>
      t.rollback()
      Nil
    }
}

private object TransactionCommands {
  import io.anabranch.core.repository.OpenTransaction

  /** The catalog with an open transaction: one at most in a session. */
  def open(session: ClassicSession): Option[AnabranchCatalog] = {
    val manager = session.sessionState.catalogManager
    SparkBridge.anabranchCatalogs.iterator
      .map(manager.catalog)
      .collect { case c: AnabranchCatalog => c }
      .find(_.transaction.isDefined)
  }

  def required(session: ClassicSession): AnabranchCatalog =
    open(session).getOrElse(throw AnabranchException("ANABRANCH_TRANSACTION.NONE_OPEN"))

  /** Ends the open transaction, whatever comes of it. */
  def leaving(session: ClassicSession, c: AnabranchCatalog)(end: OpenTransaction => Seq[Row]): Seq[Row] = {
    val t = c.leaveTransaction().getOrElse(throw AnabranchException("ANABRANCH_TRANSACTION.NONE_OPEN"))
    try end(t)
    finally Commands.recache(session, c, t.tables.toSeq.map(Names.show))
  }
}
