package io.anabranch.core.format

import io.anabranch.core.AnabranchException

/** Commits as JSON.
  *
  * A written commit is `{"body": …, "parts": {name: {"salt": …, "value": …}}}`. The id is the SHA-256 of
  * the canonical body. What may have to be erased one day stands in parts, of which the body holds the
  * salted digests: message, user metadata, operation parameters, statistics and inline rows. A part
  * that was erased is absent; id and chain stay valid.
  */
object CommitCodec {

  /** The written form and the id.
    *
    * @param salt
    *   draws 16 random bytes as 32 hexadecimal digits
    */
  def encode(c: Commit, salt: () => String): (Json, CommitId) = {
    val parts = partsOf(c).map { case (name, value) => (name, salt(), value) }
    val body = encodeBody(c, parts.map { case (name, s, value) => name -> Sha256.salted(s, value) })
    val written = Json.obj(
      "body" -> body,
      "parts" -> Json.obj(parts.map { case (name, s, value) =>
        name -> Json.obj("salt" -> Json.Text(s), "value" -> value)
      }: _*)
    )
    (written, CommitId(c.position, Sha256.hex(Json.canonical(body))))
  }

  private def partsOf(c: Commit): Seq[(String, Json)] =
    Seq(
      Option.when(c.message.nonEmpty)("message" -> Json.Text(c.message)),
      Option.when(c.parameters.nonEmpty)("parameters" -> Json.textMap(c.parameters)),
      Option.when(c.metadata.nonEmpty)("metadata" -> Json.textMap(c.metadata))
    ).flatten ++ c.tables.toSeq.sortBy(_._1).flatMap { case (id, t) =>
      val stats = t.add.collect { case f if f.stats.nonEmpty => f.id -> DataFile.encodeStats(f.stats) }
      Option.when(stats.nonEmpty)(s"stats:$id" -> Json.obj(stats: _*)) ++
        t.add.flatMap(f => f.inline.map(rows => s"rows:$id/${f.id}" -> Json.Arr(rows)))
    }

  private def encodeBody(c: Commit, digests: Seq[(String, String)]): Json = Json.some(
    "ordinal" -> Some(Json.Text(c.position.ordinal.toString)),
    "seq" -> Some(Json.Integer(c.position.seq)),
    "parents" -> Some(Json.texts(c.parents.map(_.toString))),
    "time" -> Some(Json.Integer(c.timeMillis)),
    "txn" -> Some(Json.Text(c.transaction)),
    "author" -> Some(Json.Text(c.author)),
    "operation" -> Some(Json.Text(c.operation)),
    "metrics" -> Option.when(c.metrics.nonEmpty)(Json.Obj(c.metrics.map { case (k, v) =>
      k -> Json.int64(v)
    })),
    "branch" -> c.branch.map(Json.Text(_)),
    "repository" -> c.repository.map(Json.Text(_)),
    "merged" -> Option.when(c.merged.nonEmpty)(
      Json.Obj(c.merged.map { case (o, seq) => o.toString -> Json.Integer(seq) })
    ),
    "namespaces" -> Option.when(c.namespaces.nonEmpty)(
      Json.Arr(
        c.namespaces.toSeq
          .map { case (name, change) =>
            Json.some("name" -> Some(Json.texts(name)), "properties" -> change.properties.map(Json.textMap))
          }
          .sortBy(j => new String(Json.canonical(j), "UTF-8"))
      )
    ),
    "tables" -> Option.when(c.tables.nonEmpty)(Json.Obj(c.tables.map { case (id, t) =>
      id -> encodeChange(t)
    })),
    "reads" -> Option.when(c.reads.nonEmpty)(Json.texts(c.reads.toSeq.sorted)),
    "policies" -> Option.when(c.policies.nonEmpty)(Json.Obj(c.policies.map { case (name, p) =>
      name -> p.fold(Json.obj(): Json)(Policy.encode)
    })),
    "gates" -> Option.when(c.gates.nonEmpty)(Json.Obj(c.gates.map { case (name, g) =>
      name -> Json.obj("read" -> Json.Text(g.read), "sha256" -> Json.Text(g.sha256))
    })),
    "closing" -> c.closing.map(x =>
      Json.some(
        "reason" -> Some(Json.Text(x.reason)),
        "successor" -> x.successor.map(o => Json.Text(o.toString))
      )
    ),
    "digests" -> Option.when(digests.nonEmpty)(Json.obj(digests.map { case (k, v) => k -> Json.Text(v) }: _*))
  )

  private def encodeChange(t: TableChange): Json = Json.some(
    "version" -> Some(Json.Integer(t.version)),
    "previous" -> t.previous.map(p => Json.Text(p.toString)),
    "name" -> t.name.map(Json.texts),
    "dropped" -> flag(t.dropped),
    "adopt" -> t.adopt.map(id => Json.Text(id.toString)),
    "metadata" -> t.metadata.map(TableMetadata.encode),
    "clear" -> flag(t.clear),
    "remove" -> Option.when(t.remove.nonEmpty)(Json.texts(t.remove)),
    "deletions" -> Option.when(t.deletions.nonEmpty)(
      Json.Obj(t.deletions.map { case (file, dv) => file -> DeletionVector.encode(dv) })
    ),
    "add" -> Option.when(t.add.nonEmpty)(Json.Arr(t.add.map(DataFile.encode))),
    "manifests" -> Option.when(t.manifests.nonEmpty)(Json.Arr(t.manifests.map(encodeManifest))),
    "next_row" -> t.nextRow.map(Json.int64),
    "rearranged" -> flag(t.rearranged),
    "carries" -> flag(t.carries)
  )

  private def flag(b: Boolean): Option[Json] = Option.when(b)(Json.Bool(true))

  def encodeManifest(m: ManifestRef): Json = Json.some(
    "id" -> Some(Json.Text(m.id)),
    "size" -> Some(Json.int64(m.sizeBytes)),
    "files" -> Some(Json.int64(m.files)),
    "rows" -> Some(Json.int64(m.rows)),
    "sha256" -> Some(Json.Text(m.sha256)),
    "first_row" -> m.firstRow.map(Json.int64)
  )

  def decodeManifest(r: JsonReader): ManifestRef = ManifestRef(
    r.text("id"),
    r.long("size"),
    r.long("files"),
    r.long("rows"),
    r.text("sha256"),
    r.longOpt("first_row")
  )

  /** Reads a written commit, and checks every part that is there against its digest.
    *
    * @throws AnabranchException
    *   ANABRANCH_LOG.CORRUPT_OBJECT naming what is wrong
    */
  def decode(written: Json, origin: String): Entry = {
    val r = new JsonReader(written, origin)
    val body = r.reader("body")
    val parts = checkedParts(r, body.textMap("digests"), origin)
    val at = Ordinal
      .parse(body.text("ordinal"))
      .map(Position(_, body.long("seq")))
      .getOrElse(throw body.wrong("ordinal", "six hexadecimal digits"))
    val commit = Commit(
      at,
      body.texts("parents").map(t => CommitId.parse(t).getOrElse(throw body.wrong("parents", "commit ids"))),
      body.long("time"),
      body.text("txn"),
      body.text("author"),
      body.text("operation"),
      parts.get("message").collect { case Json.Text(s) => s }.getOrElse(""),
      textMap(parts, "parameters", origin),
      textMap(parts, "metadata", origin),
      body.longMap("metrics"),
      body.textOpt("branch"),
      body.textOpt("repository"),
      body.longMap("merged").map { case (o, seq) =>
        Ordinal.parse(o).getOrElse(throw body.wrong("merged", "a version vector")) -> seq
      },
      body
        .readers("namespaces")
        .map { n =>
          n.texts("name") -> NamespaceChange(Option.when(n.has("properties"))(n.textMap("properties")))
        }
        .toMap,
      body.readerMap("tables").map { case (id, t) => id -> decodeChange(id, t, parts, origin) },
      body.readerOpt("closing").map { x =>
        Closing(x.text("reason"), x.textOpt("successor").flatMap(Ordinal.parse))
      },
      body.texts("reads").toSet,
      body.readerMap("policies").map { case (name, p) => name -> Policy.decode(p) },
      body.readerMap("gates").map { case (name, g) => name -> GatePassed(g.text("read"), g.text("sha256")) }
    )
    Entry(CommitId(at, Sha256.hex(Json.canonical(r.json("body")))), commit)
  }

  private def textMap(parts: Map[String, Json], name: String, origin: String): Map[String, String] =
    parts
      .get(name)
      .fold(Map.empty[String, String])(v => new JsonReader(Json.obj(name -> v), origin).textMap(name))

  private def checkedParts(r: JsonReader, digests: Map[String, String], origin: String): Map[String, Json] =
    r.readerMap("parts").map { case (name, part) =>
      val (salt, value) = (part.text("salt"), part.json("value"))
      val valid = salt.matches("[0-9a-f]{32}") && digests.get(name).contains(Sha256.salted(salt, value))
      if (!valid)
        throw AnabranchException(
          "ANABRANCH_LOG.CORRUPT_OBJECT",
          "path" -> origin,
          "reason" -> s"its part '$name' does not have the digest that the commit holds"
        )
      name -> value
    }

  private def decodeChange(
      id: String,
      r: JsonReader,
      parts: Map[String, Json],
      origin: String
  ): TableChange = {
    val stats = parts.get(s"stats:$id").map(new JsonReader(_, origin, s"stats:$id."))
    def inline(file: String): Option[Seq[Json]] =
      parts.get(s"rows:$id/$file").collect { case Json.Arr(rows) => rows }
    val at = (name: String) =>
      r.textOpt(name).map(t => Position.parse(t).getOrElse(throw r.wrong(name, "a position")))
    TableChange(
      r.long("version"),
      at("previous"),
      Option.when(r.has("name"))(r.texts("name")),
      r.bool("dropped"),
      r.textOpt("adopt").map(t => CommitId.parse(t).getOrElse(throw r.wrong("adopt", "a commit id"))),
      r.readerOpt("metadata").map(TableMetadata.decode(_, origin)),
      r.bool("clear"),
      r.texts("remove"),
      r.readerMap("deletions").map { case (file, dv) => file -> DeletionVector.decode(dv) },
      r.readers("add").map(f => DataFile.decode(f, stats.flatMap(_.readerOpt(f.text("id"))), inline)),
      r.readers("manifests").map(decodeManifest),
      r.longOpt("next_row"),
      r.bool("rearranged"),
      r.bool("carries")
    )
  }
}

/** A log object: one commit, or several consecutive ones, named after the first. */
object LogObject {

  /** At most so many commits in one object, so that the object of a commit is found by few look-ups. */
  val MaxCommits: Int = 64

  /** No log object may be larger. */
  val MaxBytes: Int = 4 * 1024 * 1024

  def encode(commits: Seq[Json]): Array[Byte] = Json.canonical(Json.obj("commits" -> Json.Arr(commits)))

  def decode(bytes: Array[Byte], origin: String): Seq[Entry] = {
    val entries =
      new JsonReader(Json.parse(bytes, origin), origin).items("commits").map(CommitCodec.decode(_, origin))
    val consecutive = entries.nonEmpty && entries.size <= MaxCommits &&
      entries.zip(entries.drop(1)).forall { case (a, b) =>
        b.commit.firstParent
          .contains(a.id) && b.id.position == a.id.position.copy(seq = a.id.position.seq + 1)
      }
    if (!consecutive)
      throw AnabranchException(
        "ANABRANCH_LOG.CORRUPT_OBJECT",
        "path" -> origin,
        "reason" -> "it does not hold one commit or several consecutive ones"
      )
    entries
  }
}
