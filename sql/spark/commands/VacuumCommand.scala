package io.anabranch.spark.commands

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.Times
import io.anabranch.core.repository.Vacuum
import org.apache.spark.sql.Row
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}

import scala.util.Try

/** `VACUUM`: deletes data files and deletion vectors that no state needs but expired ones, or none at all.
  *
  * @param catalog
  *   where no table is named: its whole repository
  * @param table
  *   only what belongs to this one
  * @param hours
  *   what is younger stays
  */
final case class VacuumCommand(
    catalog: Option[String],
    table: Option[Seq[String]],
    hours: Option[Int],
    dryRun: Boolean
) extends AnabranchCommand {
  override protected def columns: String = "path STRING, size BIGINT, modified TIMESTAMP"

  override protected def execute(session: ClassicSession): Seq[Row] = {
    val named = table.map(Commands.table(session, _))
    val c = named.fold(Commands.catalog(session, catalog))(_._1)
    Commands.notInTransaction(c, this)
    val loaded = named.map { case (_, t) => c.repository.load(t.ref, t.name) }
    val grace = hours.fold(Vacuum.SmallestHours)(_.toLong) * Times.Hour
    val force = !VacuumCommand.checksGrace(session)
    c.repository.vacuum(grace, loaded, force, dryRun, Commands.author(session)).map { o =>
      Row(o.path, o.sizeBytes, Commands.time(o.modifiedMillis))
    }
  }
}

object VacuumCommand {
  val CheckGrace: String = "spark.anabranch.vacuum.check-grace"

  /** Name, default and meaning, for the documentation. */
  val All: Seq[(String, String, String)] = Seq(
    (
      CheckGrace,
      "true",
      s"Whether VACUUM refuses to keep files for less than ${Vacuum.SmallestHours} hours: writers that run may be about to " +
        "commit them. Set it to false where it is certain that nobody writes."
    )
  )

  private def checksGrace(session: ClassicSession): Boolean = {
    val text = session.sessionState.conf.getConfString(CheckGrace, "true")
    Try(text.toBoolean).getOrElse(
      throw AnabranchException(
        "ANABRANCH_WRITE.OPTION",
        "option" -> CheckGrace,
        "reason" -> s"'$text' is neither true nor false",
        "advice" -> "Set true or false."
      )
    )
  }
}
