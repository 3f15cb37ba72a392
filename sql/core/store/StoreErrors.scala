package io.anabranch.core.store

import io.anabranch.core.AnabranchException

import java.io.{IOException, UncheckedIOException}
import java.nio.file.{DirectoryIteratorException, FileSystemException}
import java.util.concurrent.ExecutionException

/** Turns what a store throws into the errors that users see. */
private[store] object StoreErrors {

  /** Runs the body; an I/O error becomes `NO_PERMISSION` or `STORE_FAILED`, told with the operation. */
  def translated[A](operation: String, path: => String)(body: => A): A =
    try body
    catch {
      case e: IOException => throw failure(operation, path, e)
      case e: UncheckedIOException => throw failure(operation, path, e.getCause)
      case e: DirectoryIteratorException => throw failure(operation, path, e.getCause)
    }

  /** The error for a request that certainly had no effect. */
  def failure(operation: String, path: String, cause: Throwable): AnabranchException = {
    val condition =
      if (isDenied(cause)) "ANABRANCH_REPOSITORY.NO_PERMISSION" else "ANABRANCH_REPOSITORY.STORE_FAILED"
    AnabranchException.caused(
      cause,
      condition,
      "operation" -> operation,
      "path" -> path,
      "reason" -> reason(cause)
    )
  }

  def unsafe(root: String, reason: String, cause: Throwable = null): AnabranchException =
    AnabranchException.caused(cause, "ANABRANCH_REPOSITORY.UNSAFE_STORE", "root" -> root, "reason" -> reason)

  /** The exception and its causes, outermost first. */
  def chain(e: Throwable): Seq[Throwable] =
    Iterator.iterate(e)(_.getCause).takeWhile(_ != null).take(16).toSeq

  /** Whether an exception of that simple class name is in the chain. Classes of optional jars, such as
    * hadoop-aws, can only be told by their names.
    */
  def hasClass(e: Throwable, names: String*): Boolean =
    chain(e).exists(t => names.contains(t.getClass.getSimpleName))

  /** Whether the chain tells of missing rights: an owner or mode, credentials, a read-only disk. */
  def isDenied(e: Throwable): Boolean =
    hasClass(e, "AccessDeniedException", "AccessControlException", "NoAuthWithAWSException") ||
      chain(e).exists {
        case f: FileSystemException => Denials(f.getReason)
        case _ => false
      }

  /** What Java reports by text only. */
  private val Denials = Set("Read-only file system", "Operation not permitted")

  private def reason(e: Throwable): String = e match {
    case f: FileSystemException if f.getReason != null => f.getReason
    case x: ExecutionException if x.getCause != null => reason(x.getCause)
    case _ if e.getMessage == null || e.getMessage.isBlank => e.getClass.getSimpleName
    case _ => s"${e.getClass.getSimpleName}: ${e.getMessage}"
  }
}
