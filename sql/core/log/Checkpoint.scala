package io.anabranch.core.log

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._

/** A materialised replay: the catalog at a commit, with the lists of its tables' files beside it.
  *
  * Never a source of truth: one that is missing or damaged is passed over, and the log replayed.
  */
object Checkpoint {

  /** Checkpoints stand at the commits whose number is a multiple of this. */
  val Interval: Long = 256

  /** The number of the last one at or before an entry. */
  def before(seq: Long): Long = seq - seq % Interval

  /** @param files
    *   the stored list of each table's files; None for a table without files
    */
  def encode(state: CatalogState, files: Map[String, Option[ManifestRef]]): Array[Byte] = {
    val content = Json.obj(
      "format" -> Json.Integer(Features.FormatVersion),
      "commit" -> Json.Text(state.id.toString),
      "time" -> Json.Integer(state.timeMillis),
      "vector" -> Json.Obj(state.vector.map { case (o, seq) => o.toString -> Json.Integer(seq) }),
      "namespaces" -> Json.Arr(state.namespaces.toSeq.map { case (name, properties) =>
        Json.obj("name" -> Json.texts(name), "properties" -> Json.textMap(properties))
      }),
      "policies" -> Json.Obj(state.policies.map { case (name, p) => name -> Policy.encode(p) }),
      "next_rows" -> Json.Obj(state.nextRows.map { case (id, n) => id -> Json.int64(n) }),
      "tables" -> Json.Obj(state.tables.map { case (id, t) =>
        id -> Json.some(
          "name" -> Some(Json.texts(t.name)),
          "version" -> Some(Json.Integer(t.version)),
          "at" -> Some(Json.Text(t.at.toString)),
          "content" -> Some(Json.Text(t.content.toString)),
          "metadata" -> Some(TableMetadata.encode(t.metadata)),
          "files" -> files(id).map(CommitCodec.encodeManifest),
          "carried" -> t.carried.map(at => Json.Text(at.toString))
        )
      })
    )
    Json.canonical(
      Json.obj("checkpoint" -> content, "sha256" -> Json.Text(Sha256.hex(Json.canonical(content))))
    )
  }

  def decode(bytes: Array[Byte], origin: String, reader: ManifestReader): CatalogState = {
    val outer = new JsonReader(Json.parse(bytes, origin), origin)
    if (Sha256.hex(Json.canonical(outer.json("checkpoint"))) != outer.text("sha256"))
      throw AnabranchException(
        "ANABRANCH_LOG.CORRUPT_OBJECT",
        "path" -> origin,
        "reason" -> "its digest does not match"
      )
    val r = outer.reader("checkpoint")
    def position(r: JsonReader, name: String) =
      Position.parse(r.text(name)).getOrElse(throw r.wrong(name, "a position"))
    val commit = CommitId.parse(r.text("commit")).getOrElse(throw r.wrong("commit", "a commit id"))
    CatalogState(
      commit,
      r.long("time"),
      r.longMap("vector").map { case (o, seq) =>
        Ordinal.parse(o).getOrElse(throw r.wrong("vector", "a version vector")) -> seq
      },
      r.readers("namespaces").map(n => n.texts("name") -> n.textMap("properties")).toMap,
      r.readerMap("tables").map { case (id, t) =>
        val files = t.readerOpt("files").map(CommitCodec.decodeManifest)
        id -> TableState(
          id,
          t.texts("name"),
          t.long("version"),
          position(t, "at"),
          position(t, "content"),
          TableMetadata.decode(t.reader("metadata"), origin),
          files.fold(FileSet.empty(reader))(ref => FileSet.listed(commit.position, id, ref, reader)),
          Option.when(t.has("carried"))(position(t, "carried"))
        )
      },
      r.longMap("next_rows"),
      None,
      r.readerMap("policies").flatMap { case (name, p) => Policy.decode(p).map(name -> _) }
    )
  }
}
