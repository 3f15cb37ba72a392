package io.anabranch.spark.write

import io.anabranch.core.AnabranchException

/** Spark aborts a write whose commit failed. Its files may be removed then only if it is known not to have happened. */
private[spark] trait CommitsOnce {
  @volatile private var mayHaveHappened = false

  protected def committing[T](commit: => T): T = {
    mayHaveHappened = true
    try commit
    catch {
      case e: AnabranchException if e.condition != "ANABRANCH_COMMIT.OUTCOME_UNKNOWN" =>
        mayHaveHappened = false
        throw e
    }
  }

  protected def unlessCommitted(remove: => Unit): Unit = if (!mayHaveHappened) remove
}
