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
        None,
        "the property",
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
    val columns = level("", "", b.columns, ours.columns, theirs.columns, dropped)
    val live = Column.paths(columns)
    val merged = TableMetadata(
      uniqueNames(columns),
      partitioning(b.partitioning, ours.partitioning, theirs.partitioning),
      keyed(None, "the property", b.properties, ours.properties, theirs.properties),
      (ours.usedNames ++ theirs.usedNames) -- live,
      ours.createdAtMillis,
      ThreeWay.members(b.readerFeatures, ours.readerFeatures, theirs.readerFeatures),
      ThreeWay.members(b.writerFeatures, ours.writerFeatures, theirs.writerFeatures),
      constraints(b, ours, theirs)
    )
    namedInKeys(merged, live)
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
    case None => unsettled(column, reason, base, ours, theirs)(show)
  }

  private def unsettled[T](
      column: Option[String],
      reason: String,
      base: Option[T],
      ours: Option[T],
      theirs: Option[T]
  )(show: T => String): Option[T] = {
    open += MetadataConflict(column, reason, base.map(show), ours.map(show), theirs.map(show))
    ours
  }

  // ---- columns

  /** The columns of a table, or fields of a struct.
    *
    * @param path
    *   the names of what they are in, each with a dot
    * @param under
    *   the same of physical names
    * @param dropped
    *   physical paths that a side has dropped since the base
    */
  private def level(
      path: String,
      under: String,
      base: Seq[Column],
      ours: Seq[Column],
      theirs: Seq[Column],
      dropped: Set[String]
  ): Seq[Column] = {
    def byName(side: Seq[Column]) = side.map(c => identity(c) -> c).toMap
    val (b, o, t) = (byName(base), byName(ours), byName(theirs))
    inOrder(path, base, ours, theirs).flatMap(n => column(path, under, b.get(n), o.get(n), t.get(n), dropped))
  }

  private def identity(c: Column): String = c.physical.toLowerCase(java.util.Locale.ROOT)

  /** The order of the side that changed it. */
  private def inOrder(
      path: String,
      base: Seq[Column],
      ours: Seq[Column],
      theirs: Seq[Column]
  ): Seq[String] = {
    val common = Seq(base, ours, theirs).map(_.map(identity).toSet).reduce(_ intersect _)
    def order(side: Seq[Column]) = side.filter(c => common(identity(c)))
    def names(side: Seq[Column]) = side.map(identity)
    val picked = ThreeWay.pick(Some(names(order(base))), names(order(ours)), names(order(theirs))).orElse {
      val what = Option.when(path.nonEmpty)(path.stripSuffix("."))
      val sides = Seq(base, ours, theirs).map(side => Option(order(side)))
      conflict(what, "both sides changed the order of its columns", sides.head, sides(1), sides(2))(
        _.map(_.name).mkString(", ")
      ).map(names)
    }
    val (lead, rest) =
      if (picked.contains(names(order(ours)))) (names(ours), names(theirs)) else (names(theirs), names(ours))
    ThreeWay.interleaved(lead, rest)
  }

  private def column(
      path: String,
      under: String,
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
      case (None, o, t) if (o.isEmpty || t.isEmpty) && (o ++ t).exists(c => dropped(under + c.physical)) =>
        // files of the other side hold what was dropped, so that it can go, and not stay
        val kept = choose(named(o.orElse(t))).map(c => if (c == Choice.Theirs) t else o)
        val reason = "one side added it, the other added and dropped it"
        kept
          .filter(_.isEmpty)
          .getOrElse(unsettled(named(o.orElse(t)), reason, None, o, t)(MetadataMerge.show))
      // a field that one side added, and the other added and dropped, is in a column that only one changed
      case (b, Some(o), Some(t)) if dropped.exists(_.startsWith(s"$under${o.physical}.")) =>
        Some(changed(path, under, b, o, t, dropped))
      case (b, o, t) if b == o => t
      case (b, o, t) if b == t => o
      case (b, Some(o), Some(t)) => Some(changed(path, under, b, o, t, dropped))
      case _ => torn("one side dropped it, the other changed it")
    }
  }

  private def changed(
      path: String,
      under: String,
      base: Option[Column],
      ours: Column,
      theirs: Column,
      dropped: Set[String]
  ): Column = {
    val here = Some(path + ours.name)
    val types = new TypeMerge(here, dropped)
    def part[T](what: String, of: Column => T)(show: T => String): T = ThreeWay
      .pick(base.map(of), of(ours), of(theirs))
      .orElse(
        conflict(here, s"both sides changed its $what", base.map(of), Some(of(ours)), Some(of(theirs)))(show)
      )
      .getOrElse(of(ours))
    Column(
      part("name", _.name)(n => n),
      ours.physical,
      types
        .merge(path + ours.name, under + ours.physical, base.map(_.dataType), ours.dataType, theirs.dataType),
      part("nullability", _.nullable)(n => if (n) "NULL" else "NOT NULL"),
      keyed(
        here,
        "its",
        base.fold(Map.empty[String, String])(_.attributes),
        ours.attributes,
        theirs.attributes
      )
    )
  }

  /** @param here
    *   the column that conflicts are about
    */
  private class TypeMerge(here: Option[String], dropped: Set[String]) {

    /** @param path
      *   of names, as `under` of physical names
      */
    def merge(
        path: String,
        under: String,
        base: Option[ColumnType],
        ours: ColumnType,
        theirs: ColumnType
    ): ColumnType = {
      val picked = ThreeWay.pick(base, ours, theirs)
      val within = dropped.exists(_.startsWith(s"$under."))
      (ours, theirs) match {
        case _ if picked.isDefined && !within => picked.get
        case (ColumnType.Struct(o), ColumnType.Struct(t)) =>
          val b = base.collect { case ColumnType.Struct(fields) => fields }.getOrElse(Nil)
          ColumnType.Struct(uniqueNames(level(path + ".", under + ".", b, o, t, dropped)))
        case (ColumnType.Arr(o, on), ColumnType.Arr(t, tn)) =>
          val b = base.collect { case ColumnType.Arr(e, _) => e }
          ColumnType.Arr(merge(path + ".element", under + ".element", b, o, t), on || tn)
        case (ColumnType.Mapping(ok, ov, on), ColumnType.Mapping(tk, tv, tn)) if ok == tk =>
          val b = base.collect { case ColumnType.Mapping(_, v, _) => v }
          ColumnType.Mapping(ok, merge(path + ".value", under + ".value", b, ov, tv), on || tn)
        // both only widened it, if the base widens to both
        case _
            if base.isDefined && Seq(ours, theirs).forall(t => ColumnType.wider(base.get, t).contains(t)) =>
          ColumnType.wider(ours, theirs).getOrElse(differ(here, base, ours, theirs))
        case _ => picked.getOrElse(differ(here, base, ours, theirs))
      }
    }
  }

  /** Files of both sides hold values of their types, so no choice settles it. */
  private def differ(here: Option[String], base: Option[ColumnType], ours: ColumnType, theirs: ColumnType) =
    unsettled(here, "its type differs", base, Some(ours), Some(theirs))(MetadataMerge.showType)
      .getOrElse(ours)

  /** Two columns must not have got one name: by a rename here and a new column there. */
  private def uniqueNames(columns: Seq[Column]): Seq[Column] = {
    columns.groupBy(_.name.toLowerCase(java.util.Locale.ROOT)).values.filter(_.size > 1).foreach { same =>
      open += MetadataConflict(Some(same.head.name), "the two sides gave this name to different columns")
    }
    columns
  }

  // ---- the rest

  private type Partitioning = Seq[PartitionField]

  private def partitioning(base: Partitioning, ours: Partitioning, theirs: Partitioning): Partitioning =
    ThreeWay
      .pick(Some(base), ours, theirs)
      .orElse(
        conflict(None, "both sides changed the partitioning", None, Some(ours), Some(theirs))(
          _.map(_.key).mkString(", ")
        )
      )
      .getOrElse(ours)

  private def keyed(
      column: Option[String],
      what: String,
      base: Map[String, String],
      ours: Map[String, String],
      theirs: Map[String, String]
  ): Map[String, String] =
    (base.keySet ++ ours.keySet ++ theirs.keySet).toSeq.sorted.flatMap { k =>
      val (b, o, t) = (base.get(k), ours.get(k), theirs.get(k))
      ThreeWay
        .pick(Some(b), o, t)
        .getOrElse(conflict(column, s"both sides changed $what $k", b, o, t)((v: String) => v))
        .map(k -> _)
    }.toMap

  private def constraints(b: TableMetadata, o: TableMetadata, t: TableMetadata) = {
    def byName(m: TableMetadata) = m.constraints.map(c => c.name -> c).toMap
    val (base, ours, theirs) = (byName(b), byName(o), byName(t))
    val names = (o.constraints ++ t.constraints).map(_.name).distinct
    names.flatMap { n =>
      ThreeWay
        .pick(Some(base.get(n)), ours.get(n), theirs.get(n))
        .getOrElse(
          conflict(None, s"both sides changed the constraint $n", base.get(n), ours.get(n), theirs.get(n))(
            MetadataMerge.showConstraint
          )
        )
    }
  }

  private def namedInKeys(merged: TableMetadata, live: Set[String]): Unit =
    for { key <- merged.keys; c <- key.columns if !live(c) } open += MetadataConflict(
      Some(c),
      s"one side dropped it, and the key ${key.name} of the other is about it"
    )

  /** The text of a CHECK names columns as its side knows them. */
  private def namedInChecks(merged: TableMetadata, sides: TableMetadata*): Unit =
    for {
      side <- sides
      check <- merged.checks.filter(side.checks.contains)
      words = MetadataMerge.words(check.condition)
      name <- MetadataMerge.renamed(side.columns, merged.columns)
      if words(name.toLowerCase(java.util.Locale.ROOT))
    } open += MetadataConflict(
      Some(name),
      s"one side renamed or dropped it, and the constraint ${check.name} of the other is about it"
    )

  private def partitionedBy(m: TableMetadata, live: Set[String]): Unit =
    m.partitioning.map(_.column).filterNot(live).foreach { c =>
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
