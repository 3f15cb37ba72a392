package io.anabranch.core.log

import io.anabranch.core.format.Ordinal

import java.security.SecureRandom
import java.util.HexFormat

/** Time and chance, which the rest of the core never asks for by itself. */
trait Environment {

  /** UTC, milliseconds since 1970. */
  def nowMillis(): Long
  def sleepMillis(millis: Long): Unit

  /** A whole number from 0 up to, not including, the bound. */
  def randomInt(bound: Int): Int

  /** 128 random bits as 32 hexadecimal digits. */
  def randomId(): String

  /** A random log number; never main's. */
  final def randomOrdinal(): Ordinal = Ordinal(1 + randomInt(Ordinal.Limit - 1))
}

object Environment {

  /** The machine's clock and a secure random source. */
  object System extends Environment {
    private val random = new SecureRandom
    override def nowMillis(): Long = java.lang.System.currentTimeMillis()
    override def sleepMillis(millis: Long): Unit = Thread.sleep(millis)
    override def randomInt(bound: Int): Int = random.nextInt(bound)
    override def randomId(): String = {
      val bytes = new Array[Byte](16)
      random.nextBytes(bytes)
      HexFormat.of().formatHex(bytes)
    }
  }
}
