package io.anabranch.test

import io.anabranch.core.format._
import io.anabranch.core.log.TableState
import io.anabranch.core.operations._
import io.anabranch.core.repository.{Repository, ResolvedRef, RestorePoint}
import io.anabranch.core.transaction.{CommitContext, StagedFiles}

import java.nio.charset.StandardCharsets.UTF_8

/** Statements on tables `(k, v)` of integers whose rows stand in the commits: what Spark does with SQL, on the core
  * alone. A statement reads the branch, finds its rows, and commits, as one of a session does.
  */
final class SmallStatements(repository: Repository, author: String) {
  import SmallStatements._

  private val by = CommitContext(author)

  def run(in: JsonReader): Unit = in.text("do") match {
    case "restore" =>
      repository.restore(repository.resolve("main"), name(in), RestorePoint.Version(in.text("to")), by): Unit
    case _ =>
      val ref = repository.resolve("main")
      intent(in, ref, Names.table(ref.state, name(in), ref.text))
        .foreach(repository.commit("main", ref.state, _, by))
  }

  private def intent(in: JsonReader, ref: ResolvedRef, t: TableState): Option[TableIntent] = {
    val state = ref.state
    in.text("do") match {
      case "insert" =>
        val rows = in.items("rows").map(Cells.of)
        val size = Math.max(1, rows.size / in.intOpt("files").getOrElse(1))
        val files = repository.stage(rows.grouped(size).map(block(_, Nil)).toSeq)
        Some(Append(state, t.id, files, "INSERT", Map.empty))
      case "update" => changed(in, ref, t, r => Some(r.cells.copy(v = in.long("set"))))
      case "delete" => changed(in, ref, t, _ => None)
      case "delete all" =>
        val gone = t.files.files.keys.map(_ -> RowPositions.Empty).toMap
        val reads = Reads(Seq(TableRead(t.id, _ => true, changesToo = false)))
        Some(change(ref, t, gone, StagedFiles.None, gone.keySet, reads, "DELETE"))
      case "add column" =>
        val column = Column(in.text("column"), in.text("column"), Long, nullable = true)
        Some(AlterTable(state, t.id, t.metadata.copy(columns = t.metadata.columns :+ column)))
      case "set property" =>
        Some(AlterTable(state, t.id, t.metadata.copy(properties = in.textMap("properties"))))
      case "optimize" =>
        val sources = t.files.files.values.toSeq.sortBy(_.id)
        val rows = sources.flatMap(rowsOf(repository, t, _))
        val file = block(rows.map(_.cells), rows.map(r => Seq(r.id, r.commit)))
        Some(Compact(state, t.id, Seq(Compacted(sources, file)), repository.context(t)))
    }
  }

  /** UPDATE and DELETE, perhaps only while another table has so many rows. */
  private def changed(
      in: JsonReader,
      ref: ResolvedRef,
      t: TableState,
      becomes: Row => Option[Cells]
  ): Option[TableIntent] = {
    val wanted = Condition.of(in.reader("where"))
    val onlyIf = in.readerOpt("while").map { c =>
      val other = Names.table(ref.state, name(c), ref.text)
      (other, Condition.of(c.reader("where")), c.long("at_least"))
    }
    val holds = onlyIf.forall { case (other, where, least) =>
      rowsOf(repository, other).count(r => where(r.cells)) >= least
    }
    val found = if (holds) rowsOf(repository, t).filter(r => wanted(r.cells)) else Nil
    val written = found.flatMap(r => becomes(r).map(r.id -> _))
    val files =
      if (written.isEmpty) StagedFiles.None
      else repository.stage(Seq(block(written.map(_._2), written.map(w => Seq(w._1)))))
    val gone = found.groupMap(_.file.id)(_.at).map { case (f, at) => f -> RowPositions.of(at.toArray) }
    val reads = Reads(
      TableRead(t.id, anyOf(_, wanted), changesToo = false) +: onlyIf.toSeq.map { case (other, where, _) =>
        TableRead(other.id, anyOf(_, where), changesToo = true)
      }
    )
    Option.when(found.nonEmpty)(change(ref, t, gone, files, Set.empty, reads, in.text("do").toUpperCase))
  }

  private def change(
      ref: ResolvedRef,
      t: TableState,
      gone: Map[String, RowPositions],
      files: StagedFiles,
      whole: Set[String],
      reads: Reads,
      operation: String
  ) = RowChanges(
    ref.state,
    t.id,
    gone,
    files,
    whole,
    reads,
    operation,
    Map.empty,
    repository.context(t)
  )

  /** @param lineage
    *   of each row its id, or id and commit; none for new rows
    */
  private def block(cells: Seq[Cells], lineage: Seq[Seq[Long]]): DataFile = {
    val columns = Lineage.Columns.take(lineage.headOption.fold(0)(_.size))
    val rows = cells.zipWithIndex.map { case (c, i) =>
      Json.Arr((Seq(c.k, c.v) ++ lineage.lift(i).getOrElse(Nil)).map(n => Value.encode(Value.Whole(n))))
    }
    val bytes = Json.canonical(Json.Arr(rows))
    DataFile(
      repository.newId(),
      bytes.length.toLong,
      rows.size.toLong,
      Sha256.hex(bytes),
      inline = Some(rows),
      inlineColumns = Columns ++ columns,
      lineage = columns
    )
  }
}

object SmallStatements {
  private val Long = ColumnType.Primitive("long")
  private val Columns = Seq("k", "v")

  final case class Cells(k: Long, v: Long)
  object Cells {
    def of(j: Json): Cells = j match {
      case Json.Arr(values) =>
        val numbers = values.flatMap(Value.decode).collect { case Value.Whole(n) => n }
        Cells(numbers(0), numbers(1))
      case other => throw new IllegalArgumentException(s"$other is no row")
    }
  }

  final case class Row(id: Long, commit: Long, cells: Cells, file: DataFile, at: Long)

  private object Condition {

    /** `{"column": "k" | "v", "in": […]}`, or `{"column", "even": true | false}`. */
    def of(in: JsonReader): Cells => Boolean = {
      val cell: Cells => Long = if (in.text("column") == "k") _.k else _.v
      if (in.has("in")) {
        val values = in.items("in").flatMap(Value.decode).collect { case Value.Whole(n) => n }.toSet
        c => values(cell(c))
      } else c => (cell(c) % 2 == 0) == in.bool("even")
    }
  }

  private def name(in: JsonReader): Seq[String] = in.textOpt("table").getOrElse("db.t").split('.').toSeq

  private def cells(f: DataFile): Seq[Cells] = f.inline.toSeq.flatten.map(Cells.of)

  private def anyOf(f: DataFile, condition: Cells => Boolean): Boolean = cells(f).exists(condition)

  def rowsOf(repository: Repository, t: TableState): Seq[Row] =
    t.files.files.values.toSeq.sortBy(_.id).flatMap(rowsOf(repository, t, _))

  private def rowsOf(repository: Repository, t: TableState, f: DataFile): Seq[Row] = {
    val context = repository.context(t)
    val live = RowPositions.of(Array.range(0, f.rows.toInt).map(_.toLong)).minus(context.read(f))
    val place = f.inlineColumns.indexOf(Lineage.RowCommit)
    val (all, held) = (cells(f).toVector, f.inline.toSeq.flatten.toVector)
    def commit(at: Int): Long = held(at) match {
      case Json.Arr(values) if place >= 0 =>
        Value.decode(values(place)).collect { case Value.Whole(n) => n }.get
      case _ => f.addedBy.fold(0L)(_.packed)
    }
    live.iterator.toSeq.zip(context.rowIds(f, live)).map { case (at, id) =>
      Row(id, commit(at.toInt), all(at.toInt), f, at)
    }
  }

  /** Creates `db.t` and others with the same columns. */
  def createTables(repository: Repository, names: Seq[String]): Unit = {
    val by = CommitContext("setup")
    def state = repository.resolve("main").state
    repository.commit("main", state, CreateNamespace(Seq("db"), Map.empty, "main"), by): Unit
    names.foreach { name =>
      val metadata = TableMetadata(Columns.map(c => Column(c, c, Long, nullable = true)))
      val id = Sha256.hex(name.getBytes(UTF_8)).take(32)
      val made = CreateTable(id, Seq("db", name), metadata, StagedFiles.None, "main", "CREATE TABLE")
      repository.commit("main", state, made, by): Unit
    }
  }
}
