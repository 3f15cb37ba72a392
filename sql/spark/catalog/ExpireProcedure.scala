package io.anabranch.spark.catalog

import io.anabranch.core.format.Times
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.catalog.procedures.ProcedureParameter
import org.apache.spark.sql.types._

/** `CALL system.expire(older_than => TIMESTAMP '…', branches => 'pattern')`: gives up the data of states that were over by
  * a time, for ever. Heads of branches and what tags name stay, however old; VACUUM deletes.
  */
final class ExpireProcedure(context: CatalogContext)
    extends LocalProcedure(
      context,
      "branches STRING, before TIMESTAMP, author STRING, time TIMESTAMP, expired_commits BIGINT"
    ) {
  override def name(): String = "expire"
  override def description(): String = "gives up the data of old states"
  override protected def onlyReads: Boolean = false

  override def parameters(): Array[ProcedureParameter] = Array(
    ProcedureParameter.in("older_than", TimestampType).build(),
    ProcedureParameter.in("branches", StringType).defaultValue("'*'").build()
  )

  override protected def run(input: InternalRow): Seq[Seq[Any]] = {
    mustBeGiven(input, 0)
    val (before, branches) = (Math.floorDiv(input.getLong(0), 1000L), text(input, 1))
    val told = Map("older_than" -> Times.shown(before), "branches" -> branches)
    val found = context.repository.expire(before, branches, context.context(told))
    val e = found.expiry
    Seq(Seq(e.branches, e.beforeMillis * 1000, e.author, e.timeMillis * 1000, found.expiredCommits))
  }
}
