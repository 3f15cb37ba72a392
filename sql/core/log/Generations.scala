package io.anabranch.core.log

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Json, JsonReader, Paths}
import io.anabranch.core.store.{CreateOutcome, ObjectStore}

/** Small things that change, as objects that never do: the newest generation in a folder counts. Each is created
  * if absent, so that of two who would change the same, one is told.
  */
final class Generations(store: ObjectStore) {

  /** The newest generation in a folder, and its number. */
  def newest(folder: String): Option[(Long, JsonReader)] = last(folder).flatMap { n =>
    val path = Paths.numbered(folder, n)
    store.read(path).map(bytes => n -> new JsonReader(Json.parse(bytes, path), path))
  }

  /** The number of the newest generation. */
  def last(folder: String): Option[Long] =
    store
      .list(folder, if (store.listsInOrder) 1 else Int.MaxValue)
      .flatMap(o => Paths.numberOf(o.path))
      .maxOption

  /** The number of the next one. */
  def next(folder: String): Long = newest(folder).fold(0L)(_._1 + 1)

  /** @param unknown
    *   what to throw where the store does not tell whether it took effect
    * @return
    *   false if somebody else took the number
    */
  def create(folder: String, generation: Long, value: Json)(unknown: Throwable => Throwable): Boolean = {
    val path = Paths.numbered(folder, generation)
    val bytes = Json.canonical(value)
    def isOurs =
      try store.read(path).map(_.sameElements(bytes))
      catch { case e: AnabranchException => throw unknown(e) }
    store.createIfAbsent(path, bytes) match {
      case CreateOutcome.Won => true
      case CreateOutcome.Lost => isOurs.contains(true)
      case CreateOutcome.Unknown(cause) => isOurs.getOrElse(throw unknown(cause))
    }
  }
}
