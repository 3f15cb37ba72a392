package io.anabranch.spark.table

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{DeletionVector, Lineage}
import io.anabranch.core.repository.TableChanges
import io.anabranch.spark.read._
import io.anabranch.spark.schema.ColumnMapping
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.catalog.{Changelog, Column}
import org.apache.spark.sql.connector.expressions.{Expressions, NamedReference}
import org.apache.spark.sql.connector.read.{Scan, ScanBuilder, SupportsPushDownRequiredColumns}
import org.apache.spark.sql.types._
import org.apache.spark.sql.util.CaseInsensitiveStringMap
import org.apache.spark.unsafe.types.UTF8String

/** The changes of a table's rows, for `CHANGES FROM … TO …`: deleted and inserted versions of rows. Spark makes
  * updates of pairs, and leaves out rows that were only moved, by row id and row commit.
  *
  * @throws AnabranchException
  *   ANABRANCH_TABLE.COLUMN_OF_CHANGES
  */
final class AnabranchChangelog(root: String, tableName: String, changes: TableChanges, conf: Configuration)
    extends Changelog {

  changes.table.metadata.columns
    .find(c => AnabranchChangelog.Constants.exists(_.name.equalsIgnoreCase(c.name)))
    .foreach { c =>
      throw AnabranchException(
        "ANABRANCH_TABLE.COLUMN_OF_CHANGES",
        "table" -> tableName,
        "column" -> c.name
      )
    }

  private val schema = StructType(
    ColumnMapping.logical(changes.table.metadata.columns).fields ++
      Lineage.Columns.map(StructField(_, LongType, nullable = false)) ++ AnabranchChangelog.Constants
  )

  override def name(): String = tableName
  override def columns(): Array[Column] = SparkBridge.columns(schema)

  /** Rows of files that were written anew come and go without change. */
  override def containsCarryoverRows(): Boolean = true

  /** Net changes are found by comparing the first state with the last. */
  override def containsIntermediateChanges(): Boolean = false
  override def representsUpdateAsDeleteAndInsert(): Boolean = true
  override def rowId(): Array[NamedReference] = Array(Expressions.column(Lineage.RowId))
  override def rowVersion(): NamedReference = Expressions.column(Lineage.RowCommit)

  override def newScanBuilder(options: CaseInsensitiveStringMap): ScanBuilder =
    new ScanBuilder with SupportsPushDownRequiredColumns {
      private var required = schema
      override def pruneColumns(requiredSchema: StructType): Unit = required = requiredSchema
      override def build(): Scan = new AnabranchScan(input(required), changes.steps, conf)
    }

  private def input(required: StructType): ScanInput = new ScanInput(
    root,
    changes.table,
    required,
    AnabranchChangelog.Constants,
    Nil,
    () => s"changes of $tableName in ${changes.steps.size} steps",
    for { step <- changes.steps; d <- step.differences } yield {
      val kind = if (d.inserted) Changelog.CHANGE_TYPE_INSERT else Changelog.CHANGE_TYPE_DELETE
      val choice = d.rows.fold(RowChoice.live(d.file)) { rows =>
        RowChoice.Only(DeletionVector.ofInline(DeletionVector.serialize(rows), rows.size))
      }
      FileRows(d.file, 0, choice, Seq(UTF8String.fromString(kind), step.version, step.timeMillis * 1000))
    }
  )
}

private object AnabranchChangelog {
  val Constants: Seq[StructField] = Seq(
    StructField("_change_type", StringType, nullable = false),
    StructField("_commit_version", LongType, nullable = false),
    StructField("_commit_timestamp", TimestampType, nullable = false)
  )
}
