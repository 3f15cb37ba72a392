package io.anabranch.core.format

import io.anabranch.core.AnabranchException

/** The rules for names of branches and tags: git's (git-check-ref-format), and a few of ours. */
object RefName {
  val MaxBytes: Int = 200
  private val Forbidden = " ~^:?*[\\@`'\"".toSet

  /** Why the name is not allowed, or None if it is. */
  def problem(name: String): Option[String] = {
    val parts = name.split("/", -1)
    if (name.isEmpty) Some("it is empty")
    else if (Paths.encode(name).length > MaxBytes)
      Some(s"it is longer than $MaxBytes bytes when percent-encoded")
    else if (name.exists(c => c < ' ' || c == 127)) Some("it holds a control character")
    else if (name.exists(Forbidden)) Some(s"it holds '${name.find(Forbidden).get}'")
    else if (parts.exists(_.isEmpty)) Some("a '/' stands at its start or end, or twice in a row")
    else if (parts.exists(_.startsWith("."))) Some("a part starts with '.'")
    else if (parts.exists(_.endsWith(".lock"))) Some("a part ends with '.lock'")
    else if (name.contains("..") || name.endsWith(".")) Some("it holds '..' or ends with '.'")
    else if (name.startsWith("-")) Some("it starts with '-'")
    else if (name.forall(c => c >= '0' && c <= '9')) Some("a number alone means a table version")
    else if (name.matches("[0-9a-f]{6}-[0-9]+(-[0-9a-f]*)?")) Some("it looks like a commit id")
    else None
  }

  def invalid(name: String, reason: String): AnabranchException =
    AnabranchException("ANABRANCH_REF.INVALID_NAME", "ref" -> name, "reason" -> reason)

  /** @throws AnabranchException
    *   ANABRANCH_REF.INVALID_NAME
    */
  def check(name: String): Unit = problem(name).foreach(reason => throw invalid(name, reason))
}
