package io.anabranch.spark.parser

import io.anabranch.spark.commands._
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan

/** START TRANSACTION, COMMIT, ROLLBACK. */
private object TransactionStatements {
  def start(t: Tokens): LogicalPlan = {
    t.usage = "START TRANSACTION [IN catalog]"
    t.expect("START", "TRANSACTION")
    StartTransaction(Statements.in(t))
  }

  def commit(t: Tokens): LogicalPlan = {
    t.usage = "COMMIT [TRANSACTION] [MESSAGE 'text']"
    t.expect("COMMIT")
    t.accept("TRANSACTION"): Unit
    CommitTransactionCommand(Statements.message(t))
  }

  def rollback(t: Tokens): LogicalPlan = {
    t.usage = "ROLLBACK [TRANSACTION]"
    t.expect("ROLLBACK")
    t.accept("TRANSACTION"): Unit
    RollbackTransaction()
  }
}
