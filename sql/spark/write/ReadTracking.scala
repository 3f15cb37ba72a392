package io.anabranch.spark.write

import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.classic.Strategy
import org.apache.spark.sql.execution.SparkPlan

/** Tells each write to a table which statement it is of, once what that reads is planned. It plans nothing itself. */
object ReadTracking extends Strategy {
  override def apply(plan: LogicalPlan): Seq[SparkPlan] = {
    plan match {
      case w: V2WriteCommand => writeOf(w).foreach(_.told(PlannedStatement.of(w)))
      case _ => ()
    }
    Nil
  }

  private def writeOf(command: V2WriteCommand): Option[TracksReads] = {
    val write = command match {
      case a: AppendData => a.write
      case m: InsertOnlyMerge => m.write
      case o: OverwriteByExpression => o.write
      case o: OverwritePartitionsDynamic => o.write
      case r: ReplaceData => r.write
      case w: WriteDelta => w.write
      case _ => None
    }
    write.collect { case t: TracksReads => t }
  }
}

/** A write that knows what its statement reads. */
trait TracksReads {
  @volatile private var planned: Option[PlannedStatement] = None

  private[write] def told(of: PlannedStatement): Unit = planned = Some(of)

  /** None if nobody told. */
  private[write] def statement: Option[PlannedStatement] = planned
}
