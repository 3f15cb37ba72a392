package io.anabranch.core.format

/** What holds of a table's rows.
  *
  * @param name
  *   unique in the table, without regard to case
  */
sealed trait TableConstraint {
  def name: String
}

object TableConstraint {

  /** A condition, as SQL text on logical names, that is not false for any row. Every write is checked. */
  final case class Check(name: String, condition: String) extends TableConstraint

  /** Columns, by physical names, that tell rows apart. Nobody checks it.
    *
    * @param primary
    *   whether it is the primary key
    */
  final case class Key(name: String, columns: Seq[String], primary: Boolean) extends TableConstraint

  def encode(c: TableConstraint): Json = c match {
    case Check(name, condition) => Json.obj("name" -> Json.Text(name), "check" -> Json.Text(condition))
    case Key(name, columns, primary) =>
      Json.obj("name" -> Json.Text(name), (if (primary) "primary_key" else "unique") -> Json.texts(columns))
  }

  def decode(r: JsonReader): TableConstraint =
    if (r.has("check")) Check(r.text("name"), r.text("check"))
    else if (r.has("primary_key")) Key(r.text("name"), r.texts("primary_key"), primary = true)
    else if (r.has("unique")) Key(r.text("name"), r.texts("unique"), primary = false)
    else throw r.wrong("name", "followed by check, primary_key or unique")
}
