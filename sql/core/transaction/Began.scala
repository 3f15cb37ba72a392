package io.anabranch.core.transaction

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.Times

/** When something was begun that may end in a commit: what lies unnamed for longer than a writer may take, VACUUM may
  * delete.
  *
  * @param nanos
  *   by a clock that nobody sets
  * @param millis
  *   by one that goes on while the machine sleeps
  */
final case class Began(nanos: Long, millis: Long) {

  /** Whole hours since. */
  def hours: Long = {
    val now = Began.now()
    ((now.nanos - nanos) / 1000000).max(now.millis - millis) / Times.Hour
  }

  def earlier(other: Began): Began = if (other.nanos < nanos) other else this

  /** Refuses to make a name for what was begun too long ago.
    *
    * @throws AnabranchException
    *   ANABRANCH_TRANSACTION.TOO_OLD
    */
  def mustBeInTime(): Unit = if (hours >= Began.LimitHours)
    throw AnabranchException(
      "ANABRANCH_TRANSACTION.TOO_OLD",
      "hours" -> hours.toString,
      "limit" -> Began.LimitHours.toString
    )
}

object Began {

  /** Half a day less than half the grace period of VACUUM: clocks differ, and policies may be known late. */
  val LimitHours: Long = 72

  def now(): Began = Began(System.nanoTime(), System.currentTimeMillis())
}
