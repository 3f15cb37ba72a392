package io.anabranch.core.format

import com.fasterxml.jackson.core.{JsonFactoryBuilder, JsonParser, JsonToken, StreamReadFeature}
import io.anabranch.core.AnabranchException

import java.io.IOException
import java.nio.ByteBuffer
import java.nio.charset.StandardCharsets.UTF_8
import java.util.Locale
import scala.collection.immutable.VectorMap

/** A JSON value of the format: no floating point, integers within ±(2^53 - 1).
  *
  * There is one byte sequence for each value ([[Json.canonical]]), so that two implementations give
  * a commit the same id.
  */
sealed trait Json

object Json {
  case object Null extends Json
  final case class Bool(value: Boolean) extends Json
  final case class Integer(value: Long) extends Json
  final case class Text(value: String) extends Json
  final case class Arr(items: Seq[Json]) extends Json
  final case class Obj(members: Map[String, Json]) extends Json {
    def get(name: String): Option[Json] = members.get(name).filter(_ != Null)
  }

  val MaxInteger: Long = (1L << 53) - 1
  private val MaxDepth = 200

  def obj(members: (String, Json)*): Obj = Obj(VectorMap.from(members))

  /** An object without the members that are None. */
  def some(members: (String, Option[Json])*): Obj =
    Obj(VectorMap.from(members.collect { case (name, Some(value)) => name -> value }))

  /** An integer, as a string where it does not fit in 53 bits. */
  def int64(value: Long): Json =
    if (value >= -MaxInteger && value <= MaxInteger) Integer(value) else Text(value.toString)

  def texts(values: Iterable[String]): Arr = Arr(values.map(Text(_)).toVector)
  def textMap(values: Map[String, String]): Obj = Obj(values.map { case (k, v) => k -> Text(v) })

  /** The one byte sequence of a value: RFC 8785 restricted to what [[Json]] can hold. Member names are
    * sorted by UTF-16 code units.
    */
  def canonical(value: Json): Array[Byte] = {
    val out = new java.lang.StringBuilder
    write(value, out)
    out.toString.getBytes(UTF_8)
  }

  private def write(value: Json, out: java.lang.StringBuilder): Unit = value match {
    case Null => out.append("null")
    case Bool(b) => out.append(b)
    case Integer(n) =>
      require(n >= -MaxInteger && n <= MaxInteger, s"$n needs more than 53 bits")
      out.append(n)
    case Text(s) => writeString(s, out)
    case Arr(items) =>
      out.append('[')
      var first = true
      items.foreach { item =>
        if (!first) out.append(',')
        first = false
        write(item, out)
      }
      out.append(']')
    case Obj(members) =>
      out.append('{')
      var first = true
      members.keys.toArray.sorted.foreach { name =>
        if (!first) out.append(',')
        first = false
        writeString(name, out)
        out.append(':')
        write(members(name), out)
      }
      out.append('}')
  }

  private def writeString(s: String, out: java.lang.StringBuilder): Unit = {
    out.append('"')
    var i = 0
    while (i < s.length) {
      val c = s.charAt(i)
      c match {
        case '"' => out.append("\\\"")
        case '\\' => out.append("\\\\")
        case '\b' => out.append("\\b")
        case '\t' => out.append("\\t")
        case '\n' => out.append("\\n")
        case '\f' => out.append("\\f")
        case '\r' => out.append("\\r")
        case _ if c < ' ' => out.append("\\u%04x".formatLocal(Locale.ROOT, c.toInt))
        case _ if Character.isSurrogate(c) =>
          val paired =
            Character.isHighSurrogate(c) && i + 1 < s.length && Character.isLowSurrogate(s.charAt(i + 1))
          require(paired, "a string with half a surrogate pair is not Unicode text")
          out.append(c).append(s.charAt(i + 1))
          i += 1
        case _ => out.append(c)
      }
      i += 1
    }
    out.append('"')
  }

  private val factory = new JsonFactoryBuilder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build()

  /** Reads one JSON value and nothing after it.
    *
    * @param origin
    *   the object's path, for the error
    * @throws AnabranchException
    *   ANABRANCH_LOG.CORRUPT_OBJECT for anything that is not a value of the format
    */
  def parse(bytes: Array[Byte], origin: String): Json = {
    def corrupt(reason: String) =
      AnabranchException("ANABRANCH_LOG.CORRUPT_OBJECT", "path" -> origin, "reason" -> reason)
    try {
      // strictly UTF-8: left to itself, the parser also guesses other encodings and takes broken ones
      val parser = factory.createParser(UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString)
      try {
        if (parser.nextToken() == null) throw corrupt("it is empty")
        val value = readValue(parser, 0, corrupt)
        if (parser.nextToken() != null) throw corrupt("there is more after the end of the JSON value")
        value
      } finally parser.close()
    } catch {
      case e: IOException =>
        throw corrupt(
          s"it is not JSON (${String.valueOf(e.getMessage).linesIterator.nextOption().getOrElse("")})"
        )
    }
  }

  /** The text, if it has no half of a surrogate pair: an escape can spell one. */
  private def whole(text: String, corrupt: String => Throwable): String =
    if (text.exists(Character.isSurrogate) && !UTF_8.newEncoder().canEncode(text))
      throw corrupt("it holds a string with half a surrogate pair")
    else text

  private def readValue(p: JsonParser, depth: Int, corrupt: String => Throwable): Json = {
    if (depth > MaxDepth) throw corrupt(s"it is nested deeper than $MaxDepth")
    p.currentToken match {
      case JsonToken.VALUE_NULL => Null
      case JsonToken.VALUE_TRUE => Bool(true)
      case JsonToken.VALUE_FALSE => Bool(false)
      case JsonToken.VALUE_STRING => Text(whole(p.getText, corrupt))
      case JsonToken.VALUE_NUMBER_INT =>
        val n = p.getBigIntegerValue
        if (BigInt(n).abs > MaxInteger) throw corrupt(s"the integer $n needs more than 53 bits")
        Integer(n.longValue)
      case JsonToken.START_ARRAY =>
        val items = Vector.newBuilder[Json]
        while (p.nextToken() != JsonToken.END_ARRAY) items += readValue(p, depth + 1, corrupt)
        Arr(items.result())
      case JsonToken.START_OBJECT =>
        val members = Map.newBuilder[String, Json]
        while (p.nextToken() != JsonToken.END_OBJECT) {
          val name = whole(p.currentName(), corrupt)
          p.nextToken()
          members += name -> readValue(p, depth + 1, corrupt)
        }
        Obj(members.result())
      case JsonToken.VALUE_NUMBER_FLOAT => throw corrupt("it holds a number that is not an integer")
      case other => throw corrupt(s"unexpected $other")
    }
  }
}
