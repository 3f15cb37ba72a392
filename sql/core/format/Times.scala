package io.anabranch.core.format

import java.time.Instant

/** Times in milliseconds, and as people read them. */
object Times {
  val Hour: Long = 60L * 60 * 1000

  /** UTC, with seconds, and fractions only where these are not 0: 2026-01-31T12:00:00Z. */
  def shown(millis: Long): String = Instant.ofEpochMilli(millis).toString
}
