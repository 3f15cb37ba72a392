package io.anabranch.spark.test

import io.anabranch.core.AnabranchException
import io.anabranch.spark.write.CommitsOnce

import scala.util.Try

/** A write whose commit fails, and which Spark then aborts. */
final class FailingCommit extends CommitsOnce {

  /** Whether the files of a write are removed after an error of that class; of none of ours, if it is empty. */
  def removesFiles(condition: String): Boolean = {
    val told = Seq("reason", "commit", "operation", "author", "branch", "count", "txn").map(_ -> "?")
    val error =
      if (condition.isEmpty) new RuntimeException("?") else AnabranchException(condition, told: _*)
    Try(committing[Unit](throw error)): Unit
    var removed = false
    unlessCommitted { removed = true }
    removed
  }
}
