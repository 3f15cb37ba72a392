package io.anabranch.spark.commands

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.Times
import io.anabranch.core.repository.RestorePoint
import io.anabranch.spark.AnabranchCatalog
import io.anabranch.spark.catalog.TableRef
import org.apache.spark.sql.Row
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.expressions.Expression
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}

/** `RESTORE TABLE`: an earlier state of a table becomes its newest version; history is kept.
  *
  * @param to
  *   a version or ref, or an expression for a time
  */
final case class RestoreTableCommand(
    table: Seq[String],
    to: Either[String, Expression],
    message: Option[String]
) extends TableCommand {
  override protected def columns: String =
    "table STRING, version BIGINT, commit STRING, rows BIGINT, files BIGINT"

  override protected def run(session: ClassicSession, c: AnabranchCatalog, t: TableRef): Seq[Row] = {
    val (point, parameter) = to match {
      case Left(version) => (RestorePoint.Version(version), "version" -> version)
      case Right(e) =>
        val micros = SparkBridge
          .timestampMicros(e)
          .getOrElse(throw AnabranchException("ANABRANCH_SQL.NOT_A_TIME", "expression" -> e.sql))
        (
          RestorePoint.Time(Math.floorDiv(micros, 1000L)),
          "timestamp" -> Times.shown(Math.floorDiv(micros, 1000L))
        )
    }
    val r = c.repository.restore(
      c.repository.resolve(t.ref, c.transaction),
      t.name,
      point,
      Commands.author(session, message, Map(parameter))
    )
    Commands.recache(session, c, Seq(r.table))
    Seq(Row(r.table, r.version, r.commit.orNull, r.rows, r.files))
  }
}

/** `DESCRIBE HISTORY`: the versions of a table, newest first. */
final case class DescribeHistory(table: Seq[String], limit: Option[Int]) extends TableCommand {
  override protected def columns: String =
    "version BIGINT, timestamp TIMESTAMP, author STRING, operation STRING, operationParameters MAP<STRING, STRING>, " +
      "operationMetrics MAP<STRING, BIGINT>, message STRING, userMetadata MAP<STRING, STRING>, commit STRING"

  override protected def run(session: ClassicSession, c: AnabranchCatalog, t: TableRef): Seq[Row] =
    c.repository.history(t.ref, t.name, limit.getOrElse(Int.MaxValue)).map { v =>
      val i = v.commit
      Row(
        v.version,
        Commands.time(i.timeMillis),
        i.author,
        i.operation,
        i.parameters,
        i.metrics,
        i.message,
        i.metadata,
        i.id
      )
    }
}

/** `DESCRIBE DETAIL`: what a table is made of. */
final case class DescribeDetail(table: Seq[String]) extends TableCommand {
  override protected def columns: String =
    "format STRING, id STRING, name STRING, description STRING, location STRING, createdAt TIMESTAMP, " +
      "lastModified TIMESTAMP, partitionColumns ARRAY<STRING>, numFiles BIGINT, sizeInBytes BIGINT, numRows BIGINT, " +
      "properties MAP<STRING, STRING>, version BIGINT, reference STRING, commit STRING"

  override protected def run(session: ClassicSession, c: AnabranchCatalog, t: TableRef): Seq[Row] = {
    val d = c.repository.detail(t.ref, t.name)
    Seq(
      Row(
        "anabranch",
        d.id,
        s"${c.name}.${d.name}",
        d.description.orNull,
        s"${c.repository.root}/${d.location}",
        Commands.time(d.createdAtMillis),
        Commands.time(d.lastModifiedMillis),
        d.partitionColumns,
        d.files,
        d.sizeBytes,
        d.rows,
        d.properties,
        d.version,
        d.reference,
        d.commit
      )
    )
  }
}
