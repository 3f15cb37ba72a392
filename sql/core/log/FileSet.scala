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
  @volatile private var known: Option[Map[String, DataFile]] = None

  /** The list that a checkpoint stored of exactly these files. */
  def stored: Option[ManifestRef] = list
  private[log] def storedAs(ref: ManifestRef): Unit = list = Some(ref)

  /** The files by id. */
  def files: Map[String, DataFile] = known.getOrElse {
    // a long chain of changes, of which nobody asked for the files, is walked without recursion
    var todo = List.empty[FileSet]
    var at = this
    while (at.known.isEmpty && at.before.isDefined) {
      todo = at :: todo
      at = at.before.get
    }
    todo.foldLeft(at.evaluate(Map.empty))((before, set) => set.evaluate(before))
  }

  private def before: Option[FileSet] = origin match {
    case FileSet.Changed(previous, _, _) => Some(previous)
    case _ => None
  }

  private def evaluate(before: Map[String, DataFile]): Map[String, DataFile] = known.getOrElse {
    val all = origin match {
      case FileSet.Nothing => Map.empty[String, DataFile]
      case FileSet.Listed(at, table, ref) => reader.listed(at, table, ref).map(f => f.id -> f).toMap
      case FileSet.Changed(_, at, change) => FileSet.changed(before, at, added(change), change)
    }
    known = Some(all)
    // what came before is not needed any more
    origin = FileSet.Nothing
    all
  }

  private def added(change: TableChange): Seq[DataFile] =
    change.add ++ change.manifests.flatMap { m =>
      reader.read(Paths.manifest(m.id), m).map(f => f.copy(firstRow = f.firstRow.map(_ + m.firstRow.getOrElse(0L))))
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
  private case object Nothing extends Origin
  final private case class Listed(at: Position, table: String, ref: ManifestRef) extends Origin
  final private case class Changed(before: FileSet, at: Position, change: TableChange) extends Origin

  def empty(reader: ManifestReader): FileSet = new FileSet(None, Nothing, reader)
  def listed(at: Position, table: String, ref: ManifestRef, reader: ManifestReader): FileSet =
    new FileSet(Some(ref), Listed(at, table, ref), reader)

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
    change.remove.find(!start.contains(_)).foreach(f => throw corrupt(s"it removes the file $f, which is not there"))
    val kept = start -- change.remove
    val masked = change.deletions.foldLeft(kept) { case (files, (id, dv)) =>
      val file = files.getOrElse(id, throw corrupt(s"it deletes rows of the file $id, which is not there"))
      if (dv.cardinality > file.rows) throw corrupt(s"it deletes more rows than the file $id has")
      files.updated(id, file.copy(deletions = Some(dv)))
    }
    added.foldLeft(masked) { (files, f) =>
      if (files.contains(f.id)) throw corrupt(s"it adds the file ${f.id} twice")
      files.updated(f.id, if (f.addedBy.isDefined) f else f.copy(addedBy = Some(at)))
    }
  }
}
