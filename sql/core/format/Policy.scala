package io.anabranch.core.format

import io.anabranch.core.AnabranchException

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

/** Who may do something on some branches, or with one table there. Where nobody was granted it, everybody may.
  *
  * @param table
  *   None if it is about whole branches
  * @param principals
  *   authors who may, [[Grant.Public]] for all of them; none is nobody
  * @param owner
  *   who granted it first, and may change it
  */
final case class Grant(
    privilege: String,
    branches: String,
    table: Option[GrantedTable],
    principals: Seq[String],
    owner: String
) extends Policy {
  def allows(author: String): Boolean = principals.contains(author) || principals.contains(Grant.Public)
}

/** A table under all names that it gets, and whatever has its name. */
final case class GrantedTable(id: String, name: Seq[String]) {
  def is(other: GrantedTable): Boolean = id == other.id || name == other.name
}

object Grant {
  val Public: String = "PUBLIC"

  /** Seeing rows of a table, or of all tables of a branch. */
  val Select: String = "SELECT"

  /** Committing changes of a table, or anything to a branch. */
  val Modify: String = "MODIFY"

  /** Changing the rules about branches. */
  val Manage: String = "MANAGE"
}

/** The data of some branches' states was given up: of those that were over by a time.
  *
  * @param beforeMillis
  *   that time
  * @param author
  *   who gave it up
  * @param timeMillis
  *   when
  */
final case class Expiry(branches: String, beforeMillis: Long, author: String, timeMillis: Long) extends Policy

/** One of a kind that this software does not know: it must not write to such branches. */
final case class UnknownPolicy(branches: String, kind: String, written: Json) extends Policy {

  /** @param scope
    *   what is not written to, for the error: "branch dev", "repository at …"
    */
  def refusal(scope: String): AnabranchException = AnabranchException(
    "ANABRANCH_REPOSITORY.UNKNOWN_FEATURE",
    "scope" -> scope,
    "kind" -> "writer",
    "features" -> kind
  )
}

object Policy {

  /** Whether there may be a branch that two patterns are both about. */
  def overlap(one: String, other: String): Boolean = {
    // row by row: whether what is left of one, and of the other from each place on, may be the same
    def from(i: Int, below: IndexedSeq[Boolean]): IndexedSeq[Boolean] =
      (other.length to 0 by -1).foldLeft(Vector.empty[Boolean]) { (right, j) =>
        val (a, b) = (one.lift(i), other.lift(j))
        val same =
          if (a.contains('*')) below(j) || right.headOption.getOrElse(false)
          else if (b.contains('*')) right.headOption.getOrElse(false) || (a.isDefined && below(j))
          else if (a.isEmpty || b.isEmpty) a == b
          else a == b && below(j + 1)
        same +: right
      }
    val past = IndexedSeq.fill(other.length + 2)(false)
    (one.length to 0 by -1).foldLeft(past)((below, i) => from(i, below)).head
  }

  def gate(name: String): String = s"gate:$name"
  def protection(branches: String): String = s"protection:$branches"
  def grant(privilege: String, branches: String, table: Option[GrantedTable]): String =
    s"grant:$privilege:$branches" + table.fold("")(t => s":${t.id}")

  def expiry(branches: String): String = s"expiry:$branches"

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
    case g: Grant =>
      Json.some(
        "kind" -> Some(Json.Text("grant")),
        "branches" -> Some(Json.Text(g.branches)),
        "privilege" -> Some(Json.Text(g.privilege)),
        "table" -> g.table.map(t => Json.obj("id" -> Json.Text(t.id), "name" -> Json.texts(t.name))),
        "principals" -> Some(Json.texts(g.principals)),
        "owner" -> Some(Json.Text(g.owner))
      )
    case e: Expiry =>
      Json.obj(
        "kind" -> Json.Text("expiry"),
        "branches" -> Json.Text(e.branches),
        "before" -> Json.Integer(e.beforeMillis),
        "author" -> Json.Text(e.author),
        "time" -> Json.Integer(e.timeMillis)
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
    case "grant" =>
      val table = r.readerOpt("table").map(t => GrantedTable(t.text("id"), t.texts("name")))
      Grant(r.text("privilege"), r.text("branches"), table, r.texts("principals"), r.text("owner"))
    case "expiry" => Expiry(r.text("branches"), r.long("before"), r.text("author"), r.long("time"))
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
