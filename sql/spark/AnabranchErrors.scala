package io.anabranch.spark

import io.anabranch.core.AnabranchException
import org.apache.spark.sql.AnalysisException

import scala.jdk.CollectionConverters._

/** An error of the core, as Spark and its clients know errors: with condition, parameters and SQLSTATE. */
final class AnabranchAnalysisException(e: AnabranchException)
    extends AnalysisException(
      message = e.getMessage,
      cause = Some(e),
      errorClass = Some(e.condition),
      messageParameters = e.parameters
    ) {
  override def getSqlState: String = e.sqlState
  override def getMessage: String = e.getMessage
  override def getSimpleMessage: String = e.getMessage
  override def getMessageParameters: java.util.Map[String, String] = e.parameters.asJava
}

object AnabranchErrors {

  /** Runs a piece of the Spark layer, with the core's errors as Spark's. */
  def translated[T](body: => T): T =
    try body
    catch { case e: AnabranchException => throw new AnabranchAnalysisException(e) }
}
