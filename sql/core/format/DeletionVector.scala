package io.anabranch.core.format

import org.roaringbitmap.longlong.Roaring64NavigableMap

import java.io.{ByteArrayInputStream, ByteArrayOutputStream, DataInputStream, DataOutputStream, IOException}
import java.util.Base64

/** The deleted positions of a data file, counted from 0.
  *
  * @param cardinality
  *   how many rows are deleted
  * @param inline
  *   the bitmap in Base64, for a small one
  * @param objectId
  *   the object under `dv/` that holds a large one, and its SHA-256
  * @param writtenBy
  *   the commit that wrote it; not written in that commit, but in checkpoints
  */
final case class DeletionVector(
    cardinality: Long,
    inline: Option[String],
    objectId: Option[String],
    sha256: Option[String],
    writtenBy: Option[Position] = None
)

object DeletionVector {

  /** A bitmap of at most this many bytes stands in the commit. */
  val MaxInlineBytes: Int = 4096

  /** The 64-bit portable Roaring encoding (https://github.com/RoaringBitmap/RoaringFormatSpec), the one
    * that Delta and Iceberg use.
    */
  def serialize(positions: Iterator[Long]): Array[Byte] = {
    val bitmap = new Roaring64NavigableMap()
    positions.foreach(p => bitmap.addLong(p))
    bitmap.runOptimize()
    val out = new ByteArrayOutputStream
    bitmap.serializePortable(new DataOutputStream(out))
    out.toByteArray
  }

  def serialize(positions: RowPositions): Array[Byte] = serialize(positions.iterator)

  /** @throws IOException
    *   if the bytes are no such bitmap
    */
  def deserialize(bytes: Array[Byte]): RowPositions = {
    val bitmap = new Roaring64NavigableMap()
    val in = new DataInputStream(new ByteArrayInputStream(bytes))
    bitmap.deserializePortable(in)
    if (in.available > 0) throw new IOException(s"${in.available} bytes follow the bitmap")
    RowPositions.of(bitmap.toArray)
  }

  def ofInline(bytes: Array[Byte], cardinality: Long): DeletionVector =
    DeletionVector(cardinality, Some(Base64.getEncoder.encodeToString(bytes)), None, None)

  def encode(dv: DeletionVector): Json = Json.some(
    "cardinality" -> Some(Json.int64(dv.cardinality)),
    "inline" -> dv.inline.map(Json.Text(_)),
    "object" -> dv.objectId.map(Json.Text(_)),
    "sha256" -> dv.sha256.map(Json.Text(_)),
    "written_by" -> dv.writtenBy.map(at => Json.Text(at.toString))
  )

  def decode(r: JsonReader): DeletionVector = {
    val dv =
      DeletionVector(
        r.long("cardinality"),
        r.textOpt("inline"),
        r.textOpt("object"),
        r.textOpt("sha256"),
        r.textOpt("written_by")
          .map(t => Position.parse(t).getOrElse(throw r.wrong("written_by", "a position")))
      )
    if (dv.inline.isDefined == dv.objectId.isDefined)
      throw r.wrong("inline", "there instead of an object, or the reverse")
    dv
  }
}
