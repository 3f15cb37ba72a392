package io.anabranch.core.format

import java.util.Arrays

/** Bounds of one column in one file.
  *
  * @param min
  *   a value that none in the file is below; None when unknown
  * @param max
  *   a value that none in the file is above; None when unknown, as when the file holds a NaN
  * @param nulls
  *   how many rows are NULL; None when unknown
  */
final case class ColumnStats(min: Option[Value], max: Option[Value], nulls: Option[Long])

object ColumnStats {

  /** Text and binary bounds are cut to this many code points or bytes. */
  val BoundLength: Int = 32

  val Unknown: ColumnStats = ColumnStats(None, None, None)

  /** Bounds that may be shorter than the values they come from, and are still bounds: a lower bound is
    * cut off, an upper one is cut and its last code point (or byte) raised; where none can be raised
    * there is no upper bound. NaN is not a bound.
    */
  def bounded(min: Option[Value], max: Option[Value], nulls: Option[Long]): ColumnStats =
    ColumnStats(min.flatMap(lower), max.flatMap(upper), nulls)

  private def lower(v: Value): Option[Value] = v match {
    case Value.Text(s) if s.codePointCount(0, s.length) > BoundLength =>
      Some(Value.Text(s.substring(0, s.offsetByCodePoints(0, BoundLength))))
    case Value.Bytes(b) if b.length > BoundLength => Some(Value.Bytes(Arrays.copyOf(b, BoundLength)))
    case Value.Floating(d) if d.isNaN => None
    case other => Some(other)
  }

  private def upper(v: Value): Option[Value] = v match {
    case Value.Text(s) if s.codePointCount(0, s.length) > BoundLength =>
      raised(s.codePoints().toArray.take(BoundLength)).map(Value.Text(_))
    case Value.Bytes(b) if b.length > BoundLength =>
      val cut = b.take(BoundLength)
      val i = cut.lastIndexWhere(_ != -1.toByte)
      Option.when(i >= 0)(Value.Bytes(cut.take(i) :+ (cut(i) + 1).toByte))
    case Value.Floating(d) if d.isNaN => None
    case other => Some(other)
  }

  private def raised(points: Array[Int]): Option[String] = {
    val i = points.lastIndexWhere(_ < Character.MAX_CODE_POINT)
    Option.when(i >= 0) {
      val next = points(i) + 1
      // the surrogates are no characters: step over them
      val valid = if (next >= 0xd800 && next <= 0xdfff) 0xe000 else next
      val kept = points.take(i) :+ valid
      new String(kept, 0, kept.length)
    }
  }

  def encode(s: ColumnStats): Json = Json.some(
    "min" -> s.min.map(Value.encode),
    "max" -> s.max.map(Value.encode),
    "nulls" -> s.nulls.map(Json.int64)
  )

  def decode(r: JsonReader): ColumnStats = ColumnStats(
    r.jsonOpt("min").flatMap(Value.decode),
    r.jsonOpt("max").flatMap(Value.decode),
    r.longOpt("nulls")
  )
}
