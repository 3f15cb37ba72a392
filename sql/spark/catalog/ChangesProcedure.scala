package io.anabranch.spark.catalog

import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.catalog.procedures.ProcedureParameter
import org.apache.spark.sql.connector.read.Scan
import org.apache.spark.sql.types._

/** `CALL system.changes(table => 'db.t', from_version => 2, to_version => 5)`, or `from_ref`, `to_ref`; or
  * `from_timestamp`, `to_timestamp`: what happened to rows after the one, up to the other (None: now), as `SELECT … CHANGES
  * FROM … EXCLUSIVE TO …` with images of updates. `net => true` leaves out what was undone in between.
  */
final class ChangesProcedure(context: CatalogContext) extends CatalogProcedure(context) {
  override def name(): String = "changes"
  override def description(): String = "what happened to the rows of a table"

  override def parameters(): Array[ProcedureParameter] = {
    def optional(name: String, dataType: DataType, default: String = "NULL") =
      ProcedureParameter.in(name, dataType).defaultValue(default).build()
    Array(
      ProcedureParameter.in("table", StringType).build(),
      optional("from_version", LongType),
      optional("from_ref", StringType),
      optional("from_timestamp", TimestampType),
      optional("to_version", LongType),
      optional("to_ref", StringType),
      optional("to_timestamp", TimestampType),
      optional("net", BooleanType, "false"),
      optional("where", StringType)
    )
  }

  override protected def result(input: InternalRow): Scan = {
    def point(first: Int): Option[Either[Long, String]] = {
      val told = Seq(
        Option.when(!input.isNullAt(first))(Right(input.getLong(first).toString)),
        Option.when(!input.isNullAt(first + 1))(Right(input.getString(first + 1))),
        Option.when(!input.isNullAt(first + 2))(Left(input.getLong(first + 2)))
      ).flatten
      if (told.size > 1) throw wrong("a version, a ref and a timestamp each say all: give one of them")
      told.headOption
    }
    val from = point(1).getOrElse(throw wrong("from_version, from_ref or from_timestamp must be given"))
    val to = point(4)
    if (to.exists(_.isLeft != from.isLeft)) throw wrong("a timestamp goes with another timestamp only")
    val target = table(text(input, 0))
    val options = Map(
      "startingBoundInclusive" -> "false",
      "computeUpdates" -> "true",
      "deduplicationMode" -> (if (!input.isNullAt(7) && input.getBoolean(7)) "netChanges"
                              else "dropCarryovers")
    ) ++ bound("starting", from) ++ to.map(bound("ending", _)).getOrElse(Map.empty)
    val changes =
      SparkBridge.session.read.options(options).changes(sqlName(target.namespace.toSeq :+ target.name))
    local(if (input.isNullAt(8)) changes else changes.where(input.getString(8)))
  }

  private def bound(which: String, at: Either[Long, String]): Map[String, String] = Map(at match {
    case Left(micros) => s"${which}Timestamp" -> ChangesProcedure.time(micros)
    case Right(version) => s"${which}Version" -> version
  })
}

private object ChangesProcedure {

  /** As Spark reads it in any time zone. */
  def time(micros: Long): String =
    java.time.Instant.EPOCH.plus(micros, java.time.temporal.ChronoUnit.MICROS).toString
}
