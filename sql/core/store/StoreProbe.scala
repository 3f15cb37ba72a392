package io.anabranch.core.store

import java.nio.charset.StandardCharsets.UTF_8
import java.util.Arrays

import scala.util.control.NonFatal

/** Proves that a store keeps the condition of a conditional create: one that ignores it would let commits
  * overwrite each other.
  */
object StoreProbe {

  /** Creates an object twice, expects the second to be refused and the first bytes to stay, and deletes it.
    *
    * @param folder
    *   where to create it, relative to the root
    * @param randomName
    *   a name that nobody else uses
    * @throws io.anabranch.core.AnabranchException
    *   `ANABRANCH_REPOSITORY.UNSAFE_STORE` with what was observed; `STORE_FAILED` if the store doesn't answer
    */
  def check(store: ObjectStore, folder: String, randomName: String): Unit = {
    val path = s"$folder/$randomName"
    try prove(store, path)
    catch {
      case e: Throwable =>
        try store.delete(path)
        catch { case NonFatal(d) => e.addSuppressed(d) }
        throw e
    }
    store.delete(path)
  }

  private def prove(store: ObjectStore, path: String): Unit = {
    val first = "first".getBytes(UTF_8)
    val second = "second".getBytes(UTF_8)
    create(store, path, first) match {
      case CreateOutcome.Won => ()
      // A client may have repeated a request whose answer got lost.
      case _ if store.read(path).exists(Arrays.equals(_, first)) => ()
      case outcome => refuse(store, s"the first create of $path answered $outcome and left nothing to read")
    }
    if (create(store, path, second) == CreateOutcome.Won)
      refuse(store, "a second create of the same name succeeded")
    store.read(path) match {
      case Some(bytes) if Arrays.equals(bytes, first) => ()
      case Some(_) => refuse(store, "a second create of the same name replaced the first object")
      case None => refuse(store, "an object was gone after a second create of the same name")
    }
  }

  /** One repetition settles an unclear answer; a store that never answers clearly can't be proven. */
  private def create(store: ObjectStore, path: String, bytes: Array[Byte]): CreateOutcome =
    store.createIfAbsent(path, bytes) match {
      case CreateOutcome.Unknown(_) =>
        store.createIfAbsent(path, bytes) match {
          case CreateOutcome.Unknown(cause) =>
            throw StoreErrors.failure("create", s"${store.root}/$path", cause)
          case outcome => outcome
        }
      case outcome => outcome
    }

  private def refuse(store: ObjectStore, reason: String): Nothing =
    throw StoreErrors.unsafe(store.root, reason)
}
