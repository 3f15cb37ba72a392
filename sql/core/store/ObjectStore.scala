package io.anabranch.core.store

/** An object under the root: its path relative to the root, with `/` between parts, and its size. */
final case class ObjectInfo(path: String, sizeBytes: Long)

/** An object as a listing tells of it.
  *
  * @param modifiedMillis
  *   when it was last changed, by the store's clock: UTC, milliseconds since 1970
  */
final case class StoredObject(path: String, sizeBytes: Long, modifiedMillis: Long)

/** What became of a conditional create.
  *
  * `Unknown` means that the request may or may not have taken effect (a time-out, a 5xx after the
  * send); the caller settles it by reading the object back. `Lost` means the name was taken when the
  * request was answered, which after a silent retry inside a client may be our own first try.
  */
sealed trait CreateOutcome
object CreateOutcome {
  case object Won extends CreateOutcome
  case object Lost extends CreateOutcome
  final case class Unknown(cause: Throwable) extends CreateOutcome
}

/** The few things that a repository asks of an object store. All paths are relative to one root.
  *
  * Objects never change once written; only deletion removes them. Implementations are safe for use
  * from many threads.
  */
trait ObjectStore {

  /** The root URI, without a trailing slash. */
  def root: String

  /** Whether [[list]] with a limit returns the first names in order with one small request. Where it
    * does not, the log's head is found by walking forward from the newest checkpoint.
    */
  def listsInOrder: Boolean

  /** The whole object, or None when there is none of that name. */
  def read(path: String): Option[Array[Byte]]

  /** Creates the object only if no object of that name exists; readers see all of it or nothing. */
  def createIfAbsent(path: String, bytes: Array[Byte]): CreateOutcome

  /** The objects directly under the folder (no recursion), sorted by name, at most `limit`. A folder
    * that does not exist is empty.
    */
  def list(folder: String, limit: Int = Int.MaxValue): Seq[ObjectInfo]

  /** All that lies directly under the folder, sorted by name; what writers that died left half written as well. */
  def objects(folder: String): Seq[StoredObject]

  /** Names of the folders directly under the folder, sorted. */
  def folders(folder: String): Seq[String]

  /** Deletes the object; one that does not exist is no error. */
  def delete(path: String): Unit

  /** Size in bytes, or None when there is no such object. */
  def size(path: String): Option[Long]
}
