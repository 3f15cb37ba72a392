package io.anabranch.core.operations.merge

import io.anabranch.core.format._

import java.util.Locale

/** Three-way merge of the columns of a table, by physical name.
  *
  * @param dropped
  *   physical paths that a side has dropped since the base
  */
final private class ColumnsMerge(conflicts: MetadataConflicts, dropped: Set[String]) {
  import ColumnsMerge._

  def merge(columns: Versions[Seq[Column]]): Seq[Column] = level(Place(Nil, Nil), columns)

  /** The columns of a table, or fields of a struct.
    *
    * @param in
    *   the struct
    */
  private def level(in: Place, columns: Versions[Seq[Column]]): Seq[Column] = {
    val byName = columns.map(_.map(c => identity(c) -> c).toMap)
    uniqueNames(inOrder(in, columns).flatMap(name => column(in, byName.map(_.get(name)))))
  }

  private def identity(c: Column): String = c.physical.toLowerCase(Locale.ROOT)

  /** The order of the side that changed it. */
  private def inOrder(in: Place, columns: Versions[Seq[Column]]): Seq[String] = {
    val names = columns.map(_.map(identity))
    val common = (names.base.toSeq :+ names.ours :+ names.theirs).reduce(_ intersect _).toSet
    val order = columns.map(_.filter(c => common(identity(c))))
    val first = order.map(_.map(identity)).picked.getOrElse {
      conflicts
        .decided(in.shown, "both sides changed the order of its columns", order)(cs =>
          Some(cs.map(_.name).mkString(", "))
        )
        .map(identity)
    }
    val oursLead = first == order.ours.map(identity)
    if (oursLead) ThreeWay.interleaved(names.ours, names.theirs)
    else ThreeWay.interleaved(names.theirs, names.ours)
  }

  private def column(in: Place, of: Versions[Option[Column]]): Option[Column] =
    of.ours.orElse(of.theirs).orElse(of.base.flatten).flatMap { known =>
      val at = in / known
      (of.ours, of.theirs) match {
        case (o, t) if o == t => o
        case (o, t) if of.base.flatten.isEmpty && (o.isEmpty || t.isEmpty) && dropped(at.path) =>
          addedAndDropped(at, of)
        // a field that one side added, and the other added and dropped, is in a column that only one changed
        case (Some(o), Some(t)) if droppedWithin(at) || of.picked.isEmpty =>
          Some(changed(at, Versions(of.base.flatten, o, t)))
        case _ =>
          conflicts.settled(at.shown, "one side dropped it, the other changed it", of)(_.map(show))
      }
    }

  /** Files of the other side hold what was dropped, so that it can go, and not stay. */
  private def addedAndDropped(at: Place, of: Versions[Option[Column]]): Option[Column] =
    conflicts.chosen(at.shown, of) match {
      case Some(None) => None
      case _ =>
        conflicts.leftOpen(at.shown, "one side added it, the other added and dropped it", of)(_.map(show))
    }

  private def droppedWithin(at: Place): Boolean = dropped.exists(_.startsWith(s"${at.path}."))

  private def changed(at: Place, of: Versions[Column]): Column = {
    def part[T](what: String, ofColumn: Column => T)(show: T => String): T =
      conflicts.settled(at.shown, s"both sides changed its $what", of.map(ofColumn))(v => Some(show(v)))
    Column(
      part("name", _.name)(name => name),
      of.ours.physical,
      dataType(at, at, of.map(_.dataType)),
      part("nullability", _.nullable)(nullable => if (nullable) "NULL" else "NOT NULL"),
      conflicts.settledTexts(at.shown, "its", of.map(_.attributes))
    )
  }

  /** @param column
    *   what conflicts are about
    * @param at
    *   the column, or the part of it that has the type
    */
  private def dataType(column: Place, at: Place, of: Versions[ColumnType]): ColumnType =
    (of.ours, of.theirs) match {
      case _ if of.picked.isDefined && !droppedWithin(at) => of.picked.get
      case (ColumnType.Struct(o), ColumnType.Struct(t)) =>
        val b = of.base.collect { case ColumnType.Struct(fields) => fields }.getOrElse(Nil)
        ColumnType.Struct(level(at, Versions(Some(b), o, t)))
      case (ColumnType.Arr(o, on), ColumnType.Arr(t, tn)) =>
        val b = of.base.collect { case ColumnType.Arr(element, _) => element }
        ColumnType.Arr(dataType(column, at / "element", Versions(b, o, t)), on || tn)
      case (ColumnType.Mapping(ok, ov, on), ColumnType.Mapping(tk, tv, tn)) if ok == tk =>
        val b = of.base.collect { case ColumnType.Mapping(_, value, _) => value }
        ColumnType.Mapping(ok, dataType(column, at / "value", Versions(b, ov, tv)), on || tn)
      case (o, t) => of.picked.orElse(widened(of.base, o, t)).getOrElse(differ(column, of))
    }

  /** What holds the values of both sides, if both only widened the type. */
  private def widened(base: Option[ColumnType], ours: ColumnType, theirs: ColumnType): Option[ColumnType] = {
    def ofBase(t: ColumnType) = base.exists(ColumnType.wider(_, t).contains(t))
    Option.when(ofBase(ours) && ofBase(theirs))(ColumnType.wider(ours, theirs)).flatten
  }

  /** Files of both sides hold values of their types, so no choice settles it. */
  private def differ(column: Place, of: Versions[ColumnType]): ColumnType =
    conflicts.leftOpen(column.shown, "its type differs", of)(t => Some(showType(t)))

  /** Two columns must not have got one name: by a rename here and a new column there. */
  private def uniqueNames(columns: Seq[Column]): Seq[Column] = {
    columns.groupBy(_.name.toLowerCase(Locale.ROOT)).values.filter(_.size > 1).foreach { same =>
      conflicts.add(same.head.name, "the two sides gave this name to different columns")
    }
    columns
  }
}

private object ColumnsMerge {

  /** Where a column is, or a part of its type: by names, and by physical names. */
  final private case class Place(names: Seq[String], physical: Seq[String]) {
    def /(c: Column): Place = Place(names :+ c.name, physical :+ c.physical)
    def /(part: String): Place = Place(names :+ part, physical :+ part)

    /** None for the table. */
    def shown: Option[String] = Option.when(names.nonEmpty)(names.mkString("."))
    def path: String = physical.mkString(".")
  }

  private def showType(t: ColumnType): String = t match {
    case ColumnType.Primitive(name) => name
    case other => new String(Json.canonical(ColumnType.encode(other)), "UTF-8")
  }

  private def show(c: Column): String =
    s"${c.name} ${showType(c.dataType)}${if (c.nullable) "" else " not null"}"
}
