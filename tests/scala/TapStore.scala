package io.anabranch.test

import io.anabranch.core.log.Environment
import io.anabranch.core.store.{CreateOutcome, ObjectInfo, ObjectStore, StoredObject}

import scala.collection.mutable

/** Keeps what was to be created, and lets something else happen right before a create. */
final class TapStore(inner: ObjectStore) extends ObjectStore {
  private val tried = mutable.ArrayBuffer.empty[(String, Array[Byte])]
  private var waiting = Option.empty[(String, Boolean, () => Unit)]

  /** Before the next create of an object whose path starts so, another repository does something. */
  def before(prefix: String, other: RepositoryHarness, operation: String, inputJson: String): Unit =
    synchronized { waiting = Some((prefix, false, () => { other.run(operation, inputJson); () })) }

  /** Right after the next create of an object whose path starts so. */
  def after(prefix: String, other: RepositoryHarness, operation: String, inputJson: String): Unit =
    synchronized { waiting = Some((prefix, true, () => { other.run(operation, inputJson); () })) }

  /** `<path> <content>` of each create that was tried, in order. */
  def creates: java.util.List[String] = {
    import scala.jdk.CollectionConverters._
    synchronized(tried.toVector).map { case (path, bytes) => s"$path ${new String(bytes, "UTF-8")}" }.asJava
  }

  override def root: String = inner.root
  override def listsInOrder: Boolean = inner.listsInOrder
  override def read(path: String): Option[Array[Byte]] = inner.read(path)
  override def list(folder: String, limit: Int): Seq[ObjectInfo] = inner.list(folder, limit)
  override def objects(folder: String): Seq[StoredObject] = inner.objects(folder)
  override def folders(folder: String): Seq[String] = inner.folders(folder)
  override def delete(path: String): Unit = inner.delete(path)
  override def size(path: String): Option[Long] = inner.size(path)

  override def createIfAbsent(path: String, bytes: Array[Byte]): CreateOutcome = {
    val due = synchronized {
      tried += ((path, bytes))
      val now = waiting.filter { case (prefix, _, _) => path.startsWith(prefix) }
      if (now.isDefined) waiting = None
      now
    }
    due.foreach { case (_, after, action) => if (!after) action() }
    val outcome = inner.createIfAbsent(path, bytes)
    due.foreach { case (_, after, action) => if (after) action() }
    outcome
  }
}

/** The system's environment, but for a clock that tests set and random log numbers that they choose. Pauses
  * take no time.
  */
final class TestEnvironment extends Environment {
  private val ordinals = mutable.Queue.empty[Int]
  @volatile private var clock = -1L
  @volatile private var pausesTaken = 0

  /** From now on the clock stands at this time, in milliseconds since 1970. */
  def setClock(millis: Long): Unit = clock = millis

  /** The next log is drawn with this number. */
  def drawOrdinal(value: Int): Unit = synchronized { ordinals.enqueue(value); () }
  def pauses: Int = pausesTaken

  override def nowMillis(): Long = if (clock < 0) Environment.System.nowMillis() else clock
  override def sleepMillis(millis: Long): Unit = synchronized { pausesTaken += 1 }
  override def randomInt(bound: Int): Int = synchronized {
    if (bound > 1000000 && ordinals.nonEmpty) ordinals.dequeue() - 1 else Environment.System.randomInt(bound)
  }
  override def randomId(): String = Environment.System.randomId()
}
