package io.anabranch.core.log

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._

/** A table at a commit.
  *
  * @param at
  *   the last commit on the first-parent path that touched it
  * @param content
  *   the commit that made its metadata and files what they are. A merge or RESTORE that brings back a
  *   state keeps that state's: so equal content always means nothing to merge.
  * @param carried
  *   the last commit by which rows that others wrote came in or came back, otherwise than by a merge
  */
final case class TableState(
    id: String,
    name: Seq[String],
    version: Long,
    at: Position,
    content: Position,
    metadata: TableMetadata,
    files: FileSet,
    carried: Option[Position] = None
)

/** The whole catalog at a commit.
  *
  * @param vector
  *   the commit's ancestry: of each log the last entry that it knows of
  * @param nextRows
  *   by table, the next free counter for row ids in this log
  * @param policies
  *   rules about branches, by name; none in logs of other branches than main
  */
final case class CatalogState(
    id: CommitId,
    timeMillis: Long,
    vector: Map[Ordinal, Long],
    namespaces: Map[Seq[String], Map[String, String]],
    tables: Map[String, TableState],
    nextRows: Map[String, Long],
    closing: Option[Closing],
    policies: Map[String, Policy] = Map.empty
) {
  lazy val byName: Map[Seq[String], TableState] = tables.values.map(t => t.name -> t).toMap

  def position: Position = id.position

  /** The state that it would be if a table had other metadata, which nobody has committed yet. */
  def altered(id: String, metadata: TableMetadata): CatalogState =
    copy(tables = tables.updated(id, tables(id).copy(metadata = metadata)))

  /** Whether the commit at that place is this one or an ancestor of it. */
  def knows(p: Position): Boolean = vector.get(p.ordinal).exists(_ >= p.seq)
}

/** Replay: what a commit makes of a state. Pure, but for file lists, which are read when asked for. */
object Replay {

  /** The state before the first commit of a repository. */
  def empty: CatalogState =
    CatalogState(
      CommitId(Position(Ordinal.Main, -1), ""),
      0,
      Map.empty,
      Map.empty,
      Map.empty,
      Map.empty,
      None
    )

  /** The state in which entry 0 of a new log starts: that of the fork point, with row counters of its
    * own, and no policies.
    */
  def forked(from: CatalogState): CatalogState =
    from.copy(nextRows = Map.empty, closing = None, policies = Map.empty)

  /** The state after an entry.
    *
    * @param stateAt
    *   gives the state at an ancestor, for tables that the entry adopts from there
    */
  def next(
      before: CatalogState,
      entry: Entry,
      stateAt: CommitId => CatalogState,
      reader: ManifestReader
  ): CatalogState = {
    val c = entry.commit
    val at = entry.id.position
    val tables = c.tables.foldLeft(before.tables) {
      case (all, (id, change)) if change.dropped => all - id
      case (all, (id, change)) =>
        // what comes from a second parent is known by the version vector
        val carries = change.carries || (change.adopt.isDefined && c.parents.size < 2)
        val next = table(id, all.get(id), at, change, stateAt, reader)
        all.updated(id, if (carries) next.copy(carried = Some(at)) else next)
    }
    CatalogState(
      entry.id,
      c.timeMillis,
      c.merged.foldLeft(before.vector) { case (v, (o, seq)) =>
        v.updated(o, v.getOrElse(o, -1L).max(seq))
      } +
        (at.ordinal -> at.seq),
      c.namespaces.foldLeft(before.namespaces) {
        case (all, (name, NamespaceChange(Some(properties)))) => all.updated(name, properties)
        case (all, (name, NamespaceChange(None))) => all - name
      },
      tables,
      before.nextRows ++ c.tables.flatMap { case (id, change) => change.nextRow.map(id -> _) },
      c.closing,
      c.policies.foldLeft(before.policies) {
        case (all, (name, Some(policy))) => all.updated(name, policy)
        case (all, (name, None)) => all - name
      }
    )
  }

  private def table(
      id: String,
      before: Option[TableState],
      at: Position,
      change: TableChange,
      stateAt: CommitId => CatalogState,
      reader: ManifestReader
  ): TableState = {
    val adopted = change.adopt.map { commit =>
      stateAt(commit).tables.getOrElse(
        id,
        throw AnabranchException(
          "ANABRANCH_LOG.CORRUPT_OBJECT",
          "path" -> Paths.logObject(at),
          "reason" -> s"it takes the table $id from $commit, where it is not"
        )
      )
    }
    val start = adopted.orElse(before)
    val own = change.metadata.isDefined || change.copy(adopt = None).touchesFiles
    TableState(
      id,
      change.name.orElse(before.map(_.name)).orElse(start.map(_.name)).getOrElse(Nil),
      change.version,
      at,
      if (own) at else start.fold(at)(_.content),
      change.metadata.orElse(start.map(_.metadata)).getOrElse(TableMetadata(Nil)),
      start.fold(FileSet.empty(reader))(_.files).next(at, change.copy(adopt = None)),
      start.flatMap(_.carried)
    )
  }
}
