package io.anabranch.test

import io.anabranch.core.store.{CreateOutcome, HadoopStore, LocalStore, ObjectStore, StoreProbe, Stores}

import org.apache.hadoop.conf.Configuration

import java.nio.file.Paths
import java.util.concurrent.{Callable, CyclicBarrier, Executors}

import scala.jdk.CollectionConverters._

/** A store as Python tests call it: Java types only, null for a missing object, outcomes by name. */
final class StoreHandle(val store: ObjectStore) {
  def root: String = store.root
  def listsInOrder: Boolean = store.listsInOrder
  def read(path: String): Array[Byte] = store.read(path).orNull
  def create(path: String, bytes: Array[Byte]): String = StoreHandle.name(store.createIfAbsent(path, bytes))

  /** `<path> <size>` of each object. */
  def list(folder: String, limit: Int): java.util.List[String] =
    store.list(folder, limit).map(o => s"${o.path} ${o.sizeBytes}").asJava
  def list(folder: String): java.util.List[String] = list(folder, Int.MaxValue)
  def folders(folder: String): java.util.List[String] = store.folders(folder).asJava
  def delete(path: String): Unit = store.delete(path)

  /** Bytes, or -1 when there is no such object. */
  def size(path: String): Long = store.size(path).getOrElse(-1L)

  def probe(folder: String, name: String): Unit = StoreProbe.check(store, folder, name)

  /** Lets that many threads create the same object at the same moment, each with `<number>` repeated to
    * `bytes` bytes; returns the outcomes by thread.
    */
  def race(path: String, threads: Int, bytes: Int): java.util.List[String] = {
    val start = new CyclicBarrier(threads)
    val pool = Executors.newFixedThreadPool(threads)
    try {
      val tasks = (0 until threads).map { n =>
        new Callable[String] {
          override def call(): String = {
            val content = Array.fill(bytes)(('0' + n).toByte)
            start.await()
            create(path, content)
          }
        }
      }
      pool.invokeAll(tasks.asJava).asScala.map(_.get).asJava
    } finally pool.shutdown()
  }

  /** Reads an object over and over while it is created in another thread: the sizes seen, -1 for missing. */
  def sizesSeenWhileCreating(path: String, bytes: Int): java.util.Set[Long] = {
    val seen = scala.collection.mutable.Set.empty[Long]
    val writer = new Thread(() => { create(path, new Array[Byte](bytes)); () })
    writer.start()
    while (writer.isAlive) {
      seen += store.read(path).fold(-1L)(_.length.toLong)
      store.list(path.take(path.lastIndexOf('/').max(0))).foreach(seen += _.sizeBytes)
    }
    seen.asJava
  }
}

object StoreHandle {
  def local(folder: String): StoreHandle = new StoreHandle(new LocalStore(Paths.get(folder)))
  def memory(name: String, listsInOrder: Boolean): StoreHandle =
    new StoreHandle(new MemoryStore(name, listsInOrder))
  def open(location: String, conf: Configuration): StoreHandle = new StoreHandle(Stores.open(location, conf))

  /** Any scheme, also those that [[Stores]] refuses. */
  def hadoop(root: String, conf: Configuration): StoreHandle = new StoreHandle(HadoopStore.open(root, conf))
  def faulty(inner: StoreHandle, plan: String): StoreHandle =
    new StoreHandle(new FaultStore(inner.store, plan))

  private def name(outcome: CreateOutcome): String = outcome match {
    case CreateOutcome.Won => "won"
    case CreateOutcome.Lost => "lost"
    case CreateOutcome.Unknown(_) => "unknown"
  }
}
