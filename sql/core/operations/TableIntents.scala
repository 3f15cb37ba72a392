package io.anabranch.core.operations

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}
import io.anabranch.core.transaction._

/** Checks of names in the catalog tree. */
object Names {
  val MaxBytes: Int = 255

  /** @throws AnabranchException
    *   ANABRANCH_TABLE.INVALID_NAME
    */
  def check(name: Seq[String]): Unit = name.foreach { part =>
    val problem =
      if (part.isEmpty) Some("it is empty")
      else if (part.getBytes("UTF-8").length > MaxBytes) Some(s"it is longer than $MaxBytes bytes")
      else if (part.contains('@')) Some("'@' stands between a table and a ref")
      else if (part.exists(_.isControl)) Some("it holds a control character")
      else None
    problem.foreach(p =>
      throw AnabranchException("ANABRANCH_TABLE.INVALID_NAME", "name" -> part, "reason" -> p)
    )
  }

  def show(name: Seq[String]): String = name.mkString(".")

  /** `TABLE` or `VIEW`. */
  def kind(t: TableState): String = if (t.metadata.view.isDefined) "VIEW" else "TABLE"

  /** The table or view of that name, or the error that says where it was looked for. */
  def table(state: CatalogState, name: Seq[String], ref: String): TableState =
    state.byName.getOrElse(
      name,
      throw AnabranchException("ANABRANCH_TABLE.NOT_FOUND", "table" -> show(name), "ref" -> ref)
    )

  def mustBeFree(state: CatalogState, name: Seq[String], ref: String): Unit =
    if (state.byName.contains(name))
      throw AnabranchException("ANABRANCH_TABLE.ALREADY_EXISTS", "table" -> show(name), "ref" -> ref)

  def namespaceMustExist(state: CatalogState, namespace: Seq[String], ref: String): Unit =
    if (!state.namespaces.contains(namespace))
      throw AnabranchException("ANABRANCH_NAMESPACE.NOT_FOUND", "namespace" -> show(namespace), "ref" -> ref)
}

/** Creates a table, with its first files if it has any, in one commit. */
final case class CreateTable(
    id: String,
    name: Seq[String],
    metadata: TableMetadata,
    files: StagedFiles,
    branch: String,
    operation: String,
    metrics: Map[String, Long] = Map.empty
) extends Intent {
  override def onto(now: CatalogState): Proposal = {
    Names.check(name)
    Names.namespaceMustExist(now, name.init, branch)
    Names.mustBeFree(now, name, branch)
    val change =
      TableChange(
        0,
        name = Some(name),
        metadata = Some(metadata),
        add = files.inEntry,
        manifests = files.manifests
      )
    Proposal(Map(id -> change), metrics = metrics)
  }
}

/** A change of one table that is there, as it was read. */
abstract class TableIntent extends Intent {
  def base: CatalogState
  def id: String
  def metrics: Map[String, Long] = Map.empty
}

/** Gives a table new columns and rows; its id and history go on. */
final case class ReplaceTable(
    base: CatalogState,
    id: String,
    metadata: TableMetadata,
    files: StagedFiles,
    operation: String,
    override val metrics: Map[String, Long] = Map.empty
) extends TableIntent {
  override def onto(now: CatalogState): Proposal = {
    Rebase.unchanged(base, now, id)
    val change =
      TableChange(
        0,
        metadata = Some(metadata),
        clear = true,
        add = files.inEntry,
        manifests = files.manifests
      )
    Proposal(Map(id -> change), metrics = metrics)
  }
}

final case class DropTable(base: CatalogState, id: String) extends TableIntent {
  override val operation: String = s"DROP ${Names.kind(base.tables(id))}"
  override def onto(now: CatalogState): Proposal = {
    Rebase.unchanged(base, now, id)
    Proposal(Map(id -> TableChange(0, dropped = true)))
  }
}

/** Moves a table to another name; nothing else of it changes, so writers of its rows don't notice. */
final case class RenameTable(base: CatalogState, id: String, to: Seq[String], branch: String)
    extends TableIntent {
  override val operation: String = s"RENAME ${Names.kind(base.tables(id))}"
  override def onto(now: CatalogState): Proposal = {
    Names.check(to)
    Names.namespaceMustExist(now, to.init, branch)
    Names.mustBeFree(now, to, branch)
    Rebase.unchanged(base, now, id)
    Proposal(Map(id -> TableChange(0, name = Some(to))))
  }
}

/** Changes columns, comments or properties. Rows that came meanwhile don't matter, unless a new constraint was checked
  * on those that were there.
  */
final case class AlterTable(base: CatalogState, id: String, metadata: TableMetadata) extends TableIntent {
  override val operation: String = "ALTER TABLE"
  override def onto(now: CatalogState): Proposal = {
    val checked = metadata.constraints.exists(!base.tables(id).metadata.constraints.contains(_))
    if (checked) Rebase.unchanged(base, now, id) else Rebase.sameMetadata(base, now, id)
    if (now.tables(id).metadata == metadata) Proposal()
    else Proposal(Map(id -> TableChange(0, metadata = Some(metadata))))
  }
}

/** Changes the columns of a table together with rows that need them, as one commit.
  *
  * @param rows
  *   made for a state in which the table has the new columns already
  */
final case class Evolve(alter: AlterTable, rows: TableIntent) extends Intent {
  override def operation: String = rows.operation
  override def onto(now: CatalogState): Proposal = {
    alter.onto(now): Unit
    val proposal = rows.onto(now.altered(alter.id, alter.metadata))
    val change = proposal.tables.getOrElse(alter.id, TableChange(0))
    proposal.copy(
      tables = proposal.tables.updated(alter.id, change.copy(metadata = Some(alter.metadata))),
      // there may be no rows
      metrics = rows.metrics ++ proposal.metrics
    )
  }
}

/** Adds rows. Nothing that others do to the table's rows matters to it, unless it read them.
  *
  * @param log
  *   for what it read
  */
final case class Append(
    base: CatalogState,
    id: String,
    files: StagedFiles,
    operation: String,
    override val metrics: Map[String, Long],
    reads: Reads = Reads.Nothing,
    log: CommitsSince = (_, _) => None
) extends TableIntent {
  override def onto(now: CatalogState): Proposal = {
    Rebase.sameLayout(base, now, id)
    reads.check(base, now, Set(id), log)
    val change = TableChange(0, add = files.inEntry, manifests = files.manifests)
    if (files.isEmpty) Proposal() else Proposal(Map(id -> change), metrics = metrics, reads = reads.tables)
  }
}

/** Puts rows in the place of whole files.
  *
  * @param remove
  *   ids of the files that go; None for all
  */
final case class Overwrite(
    base: CatalogState,
    id: String,
    remove: Option[Seq[String]],
    files: StagedFiles,
    operation: String,
    override val metrics: Map[String, Long],
    reads: Reads = Reads.Nothing,
    log: CommitsSince = (_, _) => None
) extends TableIntent {
  override def onto(now: CatalogState): Proposal = {
    Rebase.unchanged(base, now, id)
    reads.check(base, now, Set(id), log)
    val change = TableChange(
      0,
      clear = remove.isEmpty,
      remove = remove.getOrElse(Nil),
      add = files.inEntry,
      manifests = files.manifests
    )
    Proposal(Map(id -> change), metrics = metrics, reads = reads.tables)
  }
}

/** Brings back an earlier state of a table, without copying.
  *
  * @param to
  *   the commit whose state of the table comes back
  */
final case class RestoreTable(
    base: CatalogState,
    id: String,
    to: CatalogState,
    override val metrics: Map[String, Long]
) extends TableIntent {
  override val operation: String = "RESTORE"
  override def onto(now: CatalogState): Proposal = {
    Rebase.unchanged(base, now, id)
    val (was, is) = (to.tables(id).metadata, now.tables(id).metadata)
    // names given since then stay taken, or a later column would show their old values
    val metadata = Option.when(!is.usedNames.subsetOf(was.usedNames))(
      was.copy(retired = was.retired ++ (is.usedNames -- Column.paths(was.columns)))
    )
    Proposal(Map(id -> TableChange(0, adopt = Some(to.id), metadata = metadata)), metrics = metrics)
  }
}

object TableIntents {

  /** What a write did, counted: rows and files that came and went. */
  def metrics(added: Iterable[DataFile], removed: Iterable[DataFile]): Map[String, Long] = {
    val (in, out) = (added.filterNot(_.isInline), removed.filterNot(_.isInline))
    Map(
      "rows_inserted" -> added.map(_.rows).sum,
      "rows_deleted" -> removed.map(_.liveRows).sum,
      "files_added" -> in.size.toLong,
      "files_removed" -> out.size.toLong,
      "bytes_added" -> in.map(_.sizeBytes).sum,
      "bytes_removed" -> out.map(_.sizeBytes).sum
    ).filter { case (name, n) => n != 0 || name == "rows_inserted" }
  }
}
