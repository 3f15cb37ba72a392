package io.anabranch.core.format

import java.nio.charset.StandardCharsets.UTF_8
import java.util.{Arrays, Base64, HexFormat}

/** A value in statistics and partition values, in the order that Spark SQL compares it.
  *
  * NaN is the greatest floating-point value and -0.0 equals 0.0; strings compare by their UTF-8 bytes,
  * unsigned, as does binary.
  */
sealed trait Value

object Value {

  /** byte, short, integer, long; date in days and timestamps in microseconds since 1970. */
  final case class Whole(value: Long) extends Value
  final case class Floating(value: Double) extends Value {
    // as in Spark SQL: NaN is NaN, so that rows of one partition find each other
    override def equals(other: Any): Boolean = other match {
      case Floating(v) => v == value || v.isNaN && value.isNaN
      case _ => false
    }
    override def hashCode: Int = value.##
  }
  final case class Decimal(value: java.math.BigDecimal) extends Value
  final case class Text(value: String) extends Value
  final case class Bytes(value: Array[Byte]) extends Value {
    override def equals(other: Any): Boolean = other match {
      case Bytes(v) => Arrays.equals(v, value)
      case _ => false
    }
    override def hashCode: Int = Arrays.hashCode(value)
  }
  final case class Bool(value: Boolean) extends Value

  /** The kind of value that a type has, or None for a type without statistics (nested types, collated
    * strings, variants, intervals): their order is not the order of their bytes.
    */
  def kindOf(t: ColumnType): Option[String] = t match {
    case ColumnType.Primitive(name) =>
      name match {
        case "byte" | "short" | "integer" | "long" | "date" | "timestamp" | "timestamp_ntz" => Some("whole")
        case "float" | "double" => Some("floating")
        case "string" => Some("text")
        case "binary" => Some("bytes")
        case "boolean" => Some("bool")
        case n if n.startsWith("decimal(") => Some("decimal")
        case n if n.startsWith("char(") || n.startsWith("varchar(") => Some("text")
        case _ => None
      }
    case _ => None
  }

  /** Every value says itself what it is, so no schema is needed to read it: whole numbers are integers
    * (`"i…"` beyond 53 bits), booleans are booleans, and strings start with a letter for their kind.
    */
  def encode(value: Value): Json = value match {
    case Whole(n) if n >= -Json.MaxInteger && n <= Json.MaxInteger => Json.Integer(n)
    case Whole(n) => Json.Text(s"i$n")
    case Floating(d) => Json.Text("f" + bits(d))
    case Decimal(d) => Json.Text("d" + d.toPlainString)
    case Text(s) => Json.Text("s" + s)
    case Bytes(b) => Json.Text("b" + Base64.getEncoder.encodeToString(b))
    case Bool(b) => Json.Bool(b)
  }

  /** The value that [[encode]] wrote; None if it is none. */
  def decode(json: Json): Option[Value] = json match {
    case Json.Integer(n) => Some(Whole(n))
    case Json.Bool(b) => Some(Bool(b))
    case Json.Text(s) if s.nonEmpty =>
      val rest = s.substring(1)
      s.charAt(0) match {
        case 'i' => rest.toLongOption.map(Whole(_))
        case 'f' => Option.when(rest.matches("[0-9a-f]{16}"))(Floating(fromBits(rest)))
        case 'd' => scala.util.Try(new java.math.BigDecimal(rest)).toOption.map(Decimal(_))
        case 's' => Some(Text(rest))
        case 'b' => scala.util.Try(Base64.getDecoder.decode(rest)).toOption.map(Bytes(_))
        case _ => None
      }
    case _ => None
  }

  /** A double as the 16 hexadecimal digits of its IEEE 754 bits; every NaN is 7ff8000000000000. */
  def bits(d: Double): String = HexFormat.of().toHexDigits(java.lang.Double.doubleToLongBits(d))
  def fromBits(hex: String): Double = java.lang.Double.longBitsToDouble(HexFormat.fromHexDigitsToLong(hex))

  /** Compares two values of one kind.
    *
    * @return
    *   None if they are of different kinds
    */
  def compare(a: Value, b: Value): Option[Int] = (a, b) match {
    case (Whole(x), Whole(y)) => Some(java.lang.Long.compare(x, y))
    case (Floating(x), Floating(y)) => Some(if (x == y) 0 else java.lang.Double.compare(x, y))
    case (Decimal(x), Decimal(y)) => Some(x.compareTo(y))
    case (Text(x), Text(y)) => Some(Arrays.compareUnsigned(x.getBytes(UTF_8), y.getBytes(UTF_8)))
    case (Bytes(x), Bytes(y)) => Some(Arrays.compareUnsigned(x, y))
    case (Bool(x), Bool(y)) => Some(java.lang.Boolean.compare(x, y))
    case _ => None
  }
}
