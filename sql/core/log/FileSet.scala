package io.anabranch.core.log

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._

/** Reads lists of files, with their digest checked. */
trait ManifestReader {

  /** @param ref
    *   size, counts and digest that the list must have
    */
  def read(path: String, ref: ManifestRef): Seq[DataFile]

  /** The files of a table that a checkpoint lists. A list that is gone or damaged is derived again.
    *
    * @param at
    *   the commit of the checkpoint
    */
  def listed(at: Position, table: String, ref: ManifestRef): Seq[DataFile]
}

/** The files of a table at a commit, found out only when somebody asks. */
final class FileSet private (
    @volatile private var list: Option[ManifestRef],
    @volatile private var origin: FileSet.Origin,
    reader: ManifestReader
) {

  /** The list that a checkpoint stored of exactly these files. */
  def stored: Option[ManifestRef] = list
  private[log] def storedAs(ref: ManifestRef): Unit = list = Some(ref)

  /** The files by id. */
  def files: Map[String, DataFile] =
    FileSet.chain(this, Nil).foldLeft(Map.empty[String, DataFile])((before, set) => set.evaluate(before))

  // `origin` is read once: another thread may find out the files at the same time
  private def evaluate(before: Map[String, DataFile]): Map[String, DataFile] = origin match {
    case FileSet.Known(files) => files
    case FileSet.Listed(at, table, ref) => known(reader.listed(at, table, ref).map(f => f.id -> f).toMap)
    case FileSet.Changed(_, at, change) => known(FileSet.changed(before, at, added(change), change))
  }

  /** Remembers the files; what came before is not needed any more. */
  private def known(files: Map[String, DataFile]): Map[String, DataFile] = {
    origin = FileSet.Known(files)
    files
  }

  private def added(change: TableChange): Seq[DataFile] =
    change.add ++ change.manifests.flatMap { m =>
      reader
        .read(Paths.manifest(m.id), m)
        // a file that was taken over keeps the ids of its rows
        .map(f =>
          if (f.addedBy.isDefined) f else f.copy(firstRow = f.firstRow.map(_ + m.firstRow.getOrElse(0L)))
        )
    }

  /** The files after one more change of the table. */
  def next(at: Position, change: TableChange): FileSet =
    if (change.touchesFiles) new FileSet(None, FileSet.Changed(this, at, change), reader) else this

  /** The files with what is known of their columns, for planning. */
  lazy val bounds: FileBounds = new FileBounds(files.values.toVector)

  lazy val rows: Long = files.valuesIterator.map(_.liveRows).sum
  lazy val sizeBytes: Long = files.valuesIterator.map(_.sizeBytes).sum
}

object FileSet {
  sealed private trait Origin
  final private case class Known(files: Map[String, DataFile]) extends Origin
  final private case class Listed(at: Position, table: String, ref: ManifestRef) extends Origin
  final private case class Changed(before: FileSet, at: Position, change: TableChange) extends Origin

  /** Files that are known. */
  def of(files: Map[String, DataFile], reader: ManifestReader): FileSet =
    new FileSet(None, Known(files), reader)

  def empty(reader: ManifestReader): FileSet = new FileSet(None, Known(Map.empty), reader)
  def listed(at: Position, table: String, ref: ManifestRef, reader: ManifestReader): FileSet =
    new FileSet(Some(ref), Listed(at, table, ref), reader)

  /** A set whose files can be found out on their own, and the sets of changes since, oldest first. Without
    * recursion: nobody may have asked for the files for a long time.
    */
  @annotation.tailrec
  private def chain(set: FileSet, later: List[FileSet]): List[FileSet] = set.origin match {
    case Changed(before, _, _) => chain(before, set :: later)
    case _ => set :: later
  }

  /** Pure replay of one change on the files of a table.
    *
    * @param at
    *   the commit's position: the files it adds are added by it
    * @throws AnabranchException
    *   ANABRANCH_LOG.CORRUPT_OBJECT if it removes a file that is not there or adds one that is
    */
  def changed(
      before: Map[String, DataFile],
      at: Position,
      added: Seq[DataFile],
      change: TableChange
  ): Map[String, DataFile] = {
    def corrupt(reason: String) =
      AnabranchException("ANABRANCH_LOG.CORRUPT_OBJECT", "path" -> Paths.logObject(at), "reason" -> reason)
    val start = if (change.clear) before.empty else before
    change.remove
      .find(!start.contains(_))
      .foreach(f => throw corrupt(s"it removes the file $f, which is not there"))
    val kept = start -- change.remove
    val masked = change.deletions.foldLeft(kept) { case (files, (id, dv)) =>
      val file = files.getOrElse(id, throw corrupt(s"it deletes rows of the file $id, which is not there"))
      if (dv.cardinality > file.rows) throw corrupt(s"it deletes more rows than the file $id has")
      files.updated(id, file.copy(deletions = Some(writtenAt(dv, at))))
    }
    added.foldLeft(masked) { (files, f) =>
      if (files.contains(f.id)) throw corrupt(s"it adds the file ${f.id} twice")
      files.updated(f.id, addedAt(f, at))
    }
  }

  private def addedAt(f: DataFile, at: Position): DataFile =
    f.copy(addedBy = f.addedBy.orElse(Some(at)), deletions = f.deletions.map(writtenAt(_, at)))

  private def writtenAt(dv: DeletionVector, at: Position): DeletionVector =
    dv.copy(writtenBy = dv.writtenBy.orElse(Some(at)))
}
