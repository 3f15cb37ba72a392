package io.anabranch.core.store

import java.io.IOException
import java.nio.file.{
  DirectoryNotEmptyException,
  FileAlreadyExistsException,
  FileSystemException,
  Files,
  NoSuchFileException,
  NotDirectoryException,
  Path,
  StandardOpenOption
}
import java.nio.file.attribute.BasicFileAttributes
import java.security.SecureRandom
import java.util.concurrent.atomic.AtomicLong

import scala.jdk.CollectionConverters._
import scala.util.Using

/** A folder of this machine, or of a disk that several machines mount, as an object store.
  *
  * An object becomes visible through a hard link to a complete temporary file: making a link fails when
  * the name exists, on every file system that has links. Names that begin with a dot are temporary
  * files, left behind only by a crash, and never listed.
  *
  * @param folder
  *   the absolute path of the root; it need not exist before something is created in it
  */
final class LocalStore(folder: Path) extends ObjectStore {
  require(folder.isAbsolute, s"$folder is not absolute")

  override val root: String = "file://" + folder.toString.stripSuffix("/")

  /** False: a directory is listed as a whole. */
  override def listsInOrder: Boolean = false

  override def read(path: String): Option[Array[Byte]] = StoreErrors.translated("read", place(path)) {
    ifPresent(path)(Files.readAllBytes)
  }

  override def createIfAbsent(path: String, bytes: Array[Byte]): CreateOutcome =
    StoreErrors.translated("create", place(path)) {
      val target = folder.resolve(path)
      // A loser mostly knows at once; the link below decides for the others.
      if (target.toFile.exists) CreateOutcome.Lost
      else {
        val temporary = target.resolveSibling(LocalStore.temporaryName(target.getFileName.toString))
        try {
          write(temporary, bytes)
          link(temporary, target)
        } finally LocalStore.deleteQuietly(temporary)
      }
    }

  /** Only a file's own parent can be missing, so the folder is made when writing fails, not looked for. */
  private def write(file: Path, bytes: Array[Byte]): Unit =
    try Files.write(file, bytes, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)
    catch {
      case _: NoSuchFileException =>
        Files.createDirectories(file.getParent)
        Files.write(file, bytes, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)
    }

  private def link(temporary: Path, target: Path): CreateOutcome =
    try {
      Files.createLink(target, temporary)
      CreateOutcome.Won
    } catch {
      case _: FileAlreadyExistsException => CreateOutcome.Lost
      case e: UnsupportedOperationException => throw withoutLinks(e)
      case e: FileSystemException if LocalStore.NoLinks(e.getReason) => throw withoutLinks(e)
      case e: IOException if StoreErrors.isDenied(e) => throw e
      // A network file system may have made the link before its answer was lost.
      case e: IOException => CreateOutcome.Unknown(e)
    }

  private def withoutLinks(cause: Throwable): Throwable =
    StoreErrors.unsafe(root, s"the file system of $folder has no hard links", cause)

  override def list(path: String, limit: Int): Seq[ObjectInfo] =
    StoreErrors.translated("list", place(path)) {
      val parent = folder.resolve(path)
      names(parent).iterator
        .flatMap(name => attributes(parent.resolve(name)).filter(_.isRegularFile).map(name -> _.size))
        .take(limit)
        .map { case (name, size) => ObjectInfo(if (path.isEmpty) name else s"$path/$name", size) }
        .toVector
    }

  override def objects(path: String): Seq[StoredObject] = StoreErrors.translated("list", place(path)) {
    val parent = folder.resolve(path)
    allNames(parent).toVector.flatMap { name =>
      attributes(parent.resolve(name))
        .filter(_.isRegularFile)
        .map(a => StoredObject(s"$path/$name", a.size, a.lastModifiedTime.toMillis))
    }
  }

  override def folders(path: String): Seq[String] = StoreErrors.translated("list", place(path)) {
    val parent = folder.resolve(path)
    names(parent).filter(name => parent.resolve(name).toFile.isDirectory).toVector
  }

  override def delete(path: String): Unit = StoreErrors.translated("delete", place(path)) {
    try Files.deleteIfExists(folder.resolve(path))
    catch { case _: DirectoryNotEmptyException => () } // a folder is no object
    ()
  }

  override def size(path: String): Option[Long] = StoreErrors.translated("look at", place(path)) {
    ifPresent(path)(Files.size)
  }

  /** Applies `f` to the file if it is there. The usual miss costs no exception: 'is there a newer commit'
    * is asked before every statement. A folder that may not be searched hides its files, so there the
    * system is asked again for the true reason.
    */
  private def ifPresent[A](path: String)(f: Path => A): Option[A] = {
    val file = folder.resolve(path)
    if (!file.toFile.isFile && file.getParent.toFile.canExecute) None
    else
      try Some(f(file))
      catch {
        case _: NoSuchFileException => None
        case e: FileSystemException if e.getReason == LocalStore.NotFolder => None
      }
  }

  private def attributes(file: Path): Option[BasicFileAttributes] =
    try Some(Files.readAttributes(file, classOf[BasicFileAttributes]))
    catch { case _: NoSuchFileException => None } // deleted since it was listed

  /** Names in the folder, sorted, without temporary files; none if there is no such folder. */
  private def names(parent: Path): Array[String] = allNames(parent).filterNot(_.startsWith("."))

  private def allNames(parent: Path): Array[String] =
    try {
      val all = Using.resource(Files.newDirectoryStream(parent)) {
        _.asScala.iterator.map(_.getFileName.toString).toArray
      }
      all.sortInPlace()
      all
    } catch { case _: NoSuchFileException | _: NotDirectoryException => Array.empty }

  private def place(path: String): String = s"$root/$path"
}

private object LocalStore {
  private val NotFolder = "Not a directory"

  /** What systems answer to `link` where a file system has none. */
  private val NoLinks =
    Set("Operation not permitted", "Operation not supported", "Function not implemented", "Not supported")

  private val process = java.lang.Long.toHexString(new SecureRandom().nextLong())
  private val counter = new AtomicLong

  private def temporaryName(name: String): String = s".$name.$process-${counter.incrementAndGet()}.tmp"

  private def deleteQuietly(file: Path): Unit =
    try { Files.deleteIfExists(file); () }
    catch { case _: IOException => () } // never listed, so it does no harm
}
