package io.anabranch.core.store

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{
  FSDataOutputStream,
  FileAlreadyExistsException,
  FileContext,
  FileSystem,
  Options,
  Path
}

import java.io.IOException
import java.util.UUID
import java.util.concurrent.ThreadLocalRandom

import scala.util.control.NonFatal

/** How one kind of Hadoop file system creates an object once only, whole or not at all.
  *
  * A failure that certainly left nothing behind is thrown as an `IOException`; one that might have taken
  * effect is the outcome `Unknown`.
  */
private[store] trait ConditionalCreate {
  def create(target: Path, bytes: Array[Byte]): CreateOutcome
}

private[store] object ConditionalCreate {

  /** Writes and closes. What fails before the close has sent nothing whole, and must not be closed: that
    * would publish the part.
    */
  def send(out: FSDataOutputStream, bytes: Array[Byte]): Unit = {
    try out.write(bytes)
    catch {
      case e: IOException =>
        try { out.abort(); () }
        catch { case _: UnsupportedOperationException => () } // left open, never published
        throw e
    }
    out.close()
  }

  /** Whether the name was taken: by class, or by the answer 412 somewhere in the chain of causes. */
  def isLost(e: Throwable): Boolean =
    StoreErrors.hasClass(e, "FileAlreadyExistsException", "RemoteFileChangedException") ||
      StoreErrors.chain(e).exists(t => t.getMessage != null && t.getMessage.startsWith("412 "))
}

/** `PUT` with `If-None-Match: *`, one request. The option is a `must`, so that a hadoop-aws that doesn't
  * know it refuses rather than overwrites; it also makes S3A skip its own look at the name.
  */
private[store] final class S3ConditionalPut(fs: FileSystem, root: String) extends ConditionalCreate {

  override def create(target: Path, bytes: Array[Byte]): CreateOutcome = create(target, bytes, retries = 3)

  @annotation.tailrec
  private def create(target: Path, bytes: Array[Byte], retries: Int): CreateOutcome = {
    val out = open(target)
    val failure =
      try { ConditionalCreate.send(out, bytes); None }
      catch { case NonFatal(e) => Some(e) }
    failure match {
      case None => CreateOutcome.Won
      case Some(e) if ConditionalCreate.isLost(e) => CreateOutcome.Lost
      case Some(e) if isCollision(e) && retries > 0 =>
        Thread.sleep(ThreadLocalRandom.current().nextLong(10, 50))
        create(target, bytes, retries - 1)
      case Some(e) if StoreErrors.hasClass(e, "AWSUnsupportedFeatureException") =>
        throw StoreErrors.unsafe(root, "it answered that it knows no conditional PUT", e)
      case Some(e) if StoreErrors.isDenied(e) || isRefused(e) => throw e
      case Some(e) => CreateOutcome.Unknown(e)
    }
  }

  /** The server understood and said no: a bad request, or no such bucket. */
  private def isRefused(e: Throwable): Boolean =
    !isCollision(e) &&
      StoreErrors.hasClass(e, "UnknownStoreException", "FileNotFoundException", "AWSBadRequestException")

  private def open(target: Path): FSDataOutputStream =
    try fs.createFile(target).overwrite(true).must("fs.option.create.conditional.overwrite", true).build()
    catch {
      case e: IllegalArgumentException => throw StoreErrors.unsafe(root, "hadoop-aws is older than 3.5.0", e)
      case e: IOException if String.valueOf(e.getMessage).contains("Conditional Writes Unavailable") =>
        throw StoreErrors.unsafe(root, "fs.s3a.create.conditional.enabled is false", e)
    }

  /** 409: another request for this name was under way, and this one had no effect. The other one may fail
    * yet, so that it is no loss.
    */
  private def isCollision(e: Throwable): Boolean =
    StoreErrors.chain(e).exists { t =>
      t.getMessage != null &&
      (t.getMessage.contains("ConditionalRequestConflict") || t.getMessage.contains("Status Code: 409"))
    }
}

/** For Google Cloud Storage, where a create without overwrite is conditional on generation 0 and the
  * object appears when the stream is closed.
  */
private[store] final class CreateWithoutOverwrite(fs: FileSystem) extends ConditionalCreate {

  override def create(target: Path, bytes: Array[Byte]): CreateOutcome =
    try {
      val out = fs.create(target, false)
      try {
        ConditionalCreate.send(out, bytes)
        CreateOutcome.Won
      } catch {
        case NonFatal(e) if ConditionalCreate.isLost(e) => CreateOutcome.Lost
        case NonFatal(e) if StoreErrors.isDenied(e) => throw e
        case NonFatal(e) => CreateOutcome.Unknown(e)
      }
    } catch { case e: IOException if ConditionalCreate.isLost(e) => CreateOutcome.Lost }
}

/** A temporary file and a rename that refuses an existing target, which HDFS and Azure's hierarchical
  * namespace do atomically.
  */
private[store] final class RenameWithoutOverwrite(fs: FileSystem, conf: Configuration)
    extends ConditionalCreate {
  private val context = FileContext.getFileContext(fs.getUri, conf)

  override def create(target: Path, bytes: Array[Byte]): CreateOutcome = {
    val temporary = new Path(target.getParent, s".${UUID.randomUUID()}.tmp")
    var renamed = false
    try {
      ConditionalCreate.send(fs.create(temporary, false), bytes)
      val outcome = rename(temporary, target)
      renamed = outcome == CreateOutcome.Won
      outcome
    } finally if (!renamed) deleteQuietly(temporary)
  }

  private def rename(temporary: Path, target: Path): CreateOutcome =
    try {
      context.rename(temporary, target, Options.Rename.NONE)
      CreateOutcome.Won
    } catch {
      case _: FileAlreadyExistsException => CreateOutcome.Lost
      case NonFatal(e) if StoreErrors.isDenied(e) => throw e
      case NonFatal(e) => settle(temporary, target, e)
    }

  /** Some file systems only say that the rename failed. If both names are there, then another's object had
    * the target while ours still waited.
    */
  private def settle(temporary: Path, target: Path, cause: Throwable): CreateOutcome =
    try if (fs.exists(target) && fs.exists(temporary)) CreateOutcome.Lost else CreateOutcome.Unknown(cause)
    catch { case _: IOException => CreateOutcome.Unknown(cause) }

  private def deleteQuietly(file: Path): Unit =
    try { fs.delete(file, false); () }
    catch { case _: IOException => () } // never listed, so it does no harm
}
