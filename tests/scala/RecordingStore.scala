package io.anabranch.test

import io.anabranch.core.store.{CreateOutcome, ObjectInfo, ObjectStore, StoredObject}

import scala.collection.mutable

/** Counts the requests that reach a store; for tests of request budgets.
  *
  * @param inner
  *   answers the requests
  * @param latencyMillis
  *   how long each request takes at least, in milliseconds. With 0, requests that were sent in parallel
  *   may not overlap on a fast store, and [[rounds]] counts too many.
  */
final class RecordingStore(inner: ObjectStore, latencyMillis: Long) extends ObjectStore {
  import RecordingStore.Request

  private val requests = mutable.ArrayBuffer.empty[Request]

  def this(inner: ObjectStore) = this(inner, 0)

  override def root: String = inner.root
  override def listsInOrder: Boolean = inner.listsInOrder

  override def read(path: String): Option[Array[Byte]] =
    record(path)(inner.read(path))(found => if (found.isEmpty) "GET miss" else "GET hit")

  override def createIfAbsent(path: String, bytes: Array[Byte]): CreateOutcome =
    record(path)(inner.createIfAbsent(path, bytes)) {
      case CreateOutcome.Won => "PUT won"
      case CreateOutcome.Lost => "PUT lost"
      case CreateOutcome.Unknown(_) => "PUT unknown"
    }

  override def list(folder: String, limit: Int): Seq[ObjectInfo] =
    record(folder)(inner.list(folder, limit))(_ => "LIST")

  override def objects(folder: String): Seq[StoredObject] = record(folder)(inner.objects(folder))(_ => "LIST")
  override def folders(folder: String): Seq[String] = record(folder)(inner.folders(folder))(_ => "LIST")

  override def delete(path: String): Unit = record(path)(inner.delete(path))(_ => "DELETE")

  override def size(path: String): Option[Long] =
    record(path)(inner.size(path))(found => if (found.isEmpty) "HEAD miss" else "HEAD hit")

  /** Forgets what was recorded. */
  def reset(): Unit = synchronized(requests.clear())

  /** All requests in the order of their ends, such as `PUT won _anabranch/log/00/9.json`. */
  def log: Seq[String] = synchronized(requests.toVector).map(r => s"${r.kind} ${r.path}")

  /** How many requests there were. */
  def total: Int = synchronized(requests.size)

  /** How many requests were of a kind: `GET`, `PUT`, `LIST`, `DELETE`, `HEAD`, or with the result, such as
    * `GET miss` or `PUT won`; one that threw is `error`.
    */
  def count(kind: String): Int =
    synchronized(requests.count(r => r.kind == kind || r.kind.startsWith(kind + " ")))

  /** Counts by kind with result and by folder, such as `("PUT won", "log") -> 1`. The folder is the first
    * part of the path, not counting `_anabranch`.
    */
  def counts: Map[(String, String), Int] =
    synchronized(requests.toVector)
      .groupMapReduce(r => (r.kind, RecordingStore.topFolder(r.path)))(_ => 1)(_ + _)

  /** The longest chain of requests of which each began after the one before had ended, and so the least
    * number of round trips. It is the greatest number of intervals that don't overlap.
    */
  def rounds: Int = {
    val byEnd = synchronized(requests.toVector).sortBy(_.end)
    byEnd
      .foldLeft((0, Long.MinValue)) { case ((n, last), r) =>
        if (r.start >= last) (n + 1, r.end) else (n, last)
      }
      ._1
  }

  private def record[A](path: String)(request: => A)(kind: A => String): A = {
    val start = System.nanoTime()
    if (latencyMillis > 0) Thread.sleep(latencyMillis)
    var name = "error"
    try {
      val answer = request
      name = kind(answer)
      answer
    } finally {
      val done = Request(name, path, start, System.nanoTime())
      synchronized(requests += done): Unit
    }
  }
}

object RecordingStore {
  private final case class Request(kind: String, path: String, start: Long, end: Long)

  private def topFolder(path: String): String = {
    val parts = path.stripPrefix("_anabranch/").split('/')
    if (parts.length > 1 || path.endsWith("/")) parts.head else ""
  }
}
