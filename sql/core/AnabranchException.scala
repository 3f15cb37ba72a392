package io.anabranch.core

import com.fasterxml.jackson.databind.ObjectMapper

import scala.jdk.CollectionConverters._

/** An error with a stable class, such as `ANABRANCH_REF.NOT_FOUND`, that users may match on.
  *
  * The text of every class stands in `anabranch-errors.json`, so that the Python client and the
  * documentation say the same words.
  *
  * @param condition
  *   the stable error class
  * @param parameters
  *   the values that fill the `<name>` places of the template
  */
final class AnabranchException private (
    val condition: String,
    val parameters: Map[String, String],
    message: String,
    cause: Throwable
) extends RuntimeException(message, cause) {

  /** Five-character SQLSTATE of the class. */
  def sqlState: String = AnabranchException.templates(condition).sqlState
}

object AnabranchException {

  /** What happened and why (`message`), what to do (`action`), and the SQLSTATE. */
  final case class Template(message: String, action: String, sqlState: String)

  /** All error classes by name, as in `anabranch-errors.json`. */
  lazy val templates: Map[String, Template] = {
    val in = getClass.getResourceAsStream("/anabranch-errors.json")
    try
      new ObjectMapper()
        .readTree(in)
        .properties()
        .asScala
        .map { e =>
          val v = e.getValue
          e.getKey -> Template(v.get("message").asText, v.get("action").asText, v.get("sqlState").asText)
        }
        .toMap
    finally in.close()
  }

  private val Placeholder = "<([a-zA-Z]+)>".r

  def apply(condition: String, parameters: (String, String)*): AnabranchException =
    caused(null, condition, parameters: _*)

  def caused(cause: Throwable, condition: String, parameters: (String, String)*): AnabranchException = {
    val values = parameters.toMap
    val template = templates.getOrElse(condition, sys.error(s"error class $condition is not declared"))
    val text = Placeholder.replaceAllIn(
      template.message + " " + template.action,
      m =>
        java.util.regex.Matcher.quoteReplacement(
          values.getOrElse(m.group(1), sys.error(s"error class $condition needs <${m.group(1)}>"))
        )
    )
    new AnabranchException(condition, values, s"[$condition] $text", cause)
  }
}
