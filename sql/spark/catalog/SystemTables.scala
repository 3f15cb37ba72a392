package io.anabranch.spark.catalog

import io.anabranch.core.repository.OpenTransaction
import io.anabranch.spark.CommitSettings
import io.anabranch.spark.merge.SparkMergeRows
import io.anabranch.spark.table.ConflictsTable
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
          Some(conflicts(t.ref.stripPrefix("branch:")))
        case _ => None
      }
    }

  private def conflicts(branch: String): ConflictsTable = {
    def merges = context.repository.unfinishedMerges
    new ConflictsTable(
      branch,
      () => {
        val found = merges.conflicts(branch, rows)
        if (found.isEmpty) context.repository.resolve(branch): Unit // there must be such a branch
        found
      },
      decisions => {
        if (context.transaction.isDefined)
          throw OpenTransaction.refused(s"UPDATE ${ConflictsTable.Name}", "it can't stand in a transaction")
        merges.resolve(branch, decisions, rows): Unit
      }
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
}
