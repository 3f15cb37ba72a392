package io.anabranch.core.operations.merge

import io.anabranch.core.format._

import java.util.Locale

/** Three-way merge of what a table is, apart from its rows: columns by physical name, everything else by its own.
  * Pure.
  *
  * @param choose
  *   the side that a conflict about a column (None: the table) is decided for; None leaves it open
  */
final class MetadataMerge(choose: Option[String] => Option[Choice]) {
  private val conflicts = new MetadataConflicts(choose)

  /** The merged metadata, in which open conflicts have our side, and these conflicts. */
  def merge(
      base: Option[TableMetadata],
      ours: TableMetadata,
      theirs: TableMetadata
  ): (TableMetadata, Seq[MetadataConflict]) = {
    val merged =
      if (ours.view.isDefined) view(Versions(base, ours, theirs))
      else table(Versions(base.orElse(Some(TableMetadata(Nil))), ours, theirs))
    (merged, conflicts.found)
  }

  /** A view is one thing: its columns are those of its query. */
  private def view(of: Versions[TableMetadata]): TableMetadata = {
    val (view, columns) =
      conflicts.settled(None, "both sides changed the view", of.map(m => (m.view, m.columns))) {
        case (definition, _) => Some(definition.fold("")(_.query))
      }
    of.ours.copy(columns = columns, view = view, properties = properties(of))
  }

  private def table(of: Versions[TableMetadata]): TableMetadata = {
    val Versions(base, ours, theirs) = of
    val dropped = (ours.retired ++ theirs.retired) -- base.toSeq.flatMap(_.retired)
    val columns = new ColumnsMerge(conflicts, dropped).merge(of.map(_.columns))
    val live = Column.paths(columns)
    val merged = TableMetadata(
      columns,
      partitioning(of.map(_.partitioning)),
      properties(of),
      (ours.usedNames ++ theirs.usedNames) -- live,
      ours.createdAtMillis,
      features(of.map(_.readerFeatures)),
      features(of.map(_.writerFeatures)),
      constraints(of.map(_.constraints))
    )
    namedInKeys(merged, live)
    partitionedBy(merged, live)
    namedInChecks(merged, ours, theirs)
    merged
  }

  private def properties(of: Versions[TableMetadata]): Map[String, String] =
    conflicts.settledTexts(None, "the property", of.map(_.properties))

  private def features(of: Versions[Set[String]]): Set[String] =
    ThreeWay.members(of.base.getOrElse(Set.empty[String]), of.ours, of.theirs)

  private def partitioning(of: Versions[Seq[PartitionField]]): Seq[PartitionField] =
    of.picked.getOrElse(
      conflicts.decided(None, "both sides changed the partitioning", of.copy(base = None))(fields =>
        Some(fields.map(_.key).mkString(", "))
      )
    )

  private def constraints(of: Versions[Seq[TableConstraint]]): Seq[TableConstraint] = {
    val byName = of.map(_.map(c => c.name -> c).toMap)
    (of.ours ++ of.theirs).map(_.name).distinct.flatMap { name =>
      conflicts.settled(None, s"both sides changed the constraint $name", byName.map(_.get(name)))(
        _.map(MetadataMerge.show)
      )
    }
  }

  private def namedInKeys(merged: TableMetadata, live: Set[String]): Unit =
    for { key <- merged.keys; c <- key.columns if !live(c) }
      conflicts.add(c, s"one side dropped it, and the key ${key.name} of the other is about it")

  private def partitionedBy(merged: TableMetadata, live: Set[String]): Unit =
    for (c <- merged.partitioning.map(_.column) if !live(c))
      conflicts.add(c, "one side dropped it, and the table is partitioned by it")

  /** The text of a CHECK names columns as its side knows them. */
  private def namedInChecks(merged: TableMetadata, sides: TableMetadata*): Unit =
    for {
      side <- sides
      check <- merged.checks.filter(side.checks.contains)
      words = ConditionNames.words(check.condition)
      name <- ConditionNames.renamed(side.columns, merged.columns)
      if words(name.toLowerCase(Locale.ROOT))
    } conflicts.add(
      name,
      s"one side renamed or dropped it, and the constraint ${check.name} of the other is about it"
    )
}

private object MetadataMerge {
  def show(c: TableConstraint): String = c match {
    case TableConstraint.Check(_, condition) => s"CHECK ($condition)"
    case TableConstraint.Key(_, columns, primary) =>
      s"${if (primary) "PRIMARY KEY" else "UNIQUE"} (${columns.mkString(", ")})"
  }
}
