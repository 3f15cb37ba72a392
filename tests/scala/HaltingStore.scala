package io.anabranch.test

import io.anabranch.core.store.{CreateOutcome, ObjectInfo, ObjectStore, StoredObject}
import io.anabranch.spark.catalog.Repositories

/** Ends this JVM at once, as a power cut does, right before an object is created. */
object HaltingStore {

  /** Begins with the next repository that is opened.
    *
    * @param prefix
    *   what the path of the object starts with
    */
  def install(prefix: String): Unit = Repositories.wrap = inner => new HaltingStore(inner, prefix)
}

private final class HaltingStore(inner: ObjectStore, prefix: String) extends ObjectStore {
  override def root: String = inner.root
  override def listsInOrder: Boolean = inner.listsInOrder
  override def read(path: String): Option[Array[Byte]] = inner.read(path)
  override def list(folder: String, limit: Int): Seq[ObjectInfo] = inner.list(folder, limit)
  override def objects(folder: String): Seq[StoredObject] = inner.objects(folder)
  override def folders(folder: String): Seq[String] = inner.folders(folder)
  override def delete(path: String): Unit = inner.delete(path)
  override def size(path: String): Option[Long] = inner.size(path)

  override def createIfAbsent(path: String, bytes: Array[Byte]): CreateOutcome = {
    if (path.startsWith(prefix)) Runtime.getRuntime.halt(137)
    inner.createIfAbsent(path, bytes)
  }
}
