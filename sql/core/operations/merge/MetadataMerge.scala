package io.anabranch.core.operations.merge

import io.anabranch.core.format._

/** Two changes of a table's columns, properties or constraints that can't both be.
  *
  * @param column
  *   logical path of the column; None for the table as a whole
  */
final case class MetadataConflict(
    column: Option[String],
    reason: String,
    base: Option[String] = None,
    ours: Option[String] = None,
    theirs: Option[String] = None
)

/** Three-way merge of what a table is, apart from its rows: columns by physical name, everything else by its own.
  * Pure.
  *
  * @param choose
  *   the side that a conflict about a column (None: the table) is decided for; None leaves it open
  */
final class MetadataMerge(choose: Option[String] => Option[Choice]) {
  private val open = Seq.newBuilder[MetadataConflict]

  /** The merged metadata, in which open conflicts have our side, and these conflicts. */
  def merge(
      base: Option[TableMetadata],
      ours: TableMetadata,
      theirs: TableMetadata
  ): (TableMetadata, Seq[MetadataConflict]) =
    if (ours.view.isDefined) (view(base, ours, theirs), open.result()) else table(base, ours, theirs)

  /** A view is one thing: its columns are those of its query. */
  private def view(base: Option[TableMetadata], ours: TableMetadata, theirs: TableMetadata): TableMetadata = {
    def definition(m: TableMetadata) = (m.view, m.columns)
    val (chosen, columns) = ThreeWay
      .pick(base.map(definition), definition(ours), definition(theirs))
      .orElse(
        conflict(
          None,
          "both sides changed the view",
          base.map(definition),
          Some(definition(ours)),
          Some(definition(theirs))
        )(_._1.fold("")(_.query))
      )
      .getOrElse(definition(ours))
    ours.copy(
      columns = columns,
      view = chosen,
      properties = keyed(
        "property",
        base.fold(Map.empty[String, String])(_.properties),
        ours.properties,
        theirs.properties
      )
    )
  }

  private def table(
      base: Option[TableMetadata],
      ours: TableMetadata,
      theirs: TableMetadata
  ): (TableMetadata, Seq[MetadataConflict]) = {
    val b = base.getOrElse(TableMetadata(Nil))
    val dropped = (ours.retired ++ theirs.retired) -- b.retired
    val columns = level("", b.columns, ours.columns, theirs.columns, dropped)
    val live = columns.map(_.physical).toSet
    val merged = TableMetadata(
      uniqueNames(columns),
      whole("partitioning", b.partitioning, ours.partitioning, theirs.partitioning),
      keyed("property", b.properties, ours.properties, theirs.properties),
      (ours.usedNames ++ theirs.usedNames) -- live,
      ours.createdAtMillis,
      ThreeWay.members(b.readerFeatures, ours.readerFeatures, theirs.readerFeatures),
      ThreeWay.members(b.writerFeatures, ours.writerFeatures, theirs.writerFeatures),
      constraints(b, ours, theirs, live)
    )
    partitionedBy(merged, live)
    namedInChecks(merged, ours, theirs)
    (merged, open.result())
  }

  private def conflict[T](
      column: Option[String],
      reason: String,
      base: Option[T],
      ours: Option[T],
      theirs: Option[T]
  )(
      show: T => String
  ): Option[T] = choose(column) match {
    case Some(Choice.Theirs) => theirs
    case Some(_) => ours
    case None =>
      open += MetadataConflict(column, reason, base.map(show), ours.map(show), theirs.map(show))
      ours
  }

  // ---- columns

  /** The columns of a table, or fields of a struct.
    *
    * @param dropped
    *   physical names that a side has dropped since the base
    */
  private def level(
      path: String,
      base: Seq[Column],
      ours: Seq[Column],
      theirs: Seq[Column],
      dropped: Set[String]
  ): Seq[Column] = {
    val names = inOrder(base.map(identity), ours.map(identity), theirs.map(identity))
    def byName(side: Seq[Column]) = side.map(c => identity(c) -> c).toMap
    val (b, o, t) = (byName(base), byName(ours), byName(theirs))
    names.flatMap(n => column(path, b.get(n), o.get(n), t.get(n), dropped))
  }

  private def identity(c: Column): String = c.physical.toLowerCase(java.util.Locale.ROOT)

  /** Our order, unless only they changed it; what only the other side has follows. */
  private def inOrder(base: Seq[String], ours: Seq[String], theirs: Seq[String]): Seq[String] = {
    val common = base.toSet.intersect(ours.toSet).intersect(theirs.toSet)
    def moved(side: Seq[String]) = side.filter(common) != base.filter(common)
    val (lead, rest) = if (!moved(ours) && moved(theirs)) (theirs, ours) else (ours, theirs)
    lead ++ rest.filterNot(lead.contains)
  }

  private def column(
      path: String,
      base: Option[Column],
      ours: Option[Column],
      theirs: Option[Column],
      dropped: Set[String]
  ): Option[Column] = {
    def named(c: Option[Column]) = c.map(path + _.name)
    def torn(reason: String) =
      conflict(named(ours.orElse(theirs).orElse(base)), reason, base, ours, theirs)(MetadataMerge.show)
    (base, ours, theirs) match {
      case (_, o, t) if o == t => o
      case (None, Some(c), None) if dropped(c.physical) =>
        torn("one side added it, the other added and dropped it")
      case (None, None, Some(c)) if dropped(c.physical) =>
        torn("one side added it, the other added and dropped it")
      case (b, o, t) if b == o => t
      case (b, o, t) if b == t => o
      case (b, Some(o), Some(t)) => Some(changed(path, b, o, t))
      case _ => torn("one side dropped it, the other changed it")
    }
  }

  private def changed(path: String, base: Option[Column], ours: Column, theirs: Column): Column = {
    val here = Some(path + ours.name)
    def part[T](what: String, of: Column => T)(show: T => String): T = ThreeWay
      .pick(base.map(of), of(ours), of(theirs))
      .orElse(
        conflict(here, s"both sides changed its $what", base.map(of), Some(of(ours)), Some(of(theirs)))(show)
      )
      .getOrElse(of(ours))
    Column(
      part("name", _.name)(n => n),
      ours.physical,
      typeOf(here, path + ours.name, base.map(_.dataType), ours.dataType, theirs.dataType),
      part("nullability", _.nullable)(n => if (n) "NULL" else "NOT NULL"),
      keyed(
        s"attribute of ${path + ours.name}",
        base.fold(Map.empty[String, String])(_.attributes),
        ours.attributes,
        theirs.attributes
      )
    )
  }

  private def typeOf(
      here: Option[String],
      path: String,
      base: Option[ColumnType],
      ours: ColumnType,
      theirs: ColumnType
  ): ColumnType = ThreeWay
    .pick(base, ours, theirs)
    .getOrElse((ours, theirs) match {
      case (ColumnType.Struct(o), ColumnType.Struct(t)) =>
        val b = base.collect { case ColumnType.Struct(fields) => fields }.getOrElse(Nil)
        ColumnType.Struct(uniqueNames(level(path + ".", b, o, t, Set.empty)))
      case (ColumnType.Arr(o, on), ColumnType.Arr(t, tn)) =>
        val b = base.collect { case ColumnType.Arr(e, _) => e }
        ColumnType.Arr(typeOf(here, path + ".element", b, o, t), on || tn)
      case (ColumnType.Mapping(ok, ov, on), ColumnType.Mapping(tk, tv, tn)) if ok == tk =>
        val b = base.collect { case ColumnType.Mapping(_, v, _) => v }
        ColumnType.Mapping(ok, typeOf(here, path + ".value", b, ov, tv), on || tn)
      // both only widened it, if the base widens to both
      case _ if base.isDefined && Seq(ours, theirs).forall(t => ColumnType.wider(base.get, t).contains(t)) =>
        ColumnType.wider(ours, theirs).getOrElse(differ(here, base, ours, theirs))
      case _ => differ(here, base, ours, theirs)
    })

  private def differ(here: Option[String], base: Option[ColumnType], ours: ColumnType, theirs: ColumnType) =
    conflict(here, "its type differs", base, Some(ours), Some(theirs))(MetadataMerge.showType).getOrElse(ours)

  /** Two columns must not have got one name: by a rename here and a new column there. */
  private def uniqueNames(columns: Seq[Column]): Seq[Column] = {
    columns.groupBy(_.name.toLowerCase(java.util.Locale.ROOT)).values.filter(_.size > 1).foreach { same =>
      open += MetadataConflict(Some(same.head.name), "the two sides gave this name to different columns")
    }
    columns
  }

  // ---- the rest

  private def whole[T](what: String, base: T, ours: T, theirs: T): T =
    ThreeWay
      .pick(Some(base), ours, theirs)
      .orElse(
        conflict[T](None, s"both sides changed the $what", None, Some(ours), Some(theirs))(_.toString)
      )
      .getOrElse(ours)

  private def keyed(
      what: String,
      base: Map[String, String],
      ours: Map[String, String],
      theirs: Map[String, String]
  ): Map[String, String] =
    (base.keySet ++ ours.keySet ++ theirs.keySet).toSeq.sorted.flatMap { k =>
      val (b, o, t) = (base.get(k), ours.get(k), theirs.get(k))
      ThreeWay
        .pick(Some(b), o, t)
        .getOrElse(conflict(None, s"both sides changed the $what $k", b, o, t)((v: String) => v))
        .map(k -> _)
    }.toMap

  private def constraints(b: TableMetadata, o: TableMetadata, t: TableMetadata, live: Set[String]) = {
    def byName(m: TableMetadata) = m.constraints.map(c => c.name -> c).toMap
    val (base, ours, theirs) = (byName(b), byName(o), byName(t))
    val names = (o.constraints ++ t.constraints).map(_.name).distinct
    val merged = names.flatMap { n =>
      ThreeWay
        .pick(Some(base.get(n)), ours.get(n), theirs.get(n))
        .getOrElse(
          conflict(None, s"both sides changed the constraint $n", base.get(n), ours.get(n), theirs.get(n))(
            MetadataMerge.showConstraint
          )
        )
    }
    merged.foreach {
      case TableConstraint.Key(name, columns, _) =>
        columns.filterNot(live).foreach { c =>
          open += MetadataConflict(
            Some(c),
            s"one side dropped it, and the key $name of the other is about it"
          )
        }
      case _ => ()
    }
    merged
  }

  /** The text of a CHECK names columns as its side knows them. */
  private def namedInChecks(merged: TableMetadata, sides: TableMetadata*): Unit =
    for {
      side <- sides
      check <- merged.constraints.collect {
        case c: TableConstraint.Check if side.constraints.contains(c) => c
      }
      words = MetadataMerge.words(check.condition)
      name <- MetadataMerge.renamed(side.columns, merged.columns)
      if words(name.toLowerCase(java.util.Locale.ROOT))
    } open += MetadataConflict(
      Some(name),
      s"one side renamed or dropped it, and the constraint ${check.name} of the other is about it"
    )

  private def partitionedBy(m: TableMetadata, live: Set[String]): Unit =
    m.partitioning.map(_.column).filterNot(c => live(c.takeWhile(_ != '.')) || live(c)).foreach { c =>
      open += MetadataConflict(Some(c), "one side dropped it, and the table is partitioned by it")
    }
}

private object MetadataMerge {

  /** Names of columns and fields that mean nothing, or another one, among others. */
  def renamed(before: Seq[Column], after: Seq[Column]): Seq[String] = before.flatMap { b =>
    val same = after.find(_.physical.equalsIgnoreCase(b.physical))
    if (!same.exists(_.name.equalsIgnoreCase(b.name))) Seq(b.name)
    else
      (b.dataType, same.map(_.dataType)) match {
        case (ColumnType.Struct(fields), Some(ColumnType.Struct(now))) => renamed(fields, now)
        case _ => Nil
      }
  }.distinct

  /** What may be a name in SQL: more rather than less. */
  def words(condition: String): Set[String] = {
    val plain = condition.replaceAll("'(?:[^'\\\\]|\\\\.)*'", " ").toLowerCase(java.util.Locale.ROOT)
    val quoted = "`((?:[^`]|``)+)`".r
    quoted.findAllMatchIn(plain).map(_.group(1).replace("``", "`")).toSet ++
      quoted.replaceAllIn(plain, " ").split("[^\\p{L}\\p{N}_]+")
  }
  def showType(t: ColumnType): String = t match {
    case ColumnType.Primitive(name) => name
    case other => new String(Json.canonical(ColumnType.encode(other)), "UTF-8")
  }
  def show(c: Column): String = s"${c.name} ${showType(c.dataType)}${if (c.nullable) "" else " not null"}"
  def showConstraint(c: TableConstraint): String = c match {
    case TableConstraint.Check(_, condition) => s"CHECK ($condition)"
    case TableConstraint.Key(_, columns, primary) =>
      s"${if (primary) "PRIMARY KEY" else "UNIQUE"} (${columns.mkString(", ")})"
  }
}
