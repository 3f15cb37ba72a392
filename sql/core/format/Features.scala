package io.anabranch.core.format

import io.anabranch.core.AnabranchException

/** Format version and features: what software must know to read or write a repository or a table. */
object Features {

  /** The format version that this software writes, and the newest that it knows. */
  val FormatVersion: Long = 1

  /** Of a table whose rows keep a condition: who writes must check it. */
  val CheckConstraints: String = "check-constraints"

  /** Of a view, which who does not know them would take for a table without rows. */
  val Views: String = "views"

  /** Features that this software knows. */
  val Reader: Set[String] = Set(Views)
  val Writer: Set[String] = Set(CheckConstraints)

  /** Refuses, by name, features that this software does not know.
    *
    * @param scope
    *   what uses them, for the error: "repository at …", "table …"
    */
  def check(scope: String, reader: Set[String], writer: Set[String], writing: Boolean): Unit = {
    def refuse(kind: String, unknown: Set[String]): Unit = if (unknown.nonEmpty)
      throw AnabranchException(
        "ANABRANCH_REPOSITORY.UNKNOWN_FEATURE",
        "scope" -> scope,
        "kind" -> kind,
        "features" -> unknown.toSeq.sorted.mkString(", ")
      )
    refuse("reader", reader -- Reader)
    if (writing) refuse("writer", writer -- Writer)
  }
}

/** The object `repository.json`: written once, when the repository is created.
  *
  * @param id
  *   32 random hexadecimal digits
  */
final case class RepositoryInfo(
    id: String,
    createdAtMillis: Long,
    readerFeatures: Set[String],
    writerFeatures: Set[String]
)

object RepositoryInfo {
  def encode(i: RepositoryInfo): Json = Json.obj(
    "format" -> Json.Integer(Features.FormatVersion),
    "id" -> Json.Text(i.id),
    "created" -> Json.int64(i.createdAtMillis),
    "reader_features" -> Json.texts(i.readerFeatures.toSeq.sorted),
    "writer_features" -> Json.texts(i.writerFeatures.toSeq.sorted)
  )

  /** @throws AnabranchException
    *   ANABRANCH_REPOSITORY.UNSUPPORTED_FORMAT for a newer format, UNKNOWN_FEATURE for a reader feature
    *   that is not known
    */
  def decode(bytes: Array[Byte], root: String): RepositoryInfo = {
    val r = new JsonReader(Json.parse(bytes, Paths.Repository), Paths.Repository)
    val format = r.long("format")
    if (format < 1 || format > Features.FormatVersion)
      throw AnabranchException(
        "ANABRANCH_REPOSITORY.UNSUPPORTED_FORMAT",
        "root" -> root,
        "found" -> format.toString,
        "known" -> Features.FormatVersion.toString
      )
    val info = RepositoryInfo(
      r.text("id"),
      r.long("created"),
      r.texts("reader_features").toSet,
      r.texts("writer_features").toSet
    )
    Features.check(s"repository at $root", info.readerFeatures, info.writerFeatures, writing = false)
    info
  }
}
