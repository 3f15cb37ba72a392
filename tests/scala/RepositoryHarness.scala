package io.anabranch.test

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log.{Log, TableState}
import io.anabranch.core.operations._
import io.anabranch.core.operations.merge.{Choice, Decision, Decisions}
import io.anabranch.core.repository.{MergeRequest, Repository, ResolvedRef, RestorePoint}
import io.anabranch.core.store.ObjectStore
import io.anabranch.core.transaction.{CommitContext, Intent}

import java.nio.charset.StandardCharsets.UTF_8
import java.util.concurrent.ConcurrentHashMap

import scala.jdk.CollectionConverters._

/** A repository as Python tests drive it, without Spark: an operation's name and JSON in, JSON out.
  *
  * Files are made up: nobody reads them. `hold` keeps the state of a branch under a name; a write that is
  * given this name as `base` is proposed as if nothing had happened since.
  */
final class RepositoryHarness(val store: ObjectStore, val env: TestEnvironment) {
  private lazy val repository = Repository.open(store, env)
  private val held = new ConcurrentHashMap[String, ResolvedRef]

  def this(store: ObjectStore) = this(store, new TestEnvironment)

  /** `{"output"}`, `{"error": {"condition", "message"}}`, or `{"killed"}` where a [[FaultStore]] said so. */
  def run(operation: String, inputJson: String): String = {
    val answer =
      try
        Json.obj(
          "output" -> call(operation, new JsonReader(Json.parse(inputJson.getBytes(UTF_8), "input"), "input"))
        )
      catch {
        case e: AnabranchException =>
          val told = Json.obj("condition" -> Json.Text(e.condition), "message" -> Json.Text(e.getMessage))
          Json.obj("error" -> told)
        case k: Killed => Json.obj("killed" -> Json.Text(k.getMessage))
      }
    new String(Json.canonical(answer), UTF_8)
  }

  private def call(operation: String, in: JsonReader): Json = operation match {
    case "open" => Json.Text(repository.root)
    case "hold" => held.put(in.text("as"), repository.resolve(branch(in))); Json.Null
    case "snapshot" => LogFunctions.stateJson(repository.resolve(ref(in)).state)
    case "load" => LogFunctions.tableJson(repository.load(ref(in), name(in)).table)
    case "resolve" => described(ref(in))
    case "refs" => refs
    case "everything" => everything
    case "log" => Json.texts(repository.log(ref(in), in.intOpt("limit").getOrElse(1000)).map(_.id))
    case "version" => past(in, RestorePoint.Version(in.text("at")))
    case "time" => past(in, RestorePoint.Time(in.long("at")))
    case "history" =>
      Json.Arr(repository.history(ref(in), name(in), 1000).map(v => Json.Integer(v.version)))
    case "head" => RepositoryHarness.headOf(store, in.text("ordinal"))
    case "entry" =>
      val at = Position.parse(in.text("position")).get
      FormatFunctions.orNull(new Log(store).find(at).map(e => Json.Text(e.id.toString)))
    case "branch" =>
      Json.Text(repository.createBranch(in.text("name"), from(in), in.bool("if_not_exists"), by(in)).head.id)
    case "tag" =>
      Json.Text(repository.createTag(in.text("name"), from(in), in.bool("if_not_exists")).commit.id)
    case "drop_branch" => repository.dropBranch(in.text("name"), ifExists = false, by(in)); Json.Null
    case "replace_branch" => call("drop_branch", in); call("branch", in)
    case "drop_tag" => repository.dropTag(in.text("name"), ifExists = false); Json.Null
    case "reset" => Json.Text(repository.resetBranch(in.text("name"), in.text("to"), by(in)).head.id)
    case "merge" => merge(in)
    case "restore" =>
      val r = repository.restore(
        repository.resolve(branch(in)),
        name(in),
        RestorePoint.Version(in.text("to")),
        by(in)
      )
      Json.Integer(r.version)
    case "checkpoint" => Json.Bool(repository.checkpoint(branch(in)))
    case write => committed(write, in)
  }

  private def branch(in: JsonReader): String = in.textOpt("branch").getOrElse("main")
  private def ref(in: JsonReader): String = in.textOpt("ref").getOrElse("main")
  private def from(in: JsonReader): String = in.textOpt("from").getOrElse("main")
  private def name(in: JsonReader): Seq[String] = in.textOpt("table").getOrElse("db.t").split('.').toSeq
  private def by(in: JsonReader): CommitContext = CommitContext(
    in.textOpt("author").getOrElse("tester"),
    in.textOpt("message").getOrElse(""),
    in.textMap("metadata"),
    retries = in.intOpt("retries").getOrElse(CommitContext.DefaultRetries)
  )

  /** A table as it was; its rows counted. */
  private def past(in: JsonReader, point: RestorePoint): Json = {
    val from = repository.resolve(ref(in))
    val found = repository.at(from, Names.table(from.state, name(in), from.text), point)
    Json.obj(
      "version" -> Json.Integer(found.table.version),
      "rows" -> Json.Integer(found.table.files.rows),
      "commit" -> Json.Text(found.state.id.toString)
    )
  }

  private def described(ref: String): Json = {
    val (kind, info) = repository.describeRef(ref)
    Json.obj(
      "kind" -> Json.Text(kind),
      "commit" -> Json.Text(info.id),
      "parents" -> Json.texts(info.parents),
      "time" -> Json.Integer(info.timeMillis),
      "operation" -> Json.Text(info.operation),
      "message" -> Json.Text(info.message)
    )
  }

  private def refs: Json = Json.obj(
    "branches" -> Json.Obj(repository.branches().map(b => b.name -> Json.Text(b.head.id)).toMap),
    "tags" -> Json.Obj(repository.tags().map(t => t.name -> Json.Text(t.commit.id)).toMap)
  )

  /** What users see at all branches and tags: equal for two runs of the same operations. */
  private def everything: Json = {
    def seen(ref: String) = {
      val state = repository.resolve(ref).state
      Json.obj(
        "namespaces" -> Json.texts(state.namespaces.keys.map(_.mkString(".")).toSeq.sorted),
        "tables" -> Json.Obj(state.tables.values.map { t =>
          val numbers = Seq(t.version, t.files.files.size.toLong, t.files.rows).map(Json.int64)
          t.name.mkString(".") -> Json.Arr(numbers)
        }.toMap)
      )
    }
    Json.Obj(
      (repository.branches().map(b => s"branch:${b.name}") ++ repository.tags().map(t => s"tag:${t.name}"))
        .map(ref => ref -> seen(ref))
        .toMap
    )
  }

  private def merge(in: JsonReader): Json = {
    val asked = MergeRequest(
      in.text("source"),
      in.textOpt("into").getOrElse("main"),
      Decisions(in.textOpt("on_conflict").flatMap(Choice.side).map(c => Decision(Some(c))).toSeq),
      squash = in.bool("squash"),
      fastForwardOnly = in.bool("ff_only")
    )
    val r =
      if (in.bool("dry_run")) repository.merges.merge(asked, NumberedRows, dryRun = true, by(in))
      else repository.unfinishedMerges.merge(asked, NumberedRows, by(in))
    Json.obj(
      "commit" -> FormatFunctions.orNull(r.commit.map(Json.Text(_))),
      "fast_forward" -> Json.Bool(r.fastForward),
      "changes" -> Json.texts(
        r.conflicts.map(c => s"conflict ${c.name.mkString(".")}").distinct ++
          r.changes.map(c => s"${c.change} ${c.table}")
      )
    )
  }

  private def committed(operation: String, in: JsonReader): Json = {
    val base = in.textOpt("base").map(held.get).getOrElse(repository.resolve(branch(in)))
    val state = repository.commit(base.writable, base.state, intent(operation, base, in), by(in))
    Json.Text(state.id.toString)
  }

  private def intent(operation: String, base: ResolvedRef, in: JsonReader): Intent = {
    val state = base.state
    def table: TableState = Names.table(state, name(in), base.text)
    def columns = in.items("columns").map(Column.decode(_, "input"))
    def staged = repository.stage(files(in))
    def metadata = TableMetadata(
      if (in.has("columns")) columns
      else Seq(Column("a", "a", ColumnType.Primitive("long"), nullable = true)),
      properties = in.textMap("properties"),
      readerFeatures = in.texts("reader_features").toSet,
      writerFeatures = in.texts("writer_features").toSet
    )
    operation match {
      case "namespace" =>
        CreateNamespace(in.text("name").split('.').toSeq, in.textMap("properties"), base.text)
      case "drop_namespace" => DropNamespace(in.text("name").split('.').toSeq, in.bool("cascade"), base.text)
      case "create" =>
        CreateTable(repository.newId(), name(in), metadata, staged, base.text, "CREATE TABLE")
      case "append" => Append(state, table.id, staged, "INSERT", Map.empty)
      case "overwrite" => Overwrite(state, table.id, None, staged, "OVERWRITE", Map.empty)
      case "remove" => Overwrite(state, table.id, Some(in.texts("files")), staged, "DELETE", Map.empty)
      case "alter" => AlterTable(state, table.id, table.metadata.copy(columns = columns))
      case "properties" =>
        AlterTable(state, table.id, table.metadata.copy(properties = in.textMap("properties")))
      case "features" =>
        val (r, w) = (in.texts("reader_features").toSet, in.texts("writer_features").toSet)
        AlterTable(state, table.id, table.metadata.copy(readerFeatures = r, writerFeatures = w))
      case "rename" => RenameTable(state, table.id, in.text("to").split('.').toSeq, base.text)
      case "drop" => DropTable(state, table.id)
    }
  }

  /** `files` made-up files of `rows` rows each. */
  private def files(in: JsonReader): Seq[DataFile] =
    Seq.fill(in.intOpt("files").getOrElse(0)) {
      val id = repository.newId()
      val rows = in.longOpt("rows").getOrElse(1L)
      val stats = ColumnStats(Some(Value.Whole(1)), Some(Value.Whole(rows)), Some(0))
      DataFile(id, 100 * rows, rows, Sha256.hex(id.getBytes(UTF_8)), stats = Map("a" -> stats))
    }
}

object RepositoryHarness {

  /** A store in memory with the same objects. */
  def copy(from: StoreHandle): StoreHandle = from.store match {
    case inner: MemoryStore =>
      val fresh = new MemoryStore("copy", inner.listsInOrder)
      inner.paths.foreach(p => fresh.createIfAbsent(p, inner.read(p).get))
      new StoreHandle(fresh)
    case other => throw new IllegalArgumentException(s"$other is not in memory")
  }

  def paths(of: StoreHandle): java.util.List[String] = of.store match {
    case inner: MemoryStore => inner.paths.asJava
    case other => throw new IllegalArgumentException(s"$other is not in memory")
  }

  /** The head of a log, found without any cache. */
  private def headOf(store: ObjectStore, ordinal: String): Json =
    FormatFunctions.orNull(new Log(store).head(Ordinal.parse(ordinal).get).map(e => Json.Text(e.id.toString)))

  /** Lets several repositories on one store commit at the same moment.
    *
    * @return
    *   the answers of [[RepositoryHarness.run]], by harness
    */
  def race(
      harnesses: java.util.List[RepositoryHarness],
      operation: String,
      inputsJson: java.util.List[String],
      times: Int
  ): java.util.List[java.util.List[String]] = {
    val start = new java.util.concurrent.CyclicBarrier(harnesses.size)
    val pool = java.util.concurrent.Executors.newFixedThreadPool(harnesses.size)
    try {
      val tasks = harnesses.asScala.zip(inputsJson.asScala).map { case (h, input) =>
        new java.util.concurrent.Callable[java.util.List[String]] {
          override def call(): java.util.List[String] = {
            start.await()
            Seq.fill(times)(h.run(operation, input)).asJava
          }
        }
      }
      pool.invokeAll(tasks.asJava).asScala.map(_.get).asJava
    } finally pool.shutdown()
  }
}
