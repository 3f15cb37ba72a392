package io.anabranch.core.format

/** What a commit does to one table.
  *
  * Applied in this order: `adopt`, `metadata`, `clear`, `remove`, `deletions`, `add`.
  *
  * @param version
  *   the table's version after the commit: the previous one on the first-parent path + 1
  * @param previous
  *   the last commit on the first-parent path that touched the table; None when there is none
  * @param name
  *   the table's full name, when the commit creates or renames it
  * @param dropped
  *   whether the commit drops the table (then nothing else is given)
  * @param adopt
  *   the table's metadata and files become those at that commit, an ancestor: no data is copied
  * @param clear
  *   all files that the table had are removed
  * @param remove
  *   ids of files removed
  * @param deletions
  *   new deletion vectors of files, by file id
  * @param nextRow
  *   the counter of row ids for this table in this log, after the commit
  * @param rearranged
  *   rows were rewritten, but none changed (compaction)
  * @param carries
  *   rows that other commits wrote come in, or come back, otherwise than from a second parent: so another branch
  *   may have them although the merge base does not
  */
final case class TableChange(
    version: Long,
    previous: Option[Position] = None,
    name: Option[Seq[String]] = None,
    dropped: Boolean = false,
    adopt: Option[CommitId] = None,
    metadata: Option[TableMetadata] = None,
    clear: Boolean = false,
    remove: Seq[String] = Nil,
    deletions: Map[String, DeletionVector] = Map.empty,
    add: Seq[DataFile] = Nil,
    manifests: Seq[ManifestRef] = Nil,
    nextRow: Option[Long] = None,
    rearranged: Boolean = false,
    carries: Boolean = false
) {

  /** Whether files come, go or change. */
  def touchesFiles: Boolean =
    clear || remove.nonEmpty || deletions.nonEmpty || add.nonEmpty || manifests.nonEmpty || adopt.isDefined
}

/** A Parquet object that lists files which a commit adds, too many to stand in it.
  *
  * @param firstRow
  *   added to the first row ids in the manifest, which count from 0: so that the manifest stays as it
  *   was written when a commit that lost a race is tried again
  */
final case class ManifestRef(
    id: String,
    sizeBytes: Long,
    files: Long,
    rows: Long,
    sha256: String,
    firstRow: Option[Long] = None
)

/** What a commit does to one namespace: its properties afterwards, or None when it is dropped. */
final case class NamespaceChange(properties: Option[Map[String, String]])

/** The end of a log. `successor` is where a reset branch goes on. */
final case class Closing(reason: String, successor: Option[Ordinal])

object Closing {
  val Drop: String = "drop"
  val Reset: String = "reset"
}

/** One commit.
  *
  * @param parents
  *   the entry before it (in entry 0 of a log: the fork point; none in the first of all), then the
  *   heads that it merged
  * @param timeMillis
  *   UTC; later than that of the entry before it in its log
  * @param transaction
  *   32 random hexadecimal digits, by which a writer recognises its own commit
  * @param branch
  *   in entry 0: the name under which the log was opened
  * @param merged
  *   the components of the version vector that a merge raised
  * @param reads
  *   ids of tables whose rows decided what the commit does
  * @param policies
  *   what becomes of rules about branches, by name; None where one is dropped. Only in the log of main
  * @param gates
  *   how gates let it pass, by name
  */
final case class Commit(
    position: Position,
    parents: Seq[CommitId],
    timeMillis: Long,
    transaction: String,
    author: String,
    operation: String,
    message: String = "",
    parameters: Map[String, String] = Map.empty,
    metadata: Map[String, String] = Map.empty,
    metrics: Map[String, Long] = Map.empty,
    branch: Option[String] = None,
    repository: Option[String] = None,
    merged: Map[Ordinal, Long] = Map.empty,
    namespaces: Map[Seq[String], NamespaceChange] = Map.empty,
    tables: Map[String, TableChange] = Map.empty,
    closing: Option[Closing] = None,
    reads: Set[String] = Set.empty,
    policies: Map[String, Option[Policy]] = Map.empty,
    gates: Map[String, GatePassed] = Map.empty
) {
  def firstParent: Option[CommitId] = parents.headOption

  /** Whether it changes nothing but where rows lie. */
  def onlyMoves: Boolean = namespaces.isEmpty && tables.nonEmpty && tables.values.forall(_.rearranged)
}

/** A commit as it was read or is to be written, with its id. */
final case class Entry(id: CommitId, commit: Commit)
