package io.anabranch.spark.catalog

import io.anabranch.core.format.{CommitId, Position}
import io.anabranch.core.log.TableState
import io.anabranch.core.repository.{CommitInfo, LoadedTable, RowFound}
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.catalog.procedures.ProcedureParameter
import org.apache.spark.sql.types._

/** What the procedures about rows ask of tables: by queries, so that files are left out as in any other. */
abstract private[catalog] class RowProcedure(context: CatalogContext, ddl: String)
    extends LocalProcedure(context, ddl) {

  protected def rows(table: TableState, at: CommitId, condition: String): DataFrame = {
    SparkBridge.session.read.table(sqlName(table.name.init :+ s"${table.name.last}@$at")).where(condition)
  }

  /** The ids of the rows for which a condition is true.
    *
    * @param most
    *   more are an error
    */
  protected def rowIds(loaded: LoadedTable, condition: String, most: Int): Seq[Long] = {
    val found = rows(loaded.table, loaded.state.id, condition).select("_row_id").limit(most + 1).collect()
    if (found.size > most)
      throw wrong(s"more than $most rows are asked for; a condition says which are meant")
    found.map(_.getLong(0)).sorted.toSeq
  }

  protected def commit(c: CommitInfo): Seq[Any] =
    Seq(c.id, c.timeMillis * 1000, c.author, c.operation, c.message)
}

/** `CALL system.row_history(table => 'db.t', row_id => 7)`, or `where => 'id = 5'`: each version of a row or of
  * some, the newest first, with the commit that wrote it.
  */
final class RowHistoryProcedure(context: CatalogContext)
    extends RowProcedure(
      context,
      "row_id BIGINT, change STRING, commit STRING, time TIMESTAMP, author STRING, operation STRING, " +
        "message STRING, row STRING"
    ) {
  override def name(): String = "row_history"
  override def description(): String = "the versions of a row, with the commits that wrote them"

  override def parameters(): Array[ProcedureParameter] = Array(
    ProcedureParameter.in("table", StringType).build(),
    ProcedureParameter.in("row_id", LongType).defaultValue("NULL").build(),
    ProcedureParameter.in("where", StringType).defaultValue("NULL").build()
  )

  override protected def run(input: InternalRow): Seq[Seq[Any]] = {
    val loaded = context.committed(context.parse(table(text(input, 0))))
    val ids = (input.isNullAt(1), input.isNullAt(2)) match {
      case (false, true) => Seq(input.getLong(1))
      case (true, false) => rowIds(loaded, input.getString(2), RowHistoryProcedure.MaxRows)
      case _ => throw wrong("one of row_id and where must be given, and not both")
    }
    ids.flatMap { id =>
      context.repository
        .rowHistory(loaded.ref, loaded.table, id)((state, at) => find(state, at, id))
        .map(v => (Seq[Any](id, v.change) ++ commit(v.commit)) :+ v.row)
    }
  }

  private def find(state: TableState, at: CommitId, id: Long): Option[RowFound[String]] =
    rows(state, at, s"_row_id = $id").selectExpr(RowHistoryProcedure.Wanted: _*).collect().headOption.map {
      r =>
        RowFound(r.getString(0), Position.unpacked(r.getLong(1)))
    }
}

private object RowHistoryProcedure {
  val MaxRows = 100
  val Wanted: Seq[String] = Seq("to_json(struct(*), map('ignoreNullFields', 'false'))", "_row_commit")
}

/** `CALL system.row_commits(table => 'db.t')`: the commits that wrote the rows which a table has now, by the values
  * of `_row_commit`.
  */
final class RowCommitsProcedure(context: CatalogContext)
    extends RowProcedure(
      context,
      "row_commit BIGINT, commit STRING, time TIMESTAMP, author STRING, operation STRING, message STRING"
    ) {
  override def name(): String = "row_commits"
  override def description(): String = "the commits that wrote the rows of a table"

  override def parameters(): Array[ProcedureParameter] =
    Array(ProcedureParameter.in("table", StringType).build())

  override protected def run(input: InternalRow): Seq[Seq[Any]] = {
    val loaded = context.committed(context.parse(table(text(input, 0))))
    val commits = rows(loaded.table, loaded.state.id, "true").select("_row_commit").distinct().collect()
    val found = commits.map(_.getLong(0)).sorted.toSeq
    found.zip(context.repository.commitsAt(found.map(Position.unpacked))).map { case (packed, c) =>
      packed +: commit(c)
    }
  }
}
