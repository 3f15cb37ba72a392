package io.anabranch.spark.read

import io.anabranch.core.format.{Column, ColumnType, Lineage, Value}
import io.anabranch.core.operations.Predicate
import org.apache.spark.sql.catalyst.CatalystTypeConverters
import org.apache.spark.sql.catalyst.util.DateTimeUtils
import org.apache.spark.sql.connector.expressions.{Expression, Literal, NamedReference}
import org.apache.spark.sql.connector.expressions.filter.{
  AlwaysFalse,
  AlwaysTrue,
  And,
  Not,
  Or,
  Predicate => SparkPredicate
}
import org.apache.spark.sql.sources
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.types.UTF8String

/** A condition of Spark, for bounds of files ([[Predicate]]) and for row groups inside them (a source
  * filter on physical names; None where there is nothing to be gained).
  *
  * Both may let more rows through than the condition does, never fewer: Spark applies it again.
  */
final case class Translated(bounds: Predicate, rowGroups: Option[sources.Filter])

/** A column or field outside lists and maps, of a type whose order is the order of its bounds.
  *
  * @param inFiles
  *   whether every row's value stands in its file
  */
final private case class Leaf(path: String, sparkType: DataType, inFiles: Boolean = true) {

  /** A literal as a bound and as source filters want it; None if it is NULL or of another type. */
  def value(e: Expression): Option[(Value, Any)] = e match {
    case l: Literal[_] if l.value != null && comparable(l.dataType) =>
      Values.fromCatalyst(l.value, l.dataType).map(_ -> external(l.value, l.dataType))
    case _ => None
  }

  /** Never java.sql.Date or Timestamp: their calendar lacks ten days of October 1582, which become others. */
  private def external(value: Any, t: DataType): Any = (value, t) match {
    case (days: Int, DateType) => DateTimeUtils.daysToLocalDate(days)
    case (micros: Long, TimestampType) => DateTimeUtils.microsToInstant(micros)
    case _ => CatalystTypeConverters.convertToScala(value, t)
  }

  /** @param exact
    *   whether the filter lets all rows through that it should
    */
  def translated(bounds: Predicate, filter: sources.Filter, exact: Boolean = true): Translated =
    Translated(bounds, Option.when(exact && inFiles)(filter))

  /** CHAR and VARCHAR are compared as the text that is stored. */
  private def comparable(t: DataType): Boolean = (t, sparkType) match {
    case (a: StringType, b: StringType) => a.collationId == b.collationId
    case (a, b) => a == b
  }
}

/** Translation of conditions. Spark's own conversion to source filters drops a side of an OR that it
  * can't translate, and forgets collations; this one knows the columns.
  */
final class Predicates(columns: Seq[Column]) {

  /** Whether anything can be known of a column of the table. */
  def knows(column: String): Boolean = find(columns, Seq(column), Nil).isDefined

  def translate(p: SparkPredicate): Translated = p match {
    case a: And =>
      combine(a.left, a.right)(Predicate.And(_)) { (l, r) =>
        l.zip(r).map(sources.And.tupled).orElse(l).orElse(r)
      }
    case o: Or => combine(o.left, o.right)(Predicate.Or(_)) { (l, r) => l.zip(r).map(sources.Or.tupled) }
    case n: Not => negated(n.child)
    case _: AlwaysTrue => Translated(Predicate.And(Nil), None)
    case _: AlwaysFalse => Translated(Predicate.Or(Nil), None)
    case other => simple(other)
  }

  private def combine(left: SparkPredicate, right: SparkPredicate)(bounds: Seq[Predicate] => Predicate)(
      filters: (Option[sources.Filter], Option[sources.Filter]) => Option[sources.Filter]
  ): Translated = {
    val (l, r) = (translate(left), translate(right))
    Translated(bounds(Seq(l.bounds, r.bounds)), filters(l.rowGroups, r.rowGroups))
  }

  /** NOT of a comparison is the opposite comparison: both are NULL for NULL. */
  private def negated(p: SparkPredicate): Translated = p match {
    case a: And => translate(new Or(new Not(a.left), new Not(a.right)))
    case o: Or => translate(new And(new Not(o.left), new Not(o.right)))
    case n: Not => translate(n.child)
    case _ =>
      val opposite = p.name match {
        case "=" => Some("<>")
        case "<>" => Some("=")
        case "<" => Some(">=")
        case "<=" => Some(">")
        case ">" => Some("<=")
        case ">=" => Some("<")
        case "IS_NULL" => Some("IS_NOT_NULL")
        case "IS_NOT_NULL" => Some("IS_NULL")
        case _ => None
      }
      opposite.fold(Predicates.Anything)(name => simple(new SparkPredicate(name, p.children)))
  }

  private def simple(p: SparkPredicate): Translated = (p.name, p.children.toSeq) match {
    case ("IS_NULL", Seq(Field(c))) => c.translated(Predicate.IsNull(c.path), sources.IsNull(c.path))
    // a row group of NULLs alone is rare, and a filter costs the reader its straight way through the file
    case ("IS_NOT_NULL", Seq(Field(c))) => Translated(Predicate.IsNotNull(c.path), None)
    case ("IN", Field(c) +: values) =>
      val known = values.map(c.value)
      val found = known.flatten
      if (known.exists(_.isEmpty)) Predicates.Anything
      else
        c.translated(
          Predicate.In(c.path, found.map(_._1)),
          sources.In(c.path, found.map(_._2).toArray),
          exact = !found.exists(v => Predicates.isZero(v._1))
        )
    case ("STARTS_WITH", Seq(Field(c), l: Literal[_])) =>
      c.value(l) match {
        case Some((Value.Text(s), _)) =>
          c.translated(Predicate.StartsWith(c.path, s), sources.StringStartsWith(c.path, s))
        case _ => Predicates.Anything
      }
    case (op, Seq(Field(c), l: Literal[_])) => compared(op, c, l)
    case (op, Seq(l: Literal[_], Field(c))) =>
      Predicates.mirrored.get(op).fold(Predicates.Anything)(compared(_, c, l))
    case _ => Predicates.Anything
  }

  private def compared(op: String, c: Leaf, l: Literal[_]): Translated = c.value(l) match {
    case None => Predicates.Anything
    case Some((v, external)) =>
      def by(bounds: Predicate, filter: sources.Filter): Translated =
        c.translated(bounds, filter, exact = !Predicates.isZero(v))
      op match {
        case "=" | "<=>" => by(Predicate.Equal(c.path, v), sources.EqualTo(c.path, external))
        case "<" => by(Predicate.Less(c.path, v, orEqual = false), sources.LessThan(c.path, external))
        case "<=" => by(Predicate.Less(c.path, v, orEqual = true), sources.LessThanOrEqual(c.path, external))
        case ">" => by(Predicate.Greater(c.path, v, orEqual = false), sources.GreaterThan(c.path, external))
        case ">=" =>
          by(Predicate.Greater(c.path, v, orEqual = true), sources.GreaterThanOrEqual(c.path, external))
        case "<>" =>
          val sides =
            Seq(Predicate.Less(c.path, v, orEqual = false), Predicate.Greater(c.path, v, orEqual = false))
          Translated(Predicate.Or(sides), None)
        case _ => Predicates.Anything
      }
  }

  private object Field {
    def unapply(e: Expression): Option[Leaf] = e match {
      case r: NamedReference =>
        val path = r.fieldNames.toSeq
        find(columns, path, Nil).orElse(Predicates.lineage.find(l => path == Seq(l.path)))
      case _ => None
    }
  }

  private def find(in: Seq[Column], path: Seq[String], above: Seq[String]): Option[Leaf] =
    in.find(_.name.equalsIgnoreCase(path.head)).flatMap { c =>
      val here = above :+ c.physical
      (c.dataType, path.tail) match {
        case (ColumnType.Struct(fields), rest) if rest.nonEmpty => find(fields, rest, here)
        case (t, Seq()) if Value.kindOf(t).isDefined && here.forall(!_.contains('.')) =>
          Some(
            Leaf(here.mkString("."), io.anabranch.spark.schema.ColumnMapping.physical(Seq(c)).head.dataType)
          )
        case _ => None
      }
    }
}

object Predicates {
  private val Anything = Translated(Predicate.Anything, None)
  private val lineage = Lineage.Columns.map(Leaf(_, LongType, inFiles = false))

  /** 0.0 or -0.0. They are equal, but Parquet looks for one of them in dictionaries and does not find the other. */
  private def isZero(v: Value): Boolean = v match {
    case Value.Floating(d) => d == 0
    case _ => false
  }
  private val mirrored =
    Map("=" -> "=", "<=>" -> "<=>", "<>" -> "<>", "<" -> ">", "<=" -> ">=", ">" -> "<", ">=" -> "<=")
}

/** Values of Spark's rows as values of the format. */
object Values {

  /** @return
    *   None for NULL and for types that have no [[Value]]
    */
  def fromCatalyst(value: Any, t: DataType): Option[Value] = (value, t) match {
    case (null, _) => None
    case (b: Boolean, BooleanType) => Some(Value.Bool(b))
    case (n: Byte, ByteType) => Some(Value.Whole(n.toLong))
    case (n: Short, ShortType) => Some(Value.Whole(n.toLong))
    case (n: Int, IntegerType | DateType) => Some(Value.Whole(n.toLong))
    case (n: Long, LongType | TimestampType | TimestampNTZType) => Some(Value.Whole(n))
    case (f: Float, FloatType) => Some(Value.Floating(f.toDouble))
    case (d: Double, DoubleType) => Some(Value.Floating(d))
    case (d: Decimal, _: DecimalType) => Some(Value.Decimal(d.toJavaBigDecimal))
    case (b: Array[Byte], BinaryType) => Some(Value.Bytes(b))
    case (s: UTF8String, st: StringType) if st.collationId == StringType.collationId && s.isValid =>
      Some(Value.Text(s.toString))
    case _ => None
  }
}
