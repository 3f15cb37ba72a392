package io.anabranch.spark.catalog

import io.anabranch.core.operations.Names
import io.anabranch.core.operations.merge.Choice
import io.anabranch.core.repository.KeptConflict
import io.anabranch.spark.CommitSettings
import io.anabranch.spark.merge.SparkMergeRows
import io.anabranch.spark.table.SystemTable
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.catalog.{Identifier, Table}

/** What `catalog.system.<name>` tells of the repository. */
final class SystemTables(context: CatalogContext) {

  /** None for what is no such table. */
  def find(ident: Identifier): Option[Table] =
    if (ident.namespace.toSeq != SystemTables.Namespace) None
    else {
      val t = context.parse(ident)
      t.name.last match {
        case "conflicts" =>
          Some(new SystemTable("system.conflicts", SystemTables.Conflicts, () => conflicts(t.ref)))
        case _ => None
      }
    }

  private def conflicts(branch: String): Seq[Seq[Any]] =
    context.repository.unfinishedMerges.conflicts(branch, rows).map { case KeptConflict(c, choice) =>
      val (resolution, value) = choice match {
        case Some(Choice.Ours) => ("ours", null)
        case Some(Choice.Theirs) => ("theirs", null)
        case Some(Choice.Value(text)) => ("value", text.orNull)
        case None => (null, null)
      }
      Seq(
        Names.show(c.name),
        c.kind,
        c.reason,
        c.row.map(_.id).orNull,
        c.row.flatMap(_.key).orNull,
        c.column.orNull,
        c.base.orNull,
        c.ours.orNull,
        c.theirs.orNull,
        c.row.flatMap(_.ourCommit).map(_.toString).orNull,
        c.row.flatMap(_.theirCommit).map(_.toString).orNull,
        resolution,
        value
      )
    }

  /** Looks at the rows that branches contradict each other about. */
  def rows: SparkMergeRows =
    new SparkMergeRows(
      context.repository.root,
      SparkBridge.hadoopConf(context.fileSystemOptions),
      context.repository.policies.maySelect(_, CommitSettings.author(SparkBridge.conf))
    )
}

private object SystemTables {
  val Namespace: Seq[String] = Seq("system")
  val Conflicts: String =
    "table STRING, kind STRING, detail STRING, row_id BIGINT, key STRING, `column` STRING, base STRING, " +
      "ours STRING, theirs STRING, our_commit STRING, their_commit STRING, resolution STRING, value STRING"
}
