package io.anabranch.spark.parser

import io.anabranch.core.AnabranchException
import org.apache.spark.sql.catalyst.parser.ParseException
import org.apache.spark.sql.catalyst.trees.Origin

import scala.jdk.CollectionConverters._

/** An error that the text of one of our statements shows already, with line and caret. */
final class AnabranchParseException(sql: String, origin: Origin, error: AnabranchException)
    extends ParseException(
      Some(sql),
      origin,
      "PARSE_SYNTAX_ERROR",
      Map("error" -> error.condition, "hint" -> ""),
      Array.empty
    ) {

  override def getCondition: String = error.condition
  override def getErrorClass: String = error.condition
  override def getSqlState: String = error.sqlState
  override def getMessageParameters: java.util.Map[String, String] = error.parameters.asJava

  override def getMessage: String = {
    val (line, column) = (origin.line.getOrElse(1), origin.startPosition.getOrElse(0))
    val (above, below) = sql.split("\n").splitAt(line)
    val shown = above ++ Array("-" * column + "^^^") ++ below
    s"${error.getMessage} (line $line, pos $column)\n\n== SQL ==\n${shown.mkString("\n")}\n"
  }

  override def withCommand(command: String): ParseException = this
}
