package io.anabranch.core.format

import io.anabranch.core.AnabranchException

/** Reads the members of a JSON object by name and type, with errors that name the object and member.
  *
  * Members that it is not asked for are ignored: whatever changes the meaning of an object comes with
  * a feature name, which an old reader refuses.
  */
final class JsonReader(value: Json, origin: String, path: String = "") {

  private def corrupt(name: String, expected: String): AnabranchException = AnabranchException(
    "ANABRANCH_LOG.CORRUPT_OBJECT",
    "path" -> origin,
    "reason" -> s"$path$name is not $expected"
  )

  private val obj: Json.Obj = value match {
    case o: Json.Obj => o
    case _ => throw corrupt(if (path.isEmpty) "it" else "", "an object")
  }

  private def member[T](name: String, expected: String)(f: PartialFunction[Json, T]): Option[T] =
    obj.get(name).map(v => f.applyOrElse(v, (_: Json) => throw corrupt(name, expected)))

  private def required[T](name: String, found: Option[T]): T =
    found.getOrElse(throw corrupt(name, "there"))

  /** The whole object. */
  def json: Json = obj
  def names: Iterable[String] = obj.members.keys
  def has(name: String): Boolean = obj.get(name).isDefined

  def textOpt(name: String): Option[String] = member(name, "a string") { case Json.Text(s) => s }
  def text(name: String): String = required(name, textOpt(name))

  def longOpt(name: String): Option[Long] = member(name, "an integer") {
    case Json.Integer(n) => n
    case Json.Text(s) if s.matches("-?[0-9]{1,19}") && BigInt(s).isValidLong => s.toLong
  }
  def long(name: String): Long = required(name, longOpt(name))
  def intOpt(name: String): Option[Int] = longOpt(name).map { n =>
    if (n.isValidInt) n.toInt else throw corrupt(name, "a 32-bit integer")
  }

  def bool(name: String): Boolean = member(name, "true or false") { case Json.Bool(b) => b }.getOrElse(false)

  def texts(name: String): Seq[String] = items(name).map {
    case Json.Text(s) => s
    case _ => throw corrupt(name, "a list of strings")
  }

  def items(name: String): Seq[Json] = member(name, "a list") { case Json.Arr(v) => v }.getOrElse(Nil)
  def jsonOpt(name: String): Option[Json] = obj.get(name)
  def json(name: String): Json = required(name, jsonOpt(name))

  def textMap(name: String): Map[String, String] = members(name).map {
    case (k, Json.Text(s)) => k -> s
    case _ => throw corrupt(name, "an object of strings")
  }

  def longMap(name: String): Map[String, Long] =
    readerOpt(name).map(r => r.names.map(n => n -> r.long(n)).toMap).getOrElse(Map.empty)

  def members(name: String): Map[String, Json] =
    member(name, "an object") { case Json.Obj(m) => m }.getOrElse(Map.empty)

  def readerOpt(name: String): Option[JsonReader] =
    obj.get(name).map(v => new JsonReader(v, origin, s"$path$name."))
  def reader(name: String): JsonReader = required(name, readerOpt(name))
  def readers(name: String): Seq[JsonReader] =
    items(name).zipWithIndex.map { case (v, i) => new JsonReader(v, origin, s"$path$name[$i].") }
  def readerMap(name: String): Map[String, JsonReader] =
    members(name).map { case (k, v) => k -> new JsonReader(v, origin, s"$path$name.$k.") }

  /** The error for a value that is of the right JSON type, but wrong. */
  def wrong(name: String, expected: String): AnabranchException = corrupt(name, expected)
}
