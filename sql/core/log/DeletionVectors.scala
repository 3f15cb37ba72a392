package io.anabranch.core.log

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.store.ObjectStore

import java.util.Base64

/** Deletion vectors where they lie: in the commit, or in objects of their own. */
final class DeletionVectors(store: ObjectStore) {

  /** The deleted rows of a file.
    *
    * @param table
    *   its full name, for errors
    * @throws AnabranchException
    *   ANABRANCH_DATA.DELETION_VECTOR if the vector is gone or is not the one that the commit named
    */
  def read(file: DataFile, table: String): RowPositions =
    file.deletions.fold(RowPositions.Empty)(read(_, file.id, table))

  def read(vector: DeletionVector, file: String, table: String): RowPositions = {
    def corrupt(reason: String, cause: Throwable = null) = AnabranchException.caused(
      cause,
      "ANABRANCH_DATA.DELETION_VECTOR",
      "object" -> vector.objectId.fold("in the commit")(Paths.deletionVector),
      "file" -> file,
      "table" -> table,
      "commit" -> vector.writtenBy.fold("unknown")(_.toString),
      "reason" -> reason
    )
    try {
      val bytes = vector.objectId match {
        case None => Base64.getDecoder.decode(vector.inline.getOrElse(""))
        case Some(id) => store.read(Paths.deletionVector(id)).getOrElse(throw corrupt("it is gone"))
      }
      vector.sha256.filter(_ != Sha256.hex(bytes)).foreach(sha => throw corrupt(s"its SHA-256 is not $sha"))
      val positions = DeletionVector.deserialize(bytes)
      if (positions.size != vector.cardinality)
        throw corrupt(s"it holds ${positions.size} rows and not ${vector.cardinality}")
      positions
    } catch {
      case e @ (_: java.io.IOException | _: IllegalArgumentException) => throw corrupt(e.toString, e)
    }
  }

  /** A vector of these rows: small enough for a commit, or as an object, which is written.
    *
    * @param newId
    *   draws the object's name
    */
  def write(positions: RowPositions, newId: () => String): DeletionVector = {
    val bytes = DeletionVector.serialize(positions)
    if (bytes.length <= DeletionVector.MaxInlineBytes) DeletionVector.ofInline(bytes, positions.size)
    else {
      val id = newId()
      States.mustCreate(store, Paths.deletionVector(id), bytes)
      DeletionVector(positions.size, None, Some(id), Some(Sha256.hex(bytes)))
    }
  }
}
