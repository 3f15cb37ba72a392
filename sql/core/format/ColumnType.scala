package io.anabranch.core.format

/** The type of a column or nested field, as the format writes it. */
sealed trait ColumnType

object ColumnType {

  /** A type without parts, by its name in Spark SQL's JSON, in lower case: `boolean`, `byte`, `short`,
    * `integer`, `long`, `float`, `double`, `decimal(p,s)`, `string`, `string collate X`, `char(n)`,
    * `varchar(n)`, `binary`, `date`, `timestamp`, `timestamp_ntz`, `time(p)`, `variant`, …
    */
  final case class Primitive(name: String) extends ColumnType
  final case class Struct(fields: Seq[Column]) extends ColumnType
  final case class Arr(element: ColumnType, containsNull: Boolean) extends ColumnType
  final case class Mapping(key: ColumnType, value: ColumnType, valueContainsNull: Boolean) extends ColumnType

  private val Wholes = Seq("byte", "short", "integer", "long")
  private val Floats = Seq("float", "double")
  private val Decimal = """decimal\((\d+),(\d+)\)""".r
  private val Varchar = """varchar\((\d+)\)""".r

  /** The one of two types that holds all values of the other; None if neither does. */
  def wider(a: ColumnType, b: ColumnType): Option[ColumnType] = (a, b) match {
    case _ if a == b => Some(a)
    case (Primitive(x), Primitive(y)) =>
      Seq(Wholes, Floats)
        .find(order => order.contains(x) && order.contains(y))
        .map(order => Primitive(order(order.indexOf(x).max(order.indexOf(y)))))
        .orElse((x, y) match {
          case (Decimal(p, s), Decimal(q, r)) if s == r => Some(if (p.toInt < q.toInt) b else a)
          case (Varchar(n), Varchar(m)) => Some(if (n.toInt < m.toInt) b else a)
          case (Varchar(_), "string") => Some(b)
          case ("string", Varchar(_)) => Some(a)
          case _ => None
        })
    case _ => None
  }

  /** A type with its parts such that it holds, as well, the values of another type of the same kind. */
  def holding(t: ColumnType, other: ColumnType): ColumnType = (t, other) match {
    case (Struct(f), Struct(g)) => Struct(Column.holding(f, g))
    case (Arr(e, n), Arr(f, m)) => Arr(holding(e, f), n || m)
    case (Mapping(k, v, n), Mapping(l, w, m)) => Mapping(holding(k, l), holding(v, w), n || m)
    case _ => wider(t, other).getOrElse(t)
  }

  def encode(t: ColumnType): Json = t match {
    case Primitive(name) => Json.Text(name)
    case Struct(fields) => Json.obj("struct" -> Json.Arr(fields.map(Column.encode)))
    case Arr(e, n) => Json.obj("array" -> encode(e), "nullable" -> Json.Bool(n))
    case Mapping(k, v, n) =>
      Json.obj("map" -> Json.Arr(Seq(encode(k), encode(v))), "nullable" -> Json.Bool(n))
  }

  def decode(json: Json, origin: String): ColumnType = json match {
    case Json.Text(name) => Primitive(name)
    case _ =>
      val r = new JsonReader(json, origin, "type.")
      if (r.has("struct")) Struct(r.items("struct").map(Column.decode(_, origin)))
      else if (r.has("array")) Arr(decode(r.json("array"), origin), r.bool("nullable"))
      else
        r.items("map") match {
          case Seq(k, v) => Mapping(decode(k, origin), decode(v, origin), r.bool("nullable"))
          case _ => throw r.wrong("map", "a pair of types")
        }
  }
}

/** A column or nested field.
  *
  * @param name
  *   what users call it; a rename changes this and nothing else
  * @param physical
  *   what it is called in data files: its identity, unique in the table (or struct) for ever
  * @param attributes
  *   what else is said of it, by name: `comment`, `default`, `default.exists`, …
  */
final case class Column(
    name: String,
    physical: String,
    dataType: ColumnType,
    nullable: Boolean,
    attributes: Map[String, String] = Map.empty
)

object Column {

  /** The attribute that only people read. */
  val Comment: String = "comment"

  def encode(c: Column): Json = Json.some(
    "name" -> Some(Json.Text(c.name)),
    "physical" -> Option.when(c.physical != c.name)(Json.Text(c.physical)),
    "type" -> Some(ColumnType.encode(c.dataType)),
    "required" -> Option.when(!c.nullable)(Json.Bool(true)),
    "attributes" -> Option.when(c.attributes.nonEmpty)(Json.textMap(c.attributes))
  )

  def decode(json: Json, origin: String): Column = {
    val r = new JsonReader(json, origin, "column.")
    val name = r.text("name")
    Column(
      name,
      r.textOpt("physical").getOrElse(name),
      ColumnType.decode(r.json("type"), origin),
      !r.bool("required"),
      r.textMap("attributes")
    )
  }

  /** A physical name for a new column: its own name, or `name~1`, `name~2`, … where that was used
    * before. Used names are compared without case and never given again, so the same new column on two
    * branches is the same column, and a dropped one's values never come back. Dots become `~`: they
    * stand between the parts of a path.
    *
    * @param used
    *   all physical names that the table (or struct) ever had
    */
  def physicalName(name: String, used: Iterable[String]): String = {
    val taken = used.map(fold).toSet
    val plain = name.replace('.', '~')
    (Iterator(plain) ++ Iterator.from(1).map(i => s"$plain~$i")).find(n => !taken(fold(n))).get
  }

  /** All physical paths of fields, nested ones included. */
  def paths(columns: Seq[Column], prefix: String = ""): Set[String] = columns.flatMap { c =>
    val path = prefix + c.physical
    paths(c.dataType, path + ".") + path
  }.toSet

  private def paths(t: ColumnType, prefix: String): Set[String] = t match {
    case ColumnType.Struct(fields) => paths(fields, prefix)
    case ColumnType.Arr(e, _) => paths(e, prefix + "element.")
    case ColumnType.Mapping(k, v, _) => paths(k, prefix + "key.") ++ paths(v, prefix + "value.")
    case _ => Set.empty
  }

  private def fold(name: String): String = name.toLowerCase(java.util.Locale.ROOT)

  /** Columns with types such that they hold, as well, the rows of another version of the table: in the wider type, and NULL
    * where a column is not there.
    */
  def holding(columns: Seq[Column], others: Seq[Column]): Seq[Column] = columns.map { c =>
    others.find(_.physical == c.physical).fold(c.copy(nullable = true)) { o =>
      c.copy(dataType = ColumnType.holding(c.dataType, o.dataType), nullable = c.nullable || o.nullable)
    }
  }

  /** Finds a column by its logical path, each part compared without case. */
  def find(columns: Seq[Column], path: Seq[String]): Option[Column] = path match {
    case Seq(name) => columns.find(c => fold(c.name) == fold(name))
    case head +: rest =>
      columns.find(c => fold(c.name) == fold(head)).map(_.dataType).flatMap {
        case ColumnType.Struct(fields) => find(fields, rest)
        case _ => None
      }
    case _ => None
  }
}
