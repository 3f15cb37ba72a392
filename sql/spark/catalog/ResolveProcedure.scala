package io.anabranch.spark.catalog

import io.anabranch.core.AnabranchException
import io.anabranch.core.operations.merge.{Choice, Decision}
import io.anabranch.spark.table.ConflictsTable
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.catalog.procedures.ProcedureParameter
import org.apache.spark.sql.types._

/** `CALL system.resolve(choice => 'ours' | 'theirs', …)` or `CALL system.resolve(value => '7', …)`: decides
  * conflicts of the unfinished merge, all of them or those of a table, row, column or condition on
  * `system.conflicts`; `choice => 'open'` takes decisions about them back. Tells how many are left open.
  */
final class ResolveProcedure(context: CatalogContext) extends LocalProcedure(context, "open BIGINT") {
  override def name(): String = "resolve"
  override def description(): String = "decides conflicts of the unfinished merge into a branch"

  override protected def onlyReads: Boolean = false

  override def parameters(): Array[ProcedureParameter] = Array(
    ProcedureParameter.in("choice", StringType).defaultValue("NULL").build(),
    ProcedureParameter.in("value", StringType).defaultValue("NULL").build(),
    ProcedureParameter.in("table", StringType).defaultValue("NULL").build(),
    ProcedureParameter.in("row_id", LongType).defaultValue("NULL").build(),
    ProcedureParameter.in("column", StringType).defaultValue("NULL").build(),
    ProcedureParameter.in("where", StringType).defaultValue("NULL").build(),
    ProcedureParameter.in("branch", StringType).defaultValue("NULL").build()
  )

  override protected def run(input: InternalRow): Seq[Seq[Any]] = {
    def argument(place: Int) = Option.when(!input.isNullAt(place))(input.getString(place))
    val branch = argument(6).getOrElse(context.currentRef)
    val choice = (argument(0), argument(1)) match {
      case (Some(side), None) if side.equalsIgnoreCase(Choice.Open) => None
      case (Some(side), None) =>
        Some(
          Choice
            .side(side)
            .getOrElse(throw wrong(s"choice is ours, theirs or ${Choice.Open}, and not '$side'"))
        )
      case (None, Some(value)) =>
        if (argument(4).isEmpty && argument(5).isEmpty) throw wrong("a value needs the column that it is for")
        Some(Choice.Value(Some(value)))
      case _ => throw wrong("one of choice and value must be given, and not both")
    }
    val name = argument(2).map(table).map(i => i.namespace.toSeq :+ i.name)
    val row = Option.when(!input.isNullAt(3))(input.getLong(3))
    val decisions = argument(5).fold(Seq(Decision(choice, name, row, argument(4))))(where(branch, choice, _))
    val left = context.repository.unfinishedMerges.resolve(branch, decisions, new SystemTables(context).rows)
    Seq(Seq(left.toLong))
  }

  /** One decision for each conflict that a condition is true for. */
  private def where(branch: String, choice: Option[Choice], condition: String): Seq[Decision] = {
    val kept = context.repository.unfinishedMerges.conflicts(branch, new SystemTables(context).rows)
    val places = SparkBridge
      .frame(new ConflictsTable(branch, () => kept, _ => ()))
      .where(condition)
      .select(ConflictsTable.Place)
      .collect()
    if (places.isEmpty)
      throw AnabranchException("ANABRANCH_MERGE.NO_SUCH_CONFLICT", "what" -> condition, "branch" -> branch)
    places.toSeq.map(p => kept(p.getLong(0).toInt).decided(choice))
  }
}
