package io.anabranch.test

import io.anabranch.core.format._
import io.anabranch.core.log._

import java.nio.charset.StandardCharsets.UTF_8

/** Functions of the log for [[VectorRunner]]: commits, log objects, replay. */
object LogFunctions {
  import FormatFunctions.{file, fileJson, orNull, position}
  import VectorRunner.Function

  val all: Map[String, Function] = Map(
    "commit.digest" -> (in => Json.Text(Sha256.salted(in.text("salt"), in.json("value")))),
    "commit.read" -> (in => commitJson(CommitCodec.decode(in.json("written"), "input"))),
    "commit.rewrite" -> rewrite,
    "log.read" -> (in =>
      Json.Arr(
        LogObject.decode(Json.canonical(in.json("object")), "input").map(e => Json.Text(e.id.toString))
      )
    ),
    "replay.files" -> replayFiles,
    "replay.catalog" -> replayCatalog,
    "repository.read" -> readRepository
  )

  /** What a commit says, its parts included. */
  private def commitJson(e: Entry): Json = {
    val c = e.commit
    Json.some(
      "id" -> Some(Json.Text(e.id.toString)),
      "parents" -> Some(Json.texts(c.parents.map(_.toString))),
      "time" -> Some(Json.Integer(c.timeMillis)),
      "txn" -> Some(Json.Text(c.transaction)),
      "author" -> Some(Json.Text(c.author)),
      "operation" -> Some(Json.Text(c.operation)),
      "message" -> Some(Json.Text(c.message)),
      "parameters" -> Some(Json.textMap(c.parameters)),
      "metadata" -> Some(Json.textMap(c.metadata)),
      "metrics" -> Some(Json.Obj(c.metrics.map { case (k, v) => k -> Json.int64(v) })),
      "closing" -> c.closing.map(x => Json.texts(x.reason +: x.successor.map(_.toString).toSeq)),
      "files" -> Some(Json.Obj(c.tables.map { case (id, t) => id -> Json.Arr(t.add.map(fileJson)) }))
    )
  }

  /** Reads a commit and writes it again, with the same salts in the order in which parts are written. */
  private def rewrite(in: JsonReader): Json = {
    val salts = in.texts("salts").iterator
    val (written, id) =
      CommitCodec.encode(CommitCodec.decode(in.json("written"), "input").commit, () => salts.next())
    Json.obj("text" -> Json.Text(new String(Json.canonical(written), UTF_8)), "id" -> Json.Text(id.toString))
  }

  /** The change of one table, as it stands in a commit's body. */
  private def change(json: Json): TableChange = {
    val body = Json.obj(
      "ordinal" -> Json.Text("000000"),
      "seq" -> Json.Integer(0),
      "time" -> Json.Integer(0),
      "txn" -> Json.Text(""),
      "author" -> Json.Text(""),
      "operation" -> Json.Text(""),
      "tables" -> Json.obj("t" -> json)
    )
    CommitCodec.decode(Json.obj("body" -> body), "input").commit.tables("t")
  }

  private def replayFiles(in: JsonReader): Json = {
    val before = in.readers("before").map(file).map(f => f.id -> f).toMap
    val c = change(in.json("change"))
    filesJson(FileSet.changed(before, position(in, "at"), c.add, c))
  }

  private def filesJson(files: Map[String, DataFile]): Json =
    Json.Arr(files.values.toSeq.sortBy(_.id).map(fileJson))

  private object NoManifests extends ManifestReader {
    override def read(path: String, ref: ManifestRef): Seq[DataFile] =
      throw new UnsupportedOperationException(path)
    override def listed(at: Position, table: String, ref: ManifestRef): Seq[DataFile] =
      throw new UnsupportedOperationException(table)
  }

  /** The catalog after the commits, of which each is found by its id when another adopts from it. */
  private def replayCatalog(in: JsonReader): Json = {
    val entries = in.items("commits").map(CommitCodec.decode(_, "input"))
    val states = entries.foldLeft(Map.empty[CommitId, CatalogState]) { (known, e) =>
      val parent = e.commit.firstParent.fold(Replay.empty)(known)
      val start = if (e.id.position.seq == 0) Replay.forked(parent) else parent
      known + (e.id -> Replay.next(start, e, known, NoManifests))
    }
    stateJson(states(entries.last.id))
  }

  private[test] def stateJson(s: CatalogState): Json = Json.some(
    "commit" -> Some(Json.Text(s.id.toString)),
    "vector" -> Some(Json.Obj(s.vector.map { case (o, seq) => o.toString -> Json.Integer(seq) })),
    "namespaces" -> Some(Json.Obj(s.namespaces.map { case (n, p) => n.mkString(".") -> Json.textMap(p) })),
    "next_rows" -> Some(Json.Obj(s.nextRows.map { case (id, n) => id -> Json.int64(n) })),
    "tables" -> Some(Json.Obj(s.tables.map { case (id, t) => id -> tableJson(t) })),
    "closing" -> s.closing.map(x => Json.texts(x.reason +: x.successor.map(_.toString).toSeq))
  )

  private[test] def tableJson(t: TableState): Json = Json.obj(
    "name" -> Json.Text(t.name.mkString(".")),
    "version" -> Json.Integer(t.version),
    "at" -> Json.Text(t.at.toString),
    "content" -> Json.Text(t.content.toString),
    "metadata" -> TableMetadata.encode(t.metadata),
    "files" -> filesJson(t.files.files)
  )

  private def readRepository(in: JsonReader): Json = {
    val info = RepositoryInfo.decode(Json.canonical(in.json("object")), "memory://input")
    Features.check("repository", info.readerFeatures, info.writerFeatures, in.bool("writing"))
    orNull(Some(Json.Text(info.id)))
  }
}
