package io.anabranch.test

import io.anabranch.core.store.{CreateOutcome, ObjectInfo, ObjectStore, StoredObject}

import java.util.concurrent.ConcurrentSkipListMap

import scala.jdk.CollectionConverters._

/** An object store in this JVM's memory, for fast tests of pure logic.
  *
  * @param name
  *   makes the root, `memory://<name>`
  * @param listsInOrder
  *   what it claims of itself; it lists in order either way
  */
final class MemoryStore(name: String, override val listsInOrder: Boolean) extends ObjectStore {
  private val objects = new ConcurrentSkipListMap[String, Array[Byte]]

  override val root: String = s"memory://$name"

  override def read(path: String): Option[Array[Byte]] = Option(objects.get(path)).map(_.clone())

  override def createIfAbsent(path: String, bytes: Array[Byte]): CreateOutcome =
    if (objects.putIfAbsent(path, bytes.clone()) == null) CreateOutcome.Won else CreateOutcome.Lost

  override def list(folder: String, limit: Int): Seq[ObjectInfo] =
    under(folder)
      .collect { case (rest, path, bytes) if !rest.contains('/') => ObjectInfo(path, bytes.length.toLong) }
      .take(limit)
      .toVector

  /** All as new as this moment. */
  override def objects(folder: String): Seq[StoredObject] =
    list(folder).map(o => StoredObject(o.path, o.sizeBytes, System.currentTimeMillis()))

  override def folders(folder: String): Seq[String] =
    under(folder)
      .collect { case (rest, _, _) if rest.contains('/') => rest.takeWhile(_ != '/') }
      .toSet
      .toVector
      .sorted

  override def delete(path: String): Unit = { objects.remove(path); () }

  override def size(path: String): Option[Long] = Option(objects.get(path)).map(_.length.toLong)

  /** Replaces or adds an object without any condition, as damage or a foreign writer would. */
  def overwrite(path: String, bytes: Array[Byte]): Unit = { objects.put(path, bytes.clone()); () }

  /** Every path, sorted. */
  def paths: Seq[String] = objects.keySet.asScala.toVector

  private def under(folder: String): Iterator[(String, String, Array[Byte])] = {
    val prefix = if (folder.isEmpty) "" else s"$folder/"
    objects
      .tailMap(prefix)
      .entrySet
      .iterator
      .asScala
      .takeWhile(_.getKey.startsWith(prefix))
      .map(e => (e.getKey.substring(prefix.length), e.getKey, e.getValue))
  }
}
