package io.anabranch.spark.parser

import io.anabranch.core.AnabranchException
import org.antlr.v4.runtime.{CharStreams, Token}
import org.apache.spark.sql.catalyst.analysis.{NamedParameter, PosParameter}
import org.apache.spark.sql.catalyst.expressions.{Expression, Literal}
import org.apache.spark.sql.catalyst.parser.{
  HybridParameterContext,
  NamedParameterContext,
  ParameterContext,
  PositionalParameterContext,
  SqlBaseLexer
}
import org.apache.spark.sql.catalyst.trees.Origin
import org.apache.spark.sql.catalyst.util.SparkParserUtils
import org.apache.spark.sql.types.{IntegerType, LongType, StringType}

import scala.jdk.CollectionConverters._

/** A token of Spark's lexer, with its place in the statement.
  *
  * @param kind
  *   its symbolic name in the lexer's vocabulary
  * @param start
  *   index of its first character; `end` of the one after its last
  */
final case class Word(text: String, kind: String, start: Int, end: Int, line: Int, column: Int) {
  def is(keyword: String): Boolean = text.equalsIgnoreCase(keyword)
}

/** Reads a statement word by word.
  *
  * @param usage
  *   how the statement reads, for errors
  */
final class Tokens(
    val sql: String,
    words: IndexedSeq[Word],
    parameters: Option[ParameterContext],
    var usage: String = ""
) {
  private var at = 0
  private var positional = 0

  def peek(ahead: Int = 0): Option[Word] = words.lift(at + ahead)

  /** All words, and a reader of some of them alone. */
  def all: IndexedSeq[Word] = words
  def slice(from: Int, until: Int): Tokens = new Tokens(sql, words.slice(from, until), parameters, usage)
  def ended: Boolean = at >= words.size

  /** Goes on if the next words are these keywords. */
  def accept(keywords: String*): Boolean = {
    val found = keywords.zipWithIndex.forall { case (k, i) => peek(i).exists(_.is(k)) }
    if (found) at += keywords.size
    found
  }

  def expect(keywords: String*): Unit = keywords.foreach(k => if (!accept(k)) fail(s"expected $k"))

  def acceptOne(keywords: String*): Option[String] = keywords.find(accept(_))

  /** The end of the statement, or an error at what is left. */
  def end(): Unit = if (!ended) fail("this is not expected here")

  /** A name or string: a back-quoted identifier, a string literal, a parameter, or all that stands
    * together without white space (`feature/a-b`, `main~2`).
    */
  def name(what: String): String = peek() match {
    case None => fail(s"expected $what")
    case Some(w) if w.kind == "BACKQUOTED_IDENTIFIER" =>
      at += 1; w.text.drop(1).dropRight(1).replace("``", "`")
    case Some(w) if Tokens.isString(w) => string(what)
    case Some(w) if w.text == ":" || w.text == "?" => string(what)
    case Some(w) if Tokens.isWordLike(w) => glued()
    case _ => fail(s"expected $what")
  }

  private def glued(): String = {
    val start = words(at).start
    var end = words(at).end
    at += 1
    while (peek().exists(w => w.start == end && !Tokens.Separators(w.text))) {
      end = words(at).end
      at += 1
    }
    // the rest would be a comment, and the name another one than it seems
    if (sql.startsWith("--", end) || sql.startsWith("/*", end))
      fail("a name with this in it must stand in back-quotes,", back = 1)
    sql.substring(start, end)
  }

  /** A string literal or a parameter that is one. */
  def string(what: String): String = parameter() match {
    case Some(Literal(value, _: StringType)) if value != null => value.toString
    case Some(_) => fail(s"expected $what, a string", back = 1)
    case None =>
      peek() match {
        case Some(w) if Tokens.isString(w) => at += 1; SparkParserUtils.unescapeSQLString(w.text)
        case _ => fail(s"expected $what, a string")
      }
  }

  /** A whole number from 0 up, or a parameter that is one. */
  def number(what: String): Int = parameter() match {
    case Some(Literal(n: Int, IntegerType)) if n >= 0 => n
    case Some(Literal(n: Long, LongType)) if n >= 0 && n <= Int.MaxValue => n.toInt
    case Some(_) => fail(s"expected $what, a whole number", back = 1)
    case None =>
      val n = peek().filter(_.kind == "INTEGER_VALUE").flatMap(_.text.toIntOption)
      n.fold(fail(s"expected $what, a whole number"): Int) { value => at += 1; value }
  }

  /** A table version or a ref. */
  def version(): String = parameter() match {
    case Some(Literal(n @ (_: Int | _: Long), _)) => n.toString
    case Some(Literal(s, _: StringType)) if s != null => s.toString
    case Some(_) => fail("expected a version or ref", back = 1)
    case None if peek().exists(_.kind == "INTEGER_VALUE") => number("a version").toString
    case None => name("a version or ref")
  }

  /** A name of several parts joined by dots. */
  def multipart(what: String): Seq[String] = {
    def part(): String = peek() match {
      case Some(w) if w.kind == "BACKQUOTED_IDENTIFIER" =>
        at += 1; w.text.drop(1).dropRight(1).replace("``", "`")
      case Some(w) if Tokens.isWordLike(w) && w.kind != "INTEGER_VALUE" => at += 1; w.text
      case _ => fail(s"expected $what")
    }
    val parts = Seq.newBuilder[String] += part()
    while (accept(".")) parts += part()
    parts.result()
  }

  /** The value of a parameter marker, if the next word is one. */
  def parameter(): Option[Expression] = peek().map(_.text) match {
    case Some("?") =>
      at += 1
      Some(nextPositional())
    case Some(":") if peek(1).exists(Tokens.isWordLike) =>
      val key = peek(1).get.text
      at += 2
      Some(named(key))
    case _ => None
  }

  /** An expression that was just read, with the values of its parameters. */
  def bound(e: Expression): Expression = {
    val markers = e.collect { case PosParameter(pos) => pos }.distinct.sorted
    val values = markers.map(_ -> nextPositional()).toMap
    e.transform {
      case PosParameter(pos) => values(pos)
      case NamedParameter(key) => named(key)
    }
  }

  private def nextPositional(): Expression = {
    positional += 1
    val values = parameters.collect {
      case PositionalParameterContext(v) => v
      case HybridParameterContext(v, _) => v
    }
    values
      .flatMap(_.lift(positional - 1))
      .getOrElse(fail("there is no value for this parameter", back = 1))
  }

  private def named(key: String): Expression = {
    val values = parameters.collect {
      case NamedParameterContext(v) => v
      case HybridParameterContext(v, names) => names.zip(v).toMap
    }
    values.flatMap(_.get(key)).getOrElse(fail(s"there is no value for the parameter $key", back = 1))
  }

  /** What the source text up to a keyword at this level, or the end, is parsed to; an error points at its start. */
  def textUntil[T](keyword: String, what: String)(parse: String => Option[T]): T = {
    val first = peek().getOrElse(fail(s"expected $what"))
    val from = at
    while (!ended && !(peek().exists(_.is(keyword)) && at > from)) at += 1
    parse(sql.substring(first.start, words(at - 1).end)).getOrElse(fail(s"expected $what", back = at - from))
  }

  /** The source text up to the end, and where it starts. */
  def rest(what: String): (String, Int) = {
    val first = peek().getOrElse(fail(s"expected $what"))
    at = words.size
    (sql.substring(first.start, words.last.end), first.start)
  }

  /** A syntax error that points at the next word, or at one before it. */
  def fail(reason: String, back: Int = 0): Nothing = {
    val near = words.lift(at - back).fold("at the end of the statement")(w => s"near '${w.text}'")
    refuse(AnabranchException("ANABRANCH_SQL.SYNTAX", "reason" -> s"$reason $near", "usage" -> usage), back)
  }

  /** An error that points at the next word, or at one before it. */
  def refuse(error: AnabranchException, back: Int): Nothing = {
    val (line, column) = words.lift(at - back).map(w => (w.line, w.column)).getOrElse(Tokens.endOf(sql))
    throw new AnabranchParseException(sql, Origin(line = Some(line), startPosition = Some(column)), error)
  }
}

object Tokens {
  private val Separators = Set(",", "(", ")", ";", "=")

  private def isString(w: Word): Boolean = w.kind == "STRING_LITERAL" || w.kind == "DOUBLEQUOTED_STRING"

  private def isWordLike(w: Word): Boolean =
    w.text.headOption.exists(c => Character.isLetterOrDigit(c) || c == '_')

  /** Splits a statement into words; comments and a semicolon at the end are left out. */
  def of(sql: String, parameters: Option[ParameterContext]): Tokens = {
    // Spark's lexer knows keywords in upper case only; each character stays in its place
    val upper = sql.map(c => Character.toUpperCase(c))
    val lexer = new SqlBaseLexer(CharStreams.fromString(upper))
    lexer.removeErrorListeners()
    val words = lexer.getAllTokens.asScala
      .filter(_.getChannel == Token.DEFAULT_CHANNEL)
      .map { t =>
        val start = sql.offsetByCodePoints(0, t.getStartIndex)
        val end = sql.offsetByCodePoints(start, t.getStopIndex - t.getStartIndex + 1)
        val kind = Option(lexer.getVocabulary.getSymbolicName(t.getType)).getOrElse("")
        Word(sql.substring(start, end), kind, start, end, t.getLine, t.getCharPositionInLine)
      }
      .toIndexedSeq
    new Tokens(sql, words.reverse.dropWhile(_.text == ";").reverse, parameters)
  }

  private def endOf(sql: String): (Int, Int) = {
    val lines = sql.stripTrailing().split("\n", -1)
    (lines.length, lines.last.length)
  }
}
