package io.anabranch.core.store

import io.anabranch.core.AnabranchException

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FileStatus, FileSystem, Path, RemoteIterator}
import org.apache.hadoop.util.functional.FutureIO

import java.io.{FileNotFoundException, IOException}
import java.nio.file.AccessDeniedException
import java.util.Collections

import scala.util.Using
import scala.util.control.NonFatal

/** Any Hadoop file system that can create an object once only, in the way of its [[ConditionalCreate]]. */
final class HadoopStore private (
    fs: FileSystem,
    override val root: String,
    conditional: ConditionalCreate,
    override val listsInOrder: Boolean
) extends ObjectStore {
  private val isS3 = fs.getScheme == "s3a"

  override def read(path: String): Option[Array[Byte]] = StoreErrors.translated("read", place(path)) {
    try {
      val opened = fs.openFile(absolute(path))
      opened.opt("fs.option.openfile.read.policy", "whole-file")
      Some(Using.resource(FutureIO.awaitFuture(opened.build()))(_.readAllBytes()))
    } catch { case _: FileNotFoundException => None }
  }

  override def createIfAbsent(path: String, bytes: Array[Byte]): CreateOutcome =
    StoreErrors.translated("create", place(path))(conditional.create(absolute(path), bytes))

  override def list(folder: String, limit: Int): Seq[ObjectInfo] =
    StoreErrors.translated("list", place(folder)) {
      val parent = fs.makeQualified(absolute(folder))
      val files = statuses(folder).filter(isObject(_, parent))
      val found = if (listsInOrder) files.take(limit) else files
      val prefix = if (folder.isEmpty) "" else s"$folder/"
      found
        .map(s => ObjectInfo(prefix + s.getPath.getName, s.getLen))
        .toVector
        .sortBy(_.path)
        .take(limit)
    }

  /** Not a temporary file, and not the path itself, which is what listing an object gives. */
  private def isObject(status: FileStatus, parent: Path): Boolean =
    !status.getPath.getName.startsWith(".") && isIn(status, parent)

  private def isIn(status: FileStatus, parent: Path): Boolean =
    status.isFile && status.getPath.getParent == parent

  override def objects(folder: String): Seq[StoredObject] =
    StoreErrors.translated("list", place(folder)) {
      val parent = fs.makeQualified(absolute(folder))
      statuses(folder)
        .filter(isIn(_, parent))
        .map(s => StoredObject(s"$folder/${s.getPath.getName}", s.getLen, s.getModificationTime))
        .toVector
        .sortBy(_.path)
    }

  override def folders(folder: String): Seq[String] = StoreErrors.translated("list", place(folder)) {
    statuses(folder).filter(_.isDirectory).map(_.getPath.getName).filterNot(_.startsWith(".")).toVector.sorted
  }

  /** S3A's own `delete` looks at the object first and writes a marker for the folder afterwards; its bulk
    * deletion sends one request.
    */
  override def delete(path: String): Unit = StoreErrors.translated("delete", place(path)) {
    if (isS3)
      Using.resource(fs.createBulkDelete(new Path(root))) { bulk =>
        bulk.bulkDelete(Collections.singletonList(absolute(path))).forEach { failed =>
          throw deletionFailure(path, failed.getValue)
        }
      }
    else { fs.delete(absolute(path), false); () }
  }

  /** A bulk deletion tells its failures by text only. */
  private def deletionFailure(path: String, reason: String): IOException =
    if (reason.contains("AccessDenied")) new AccessDeniedException(place(path), null, reason)
    else new IOException(reason)

  override def size(path: String): Option[Long] = StoreErrors.translated("look at", place(path)) {
    try Some(fs.getFileStatus(absolute(path))).filter(_.isFile).map(_.getLen)
    catch { case _: FileNotFoundException => None }
  }

  /** Read page by page, so that taking a few costs one request. */
  private def statuses(folder: String): Iterator[FileStatus] =
    try {
      val pages: RemoteIterator[FileStatus] = fs.listStatusIterator(absolute(folder))
      Iterator
        .continually(())
        .takeWhile(_ => hasNext(pages))
        .map(_ => pages.next())
    } catch { case _: FileNotFoundException => Iterator.empty }

  /** Some file systems notice only here that there is no such folder. */
  private def hasNext(pages: RemoteIterator[FileStatus]): Boolean =
    try pages.hasNext
    catch { case _: FileNotFoundException => false }

  // Joined as text: of two Paths, the second would be parsed as a URI and trip over a colon.
  private def absolute(path: String): Path = new Path(if (path.isEmpty) root else place(path))
  private def place(path: String): String = s"$root/$path"
}

object HadoopStore {
  private val NoFileSystem = Seq("UnsupportedFileSystemException", "ClassNotFoundException")

  /** The store with that root.
    *
    * @param root
    *   scheme, authority and path without a trailing slash, in Hadoop's notation
    * @throws AnabranchException
    *   `ANABRANCH_REPOSITORY.INVALID_LOCATION` if no Hadoop file system is there for the scheme
    */
  def open(root: String, conf: Configuration): HadoopStore = {
    val path = new Path(if (root.endsWith("/")) root else root + "/")
    val fs = StoreErrors.translated("open", root) {
      try path.getFileSystem(conf)
      catch {
        case NonFatal(e) if StoreErrors.hasClass(e, NoFileSystem: _*) =>
          throw AnabranchException.caused(
            e,
            "ANABRANCH_REPOSITORY.INVALID_LOCATION",
            "location" -> root,
            "reason" -> missingJar(path.toUri.getScheme)
          )
      }
    }
    val scheme = path.toUri.getScheme
    val conditional = scheme match {
      case "s3a" => new S3ConditionalPut(fs, root)
      case "gs" => new CreateWithoutOverwrite(fs)
      case _ => new RenameWithoutOverwrite(fs, conf)
    }
    new HadoopStore(fs, root, conditional, ordered(scheme, path.toUri.getAuthority))
  }

  /** S3 lists names in order, a page at a time, except in the directory buckets of S3 Express; so does an
    * HDFS name node.
    */
  private def ordered(scheme: String, authority: String): Boolean =
    scheme == "hdfs" || (scheme == "s3a" && !authority.endsWith("--x-s3"))

  private def missingJar(scheme: String): String = {
    val remedy = scheme match {
      case "s3a" => "; add org.apache.hadoop:hadoop-aws:3.5.0 to spark.jars.packages"
      case "abfs" | "abfss" => "; add org.apache.hadoop:hadoop-azure:3.5.0 to spark.jars.packages"
      case "gs" => "; add Google's gcs-connector to spark.jars"
      case _ => ""
    }
    s"there is no Hadoop file system for the scheme '$scheme'$remedy"
  }
}
