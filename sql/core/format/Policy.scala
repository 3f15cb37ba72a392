package io.anabranch.core.format

/** A rule of the repository about some of its branches. The log of main keeps all of them, under names. */
sealed trait Policy {

  /** Which branches it is about: a name, in which `*` stands for any characters. */
  def branches: String

  def appliesTo(branch: String): Boolean =
    branches.split("\\*", -1).map(java.util.regex.Pattern.quote).mkString(".*").r.matches(branch)
}

/** An assertion: a query that must return no row on any state of a branch.
  *
  * @param catalog
  *   the name by which the query calls the repository
  * @param namespace
  *   where the query's names without a namespace are
  * @param tables
  *   full names of those that it reads
  * @param language
  *   sql, or python: then the query is the name of a function, which who commits must know
  */
final case class Gate(
    branches: String,
    query: String,
    catalog: String,
    namespace: Seq[String],
    tables: Seq[Seq[String]],
    language: String = Gate.Sql
) extends Policy

object Gate {
  val Sql: String = "sql"
  val Python: String = "python"
}

/** Only merges commit to such a branch.
  *
  * @param principals
  *   authors who may merge into it; empty is everybody
  */
final case class Protection(branches: String, principals: Seq[String]) extends Policy

/** One of a kind that this software does not know: it must not write to such branches. */
final case class UnknownPolicy(branches: String, kind: String, written: Json) extends Policy

object Policy {
  def gate(name: String): String = s"gate:$name"
  def protection(branches: String): String = s"protection:$branches"

  def encode(p: Policy): Json = p match {
    case g: Gate =>
      Json.obj(
        "kind" -> Json.Text("gate"),
        "branches" -> Json.Text(g.branches),
        "query" -> Json.Text(g.query),
        "catalog" -> Json.Text(g.catalog),
        "namespace" -> Json.texts(g.namespace),
        "language" -> Json.Text(g.language),
        "tables" -> Json.Arr(g.tables.map(t => Json.obj("name" -> Json.texts(t))))
      )
    case p: Protection =>
      Json.obj(
        "kind" -> Json.Text("protection"),
        "branches" -> Json.Text(p.branches),
        "principals" -> Json.texts(p.principals)
      )
    case u: UnknownPolicy => u.written
  }

  /** None if it was dropped. */
  def decode(r: JsonReader): Option[Policy] = r.textOpt("kind").map {
    case "gate" =>
      Gate(
        r.text("branches"),
        r.text("query"),
        r.text("catalog"),
        r.texts("namespace"),
        r.readers("tables").map(_.texts("name")),
        r.text("language")
      )
    case "protection" => Protection(r.text("branches"), r.texts("principals"))
    case kind => UnknownPolicy(r.text("branches"), kind, r.json)
  }
}

/** How a gate let a commit pass.
  *
  * @param read
  *   whether all rows of its tables were read, or only those that changed
  * @param sha256
  *   of its query, in UTF-8
  */
final case class GatePassed(read: String, sha256: String)

object GatePassed {
  val All: String = "all"
  val Changed: String = "changed"
}
