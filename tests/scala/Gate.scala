package io.anabranch.test

import org.apache.spark.sql.api.java.UDF1

import java.util.concurrent.{ConcurrentHashMap, CountDownLatch, TimeUnit}

/** Holds a query while it runs, until a test lets it go on: `SELECT … FROM range(1) WHERE
  * reflect('io.anabranch.test.Gate', 'pass', '<name>') = 'open'`.
  */
object Gate {
  private final class Latches {
    val entered = new CountDownLatch(1)
    val opened = new CountDownLatch(1)
  }

  private val gates = new ConcurrentHashMap[String, Latches]
  private def gate(name: String): Latches = gates.computeIfAbsent(name, _ => new Latches)

  /** Waits until the gate is open; for the query. */
  def pass(name: String): String = {
    gate(name).entered.countDown()
    if (gate(name).opened.await(60, TimeUnit.SECONDS)) "open"
    else throw new IllegalStateException(s"$name stayed shut")
  }

  /** Waits until a query stands before the gate; whether one came within 60 s. */
  def reached(name: String): Boolean = gate(name).entered.await(60, TimeUnit.SECONDS)

  def open(name: String): Unit = gate(name).opened.countDown()
}

/** The same for conditions of UPDATE and DELETE, which must be deterministic: true once the gate is open. */
final class GateFunction extends UDF1[String, Boolean] {
  override def call(name: String): Boolean = Gate.pass(name) == "open"
}
