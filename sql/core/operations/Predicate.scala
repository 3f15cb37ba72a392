package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.log.{Bounds, FileBounds}

/** A condition on columns, as far as it can be decided from bounds. Columns are physical paths. */
sealed trait Predicate

object Predicate {
  final case class And(parts: Seq[Predicate]) extends Predicate
  final case class Or(parts: Seq[Predicate]) extends Predicate
  final case class Equal(column: String, value: Value) extends Predicate
  final case class Less(column: String, value: Value, orEqual: Boolean) extends Predicate
  final case class Greater(column: String, value: Value, orEqual: Boolean) extends Predicate
  final case class In(column: String, values: Seq[Value]) extends Predicate
  final case class IsNull(column: String) extends Predicate
  final case class IsNotNull(column: String) extends Predicate
  final case class StartsWith(column: String, prefix: String) extends Predicate

  /** Something that bounds say nothing about. */
  case object Anything extends Predicate
}

/** Leaves out files that can't hold a row for which a condition is true.
  *
  * A row for which the condition is NULL is not wanted either. Whatever is not known counts as
  * possible.
  */
object Pruning {

  /** Whether the file may hold a row for which the predicate is true. */
  def mayMatch(p: Predicate, file: DataFile, partitioning: Seq[PartitionField]): Boolean =
    prune(p, new FileBounds(Vector(file)), partitioning).nonEmpty

  /** Files that may hold a row for which the predicate is true, each with its place among the files. */
  def prune(p: Predicate, among: FileBounds, partitioning: Seq[PartitionField]): Seq[(Int, DataFile)] = {
    val keys = partitioning.collect { case PartitionField(c, Transform.Identity) => c }.toSet
    val test = may(p, c => among.of(c, keys(c)))
    among.files.indices.iterator.filter(test).map(i => i -> among.files(i)).toVector
  }

  /** A test of the file at a place. */
  private def may(p: Predicate, bounds: String => IndexedSeq[Bounds]): Int => Boolean = {
    def one(column: String)(test: Bounds => Boolean): Int => Boolean = {
      val all = bounds(column)
      i => test(all(i))
    }
    p match {
      case Predicate.And(parts) =>
        val tests = parts.map(may(_, bounds))
        i => tests.forall(_(i))
      case Predicate.Or(parts) =>
        val tests = parts.map(may(_, bounds))
        i => tests.exists(_(i))
      case Predicate.Equal(c, v) => one(c)(mayEqual(_, v))
      case Predicate.In(c, vs) => one(c)(mayBeOneOf(vs))
      case Predicate.Less(c, v, orEqual) =>
        one(c)(b =>
          !b.allNull && b.min.flatMap(Value.compare(_, v)).forall(x => if (orEqual) x <= 0 else x < 0)
        )
      case Predicate.Greater(c, v, orEqual) =>
        one(c)(b =>
          !b.allNull && b.max.flatMap(Value.compare(_, v)).forall(x => if (orEqual) x >= 0 else x > 0)
        )
      case Predicate.IsNull(c) => one(c)(_.mayBeNull)
      case Predicate.IsNotNull(c) => one(c)(!_.allNull)
      case Predicate.StartsWith(c, prefix) => one(c)(b => !b.allNull && startsIn(b, prefix))
      case Predicate.Anything => _ => true
    }
  }

  /** Whether the predicate is certainly true for every row of the file. */
  def mustMatch(p: Predicate, file: DataFile, partitioning: Seq[PartitionField]): Boolean = {
    val keys = partitioning.collect { case PartitionField(c, Transform.Identity) => c }.toSet
    def bounds(column: String): Bounds = Bounds.of(file, column, keys(column))
    def all(column: String)(test: Bounds => Boolean): Boolean = {
      val b = bounds(column)
      !b.mayBeNull && test(b)
    }
    def compared(bound: Option[Value], v: Value)(test: Int => Boolean): Boolean =
      bound.flatMap(Value.compare(_, v)).exists(test)
    p match {
      case Predicate.And(parts) => parts.forall(mustMatch(_, file, partitioning))
      case Predicate.Or(parts) => parts.exists(mustMatch(_, file, partitioning))
      case Predicate.Equal(c, v) => all(c)(b => compared(b.min, v)(_ == 0) && compared(b.max, v)(_ == 0))
      case Predicate.In(c, vs) => vs.exists(v => mustMatch(Predicate.Equal(c, v), file, partitioning))
      case Predicate.Less(c, v, orEqual) =>
        all(c)(b => compared(b.max, v)(x => if (orEqual) x <= 0 else x < 0))
      case Predicate.Greater(c, v, orEqual) =>
        all(c)(b => compared(b.min, v)(x => if (orEqual) x >= 0 else x > 0))
      case Predicate.IsNull(c) => bounds(c).allNull
      case Predicate.IsNotNull(c) => !bounds(c).mayBeNull
      case Predicate.StartsWith(c, prefix) =>
        def starts(v: Option[Value]) = v.exists {
          case Value.Text(s) => s.startsWith(prefix)
          case _ => false
        }
        all(c)(b => starts(b.min) && starts(b.max))
      case Predicate.Anything => false
    }
  }

  /** Whether some value lies between the bounds; there may be many of both values and files. */
  private def mayBeOneOf(values: Seq[Value]): Bounds => Boolean = {
    val sorted = values.toArray.sortWith((x, y) => Value.compare(x, y).exists(_ < 0))
    val alike = values.forall(v => Value.compare(v, values.head).isDefined)
    b => {
      def notBelow(min: Value): Int = {
        var (low, high) = (0, sorted.length)
        while (low < high) {
          val middle = (low + high) >>> 1
          if (Value.compare(sorted(middle), min).exists(_ < 0)) low = middle + 1 else high = middle
        }
        low
      }
      b.min match {
        case Some(min) if alike && values.nonEmpty && Value.compare(min, values.head).isDefined =>
          val first = notBelow(min)
          !b.allNull && first < sorted.length && mayEqual(b, sorted(first))
        case _ => values.exists(mayEqual(b, _))
      }
    }
  }

  private def mayEqual(b: Bounds, v: Value): Boolean =
    !b.allNull && b.min.flatMap(Value.compare(_, v)).forall(_ <= 0) && b.max
      .flatMap(Value.compare(_, v))
      .forall(_ >= 0)

  /** Bounds cut to the prefix's length tell whether a value between them may start with it. */
  private def startsIn(b: Bounds, prefix: String): Boolean = {
    val n = prefix.codePointCount(0, prefix.length)
    def cut(v: Value): Option[Value] = v match {
      case Value.Text(s) if s.codePointCount(0, s.length) > n =>
        Some(Value.Text(s.substring(0, s.offsetByCodePoints(0, n))))
      case t: Value.Text => Some(t)
      case _ => None
    }
    val wanted = Value.Text(prefix)
    b.min.flatMap(cut).flatMap(Value.compare(_, wanted)).forall(_ <= 0) &&
    b.max.flatMap(cut).flatMap(Value.compare(_, wanted)).forall(_ >= 0)
  }
}

/** Decides a condition on identity partition columns alone, for all rows of a file at once. */
object PartitionMatch {

  /** Whether the condition is true for the file's rows; None if it is not about identity partition
    * columns only, or compares values of different kinds.
    */
  def decide(p: Predicate, file: DataFile, partitioning: Seq[PartitionField]): Option[Boolean] = {
    val keys = partitioning.collect { case PartitionField(c, Transform.Identity) => c }.toSet
    def known(column: String)(test: Value => Option[Boolean]): Option[Boolean] =
      if (keys(column)) file.partition.get(column).fold(Option(false))(test) else None
    def compared(column: String, value: Value)(test: Int => Boolean): Option[Boolean] =
      known(column)(Value.compare(_, value).map(test))
    p match {
      case Predicate.And(parts) => all(parts.map(decide(_, file, partitioning))).map(_.forall(identity))
      case Predicate.Or(parts) => all(parts.map(decide(_, file, partitioning))).map(_.exists(identity))
      case Predicate.Equal(c, v) => compared(c, v)(_ == 0)
      case Predicate.In(c, vs) => all(vs.map(v => compared(c, v)(_ == 0))).map(_.exists(identity))
      case Predicate.Less(c, v, orEqual) => compared(c, v)(x => if (orEqual) x <= 0 else x < 0)
      case Predicate.Greater(c, v, orEqual) => compared(c, v)(x => if (orEqual) x >= 0 else x > 0)
      case Predicate.IsNull(c) => Option.when(keys(c))(!file.partition.contains(c))
      case Predicate.IsNotNull(c) => Option.when(keys(c))(file.partition.contains(c))
      case Predicate.StartsWith(c, prefix) =>
        known(c) {
          case Value.Text(s) => Some(s.startsWith(prefix))
          case _ => None
        }
      case Predicate.Anything => None
    }
  }

  private def all(parts: Seq[Option[Boolean]]): Option[Seq[Boolean]] =
    Option.when(parts.forall(_.isDefined))(parts.flatten)
}
