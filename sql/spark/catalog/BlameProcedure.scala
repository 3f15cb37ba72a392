package io.anabranch.spark.catalog

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.catalog.procedures.ProcedureParameter
import org.apache.spark.sql.types._

/** `CALL system.blame(table => 'db.t', where => 'id = 5')`: of each cell of some rows the commit that last changed it. */
final class BlameProcedure(context: CatalogContext)
    extends RowProcedure(
      context,
      "row_id BIGINT, `column` STRING, value STRING, commit STRING, time TIMESTAMP, author STRING, operation STRING, " +
        "message STRING"
    ) {
  override def name(): String = "blame"
  override def description(): String = "the commits that wrote the cells of some rows"

  override def parameters(): Array[ProcedureParameter] = Array(
    ProcedureParameter.in("table", StringType).build(),
    ProcedureParameter.in("where", StringType).defaultValue("NULL").build()
  )

  override protected def run(input: InternalRow): Seq[Seq[Any]] = {
    val loaded = context.committed(context.parse(table(text(input, 0))))
    val condition = if (input.isNullAt(1)) "true" else input.getString(1)
    val ids = rowIds(loaded, condition, BlameProcedure.MaxRows)
    val columns = loaded.table.metadata.columns.map(_.name)
    context.repository.blameCells(loaded.table, ids, new SystemTables(context).rows).map { c =>
      Seq[Any](c.rowId, columns(c.column), c.shown.orNull) ++ c.commit
        .fold(Seq.fill[Any](BlameProcedure.Told)(null))(commit)
    }
  }
}

private object BlameProcedure {

  /** More are hardly asked for on purpose, and each takes looks at its past. */
  val MaxRows = 1000

  /** How many columns tell of a commit. */
  val Told = 5
}
