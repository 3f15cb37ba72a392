package io.anabranch.core.format

import java.nio.charset.StandardCharsets.UTF_8
import java.security.MessageDigest
import java.util.HexFormat

/** The number of a log: 24 bits, drawn at random and claimed by creating entry 0; main's first is 0. */
final case class Ordinal(value: Int) extends AnyVal {
  override def toString: String = HexFormat.of().toHexDigits(value.toLong, 6)
}

object Ordinal {
  val Main: Ordinal = Ordinal(0)
  val Limit: Int = 1 << 24

  def parse(text: String): Option[Ordinal] =
    Option.when(text.matches("[0-9a-f]{6}"))(Ordinal(Integer.parseInt(text, 16)))
}

/** The place of a commit: its log and its number in it. */
final case class Position(ordinal: Ordinal, seq: Long) {
  override def toString: String = s"$ordinal-$seq"

  /** The value of `_row_commit` for rows that this commit wrote: ordinal (24 bits), seq (39 bits). */
  def packed: Long = (ordinal.value.toLong << Position.SeqBits) | seq
}

object Position {
  val SeqBits: Int = 39
  val MaxSeq: Long = (1L << SeqBits) - 1

  def unpacked(value: Long): Position =
    Position(Ordinal((value >>> SeqBits).toInt), value & MaxSeq)

  private val Pattern = "([0-9a-f]{6})-(0|[1-9][0-9]{0,11})".r

  def parse(text: String): Option[Position] = text match {
    case Pattern(ordinal, seq) => Ordinal.parse(ordinal).map(Position(_, seq.toLong)).filter(_.seq <= MaxSeq)
    case _ => None
  }
}

/** A commit id, `<ordinal>-<seq>-<SHA-256>`: where to look, and what must be found there. */
final case class CommitId(position: Position, sha256: String) {
  override def toString: String = s"$position-$sha256"

  /** As long as people need it: 12 digits of the hash. */
  def short: String = s"$position-${sha256.take(12)}"
}

object CommitId {
  private val Pattern = "([0-9a-f]{6}-[0-9]{1,12})-([0-9a-f]{64})".r

  def parse(text: String): Option[CommitId] = text match {
    case Pattern(place, hash) => Position.parse(place).map(CommitId(_, hash))
    case _ => None
  }
}

/** SHA-256, in lower-case hexadecimal digits. */
object Sha256 {
  def hex(bytes: Array[Byte]): String =
    HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes))

  /** Digest of a salted part of a commit: SHA-256 of the salt's bytes and the canonical value. */
  def salted(saltHex: String, value: Json): String = {
    val digest = MessageDigest.getInstance("SHA-256")
    digest.update(HexFormat.of().parseHex(saltHex))
    HexFormat.of().formatHex(digest.digest(Json.canonical(value)))
  }
}

/** Where objects lie under the root. */
object Paths {
  private val Home = "_anabranch"
  private val MaxName = 999999999999L

  val Repository: String = s"$Home/repository.json"
  val Branches: String = s"$Home/refs/branches"
  val Tags: String = s"$Home/refs/tags"
  val Probes: String = s"$Home/probes"
  val Logs: String = s"$Home/log"
  val Merges: String = s"$Home/merges"
  val DeletionVectors: String = s"$Home/dv"
  val Data: String = "data"

  /** What was deleted, by whom and when. */
  val Vacuums: String = s"$Home/vacuums"

  /** Numbered objects sort newest first: the name is the complement of the number. */
  def numbered(folder: String, number: Long): String = f"$folder/${MaxName - number}%012d.json"

  /** The number of an object named by [[numbered]]; None for any other object. */
  def numberOf(path: String): Option[Long] = {
    val name = path.substring(path.lastIndexOf('/') + 1)
    Option.when(name.matches("[0-9]{12}\\.json"))(MaxName - name.take(12).toLong)
  }

  def log(ordinal: Ordinal): String = s"$Logs/$ordinal"
  def logObject(at: Position): String = numbered(log(at.ordinal), at.seq)
  def checkpoints(ordinal: Ordinal): String = s"$Home/checkpoints/$ordinal"
  def checkpoint(at: Position): String = numbered(checkpoints(at.ordinal), at.seq)
  def manifest(id: String): String = s"$Home/manifests/$id.parquet"

  /** A list of files that a checkpoint names. */
  def checkpointFiles(id: String): String = s"$Home/checkpoints/files/$id.parquet"
  def deletionVector(id: String): String = s"$DeletionVectors/$id.bin"
  def tableData(tableId: String): String = s"$Data/$tableId"
  def dataFile(tableId: String, fileId: String): String = s"${tableData(tableId)}/$fileId"

  def branch(name: String): String = s"$Branches/${encode(name)}"
  def tag(name: String): String = s"$Tags/${encode(name)}"

  /** The unfinished merge into a branch. */
  def merge(branch: String): String = s"$Merges/${encode(branch)}"

  /** Percent-encoding of a ref name as one part of a path: all but letters, digits, `-`, `_`, and `.`
    * inside the name.
    */
  def encode(name: String): String = {
    val out = new StringBuilder
    name.getBytes(UTF_8).zipWithIndex.foreach { case (b, i) =>
      val c = (b & 0xff).toChar
      val plain = (c < 128 && Character.isLetterOrDigit(c)) || c == '-' || c == '_' || (c == '.' && i > 0)
      if (plain) out.append(c) else out.append(f"%%${c.toInt}%02X")
    }
    out.toString
  }

  def decode(encoded: String): String = {
    val out = new java.io.ByteArrayOutputStream
    var i = 0
    while (i < encoded.length) {
      if (encoded.charAt(i) == '%' && i + 2 < encoded.length) {
        out.write(Integer.parseInt(encoded.substring(i + 1, i + 3), 16))
        i += 3
      } else {
        out.write(encoded.charAt(i).toInt)
        i += 1
      }
    }
    new String(out.toByteArray, UTF_8)
  }
}
