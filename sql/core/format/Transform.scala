package io.anabranch.core.format

import java.time.{Instant, LocalDate}
import java.time.temporal.ChronoUnit

/** How a partition value comes from a column's value; definitions as in Apache Iceberg's spec, so that a
  * table reads the same through either (https://iceberg.apache.org/spec/#partition-transforms).
  */
sealed trait Transform { def name: String }

object Transform {
  case object Identity extends Transform { val name = "identity" }
  case object Years extends Transform { val name = "years" }
  case object Months extends Transform { val name = "months" }
  case object Days extends Transform { val name = "days" }
  case object Hours extends Transform { val name = "hours" }
  final case class Bucket(count: Int) extends Transform { val name = "bucket" }
  final case class Truncate(width: Int) extends Transform { val name = "truncate" }

  def parse(name: String, parameter: Option[Int]): Option[Transform] = (name, parameter) match {
    case ("identity", None) => Some(Identity)
    case ("years", None) => Some(Years)
    case ("months", None) => Some(Months)
    case ("days", None) => Some(Days)
    case ("hours", None) => Some(Hours)
    case ("bucket", Some(n)) if n > 0 => Some(Bucket(n))
    case ("truncate", Some(n)) if n > 0 => Some(Truncate(n))
    case _ => None
  }

  def parameter(t: Transform): Option[Int] = t match {
    case Bucket(n) => Some(n)
    case Truncate(n) => Some(n)
    case _ => None
  }

  /** Whether the transform is defined for a column of this type. */
  def accepts(t: Transform, columnType: ColumnType): Boolean = {
    val name = columnType match {
      case ColumnType.Primitive(n) => n
      case _ => ""
    }
    val time = name == "timestamp" || name == "timestamp_ntz"
    t match {
      case Identity => Value.kindOf(columnType).isDefined
      case Years | Months | Days => time || name == "date"
      case Hours => time
      case Bucket(_) => Value.kindOf(columnType).exists(k => k != "floating" && k != "bool")
      case Truncate(_) =>
        Value.kindOf(columnType).exists(Set("whole", "text", "bytes", "decimal")) && !time && name != "date"
    }
  }

  /** The partition value of a column's value (which is not NULL; NULL goes to NULL).
    *
    * @param dateColumn
    *   whether a whole number counts days rather than microseconds
    */
  def apply(t: Transform, v: Value, dateColumn: Boolean): Value = (t, v) match {
    case (Identity, _) => v
    case (Years, Value.Whole(n)) => Value.Whole(day(n, dateColumn).getYear - 1970L)
    case (Months, Value.Whole(n)) =>
      val d = day(n, dateColumn)
      Value.Whole((d.getYear - 1970L) * 12 + d.getMonthValue - 1)
    case (Days, Value.Whole(n)) => Value.Whole(day(n, dateColumn).toEpochDay)
    case (Hours, Value.Whole(n)) => Value.Whole(Math.floorDiv(n, 3600L * 1000 * 1000))
    case (Bucket(count), _) => Value.Whole(((Murmur3.hash(v) & Int.MaxValue) % count).toLong)
    case (Truncate(w), Value.Whole(n)) => Value.Whole(n - Math.floorMod(n, w.toLong))
    case (Truncate(w), Value.Text(s)) =>
      Value.Text(if (s.codePointCount(0, s.length) <= w) s else s.substring(0, s.offsetByCodePoints(0, w)))
    case (Truncate(w), Value.Bytes(b)) => Value.Bytes(b.take(w))
    case (Truncate(w), Value.Decimal(d)) =>
      val u = d.unscaledValue
      val width = java.math.BigInteger.valueOf(w.toLong)
      Value.Decimal(new java.math.BigDecimal(u.subtract(u.mod(width)), d.scale))
    case _ => throw new IllegalArgumentException(s"${t.name} does not take $v")
  }

  private def day(n: Long, dateColumn: Boolean): LocalDate =
    if (dateColumn) LocalDate.ofEpochDay(n)
    else LocalDate.ofEpochDay(Math.floorDiv(n, ChronoUnit.DAYS.getDuration.toMillis * 1000))

  /** Readable form of a partition value, for file listings. */
  def display(t: Transform, v: Value): String = (t, v) match {
    case (Years, Value.Whole(n)) => (1970 + n).toString
    case (Months, Value.Whole(n)) => f"${1970 + Math.floorDiv(n, 12L)}%04d-${Math.floorMod(n, 12L) + 1}%02d"
    case (Days, Value.Whole(n)) => LocalDate.ofEpochDay(n).toString
    case (Hours, Value.Whole(n)) => Instant.ofEpochSecond(n * 3600).toString.take(13)
    case (_, other) =>
      Value.encode(other) match {
        case Json.Text(s) => s
        case Json.Integer(n) => n.toString
        case Json.Bool(b) => b.toString
        case _ => ""
      }
  }
}

/** One field of a table's partitioning: a transform of a column, named by its physical path. */
final case class PartitionField(column: String, transform: Transform) {

  /** The key of the field in a file's partition values. */
  def key: String = transform match {
    case Transform.Identity => column
    case t => s"${t.name}${Transform.parameter(t).fold("")(n => s"[$n]")}($column)"
  }
}

object PartitionField {
  def encode(f: PartitionField): Json = Json.some(
    "column" -> Some(Json.Text(f.column)),
    "transform" -> Some(Json.Text(f.transform.name)),
    "parameter" -> Transform.parameter(f.transform).map(n => Json.Integer(n.toLong))
  )

  def decode(r: JsonReader): PartitionField = PartitionField(
    r.text("column"),
    Transform
      .parse(r.text("transform"), r.intOpt("parameter"))
      .getOrElse(throw r.wrong("transform", "a known transform"))
  )
}
