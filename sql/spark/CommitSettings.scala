package io.anabranch.spark

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Json, JsonReader}
import io.anabranch.core.transaction.CommitContext
import io.anabranch.spark.gates.SparkGates
import org.apache.spark.network.util.JavaUtils
import org.apache.spark.sql.internal.SQLConf

import scala.util.Try

/** Session settings that say who commits, and why. */
object CommitSettings {
  val Author: String = "spark.anabranch.commit.author"
  val Message: String = "spark.anabranch.commit.message"
  val Metadata: String = "spark.anabranch.commit.metadata"
  val Retries: String = "spark.anabranch.commit.retries"
  val Isolation: String = "spark.anabranch.commit.isolation"
  val GatesTimeout: String = "spark.anabranch.gates.timeout"

  private val DefaultGatesTimeout = "1h"

  /** The same for a table, as its property; the session's setting comes first. */
  val IsolationProperty: String = "anabranch.commit.isolation"

  /** Name, default and meaning of each setting; the documentation's table is made of these. */
  val All: Seq[(String, String, String)] = Seq(
    (Author, "the user of the operating system", "Author of commits."),
    (Message, "empty", "Message of commits; a MESSAGE clause comes first."),
    (Metadata, "empty", "A JSON object of strings kept in each commit, such as {\"ticket\": \"DATA-17\"}."),
    (
      Retries,
      CommitContext.DefaultRetries.toString,
      "How many lost races a commit gets over before it gives up."
    ),
    (
      Isolation,
      s"the table's property $IsolationProperty, else serializable",
      "serializable: what a statement reads must not be changed by commits that it does not see; snapshot: only rows " +
        "that both change are a conflict."
    ),
    (
      GatesTimeout,
      DefaultGatesTimeout,
      "How long one gate may take, such as 90s or 5min; then the commit is refused."
    )
  )

  /** @throws AnabranchException
    *   ANABRANCH_WRITE.OPTION
    */
  def gatesTimeoutSeconds(conf: SQLConf): Long = {
    val text = setting(conf, GatesTimeout).getOrElse(DefaultGatesTimeout)
    Try(JavaUtils.timeStringAsSec(text))
      .filter(_ > 0)
      .getOrElse(throw wrong(GatesTimeout, s"'$text' is no time", "Set a time such as 90s or 5min."))
  }

  /** Whether reads are checked, too.
    *
    * @param properties
    *   of the table that is written to
    * @throws AnabranchException
    *   ANABRANCH_WRITE.OPTION
    */
  def serializable(conf: SQLConf, properties: Map[String, String]): Boolean =
    setting(conf, Isolation).fold(isolation(properties))(level(Isolation, _))

  /** The same, as a table's properties say it.
    *
    * @throws AnabranchException
    *   ANABRANCH_WRITE.OPTION
    */
  def isolation(properties: Map[String, String]): Boolean =
    properties.get(IsolationProperty).forall(level(IsolationProperty, _))

  private def level(option: String, chosen: String): Boolean =
    chosen.toLowerCase(java.util.Locale.ROOT) match {
      case "serializable" => true
      case "snapshot" => false
      case other => throw wrong(option, s"'$other' is no isolation level", "Set serializable or snapshot.")
    }

  /** @param message
    *   of the statement's own clause
    * @param parameters
    *   what the operation was given, for history
    * @throws AnabranchException
    *   ANABRANCH_WRITE.OPTION for a setting that can't be read
    */
  def context(
      conf: SQLConf,
      message: Option[String] = None,
      parameters: Map[String, String] = Map.empty
  ): CommitContext = CommitContext(
    author(conf),
    message.orElse(setting(conf, Message)).getOrElse(""),
    setting(conf, Metadata).fold(Map.empty[String, String])(metadata),
    parameters,
    setting(conf, Retries).fold(CommitContext.DefaultRetries) { text =>
      Try(text.toInt)
        .filter(_ >= 0)
        .getOrElse(throw wrong(Retries, s"'$text' is not a number from 0 up", "Set a whole number."))
    },
    SparkGates
  )

  /** Who acts in a session. */
  def author(conf: SQLConf): String =
    setting(conf, Author).getOrElse(System.getProperty("user.name", "unknown"))

  private def setting(conf: SQLConf, key: String): Option[String] =
    Option(conf.getConfString(key, null)).filter(_.nonEmpty)

  private def metadata(text: String): Map[String, String] =
    Try(new JsonReader(Json.obj("m" -> Json.parse(text.getBytes("UTF-8"), Metadata)), Metadata).textMap("m"))
      .getOrElse(
        throw wrong(Metadata, "it is not a JSON object of strings", "Write it as {\"key\": \"value\"}.")
      )

  private def wrong(option: String, reason: String, advice: String) =
    AnabranchException("ANABRANCH_WRITE.OPTION", "option" -> option, "reason" -> reason, "advice" -> advice)
}
