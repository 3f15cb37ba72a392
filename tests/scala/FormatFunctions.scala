package io.anabranch.test

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.operations.Names

import java.math.BigDecimal
import java.nio.charset.StandardCharsets.UTF_8
import java.util.{Base64, HexFormat}

/** Functions of the format for [[VectorRunner]]: JSON, values, names, columns, statistics, transforms,
  * deletion vectors, manifests.
  */
object FormatFunctions {
  import VectorRunner.Function

  val all: Map[String, Function] = Map(
    "json.canonical" -> canonical,
    "json.int64" -> (in => Json.int64(in.text("digits").toLong)),
    "value.encode" -> (in => Value.encode(described(in))),
    "value.decode" -> (in => orNull(Value.decode(in.json("value")).map(describe))),
    "value.compare" -> compare,
    "ref.allowed" -> (in => Json.Bool(RefName.problem(in.text("name")).isEmpty)),
    "name.check" -> checkName,
    "object.branch" -> (in => Json.Text(Paths.branch(in.text("name")))),
    "object.tag" -> (in => Json.Text(Paths.tag(in.text("name")))),
    "object.name" -> (in => Json.Text(Paths.decode(in.text("encoded")))),
    "object.log" -> (in => Json.Text(Paths.logObject(position(in, "position")))),
    "object.checkpoint" -> (in => Json.Text(Paths.checkpoint(position(in, "position")))),
    "object.number" -> (in => orNull(Paths.numberOf(in.text("path")).map(Json.int64))),
    "position.parse" -> (in => orNull(Position.parse(in.text("text")).map(p => Json.Text(p.toString)))),
    "position.pack" -> (in => Json.Text(position(in, "position").packed.toString)),
    "position.unpack" -> (in => Json.Text(Position.unpacked(in.text("packed").toLong).toString)),
    "commit.parse_id" -> (in => orNull(CommitId.parse(in.text("text")).map(id => Json.Text(id.toString)))),
    "column.physical" -> (in => Json.Text(Column.physicalName(in.text("name"), in.texts("used")))),
    "metadata.rewrite" -> (in => TableMetadata.encode(TableMetadata.decode(in.reader("metadata"), "input"))),
    "stats.bounded" -> bounded,
    "transform.apply" -> transform,
    "transform.key" -> (in => Json.Text(PartitionField.decode(in).key)),
    "murmur3" -> (in => Json.Integer(Murmur3.hash(value(in, "value")).toLong)),
    "dv.write" -> (in =>
      Json.Text(base64(DeletionVector.serialize(in.items("positions").iterator.flatMap(positions))))
    ),
    "dv.read" -> readDeletionVector,
    "dv.entry" -> (in => DeletionVector.encode(DeletionVector.decode(in))),
    "manifest.rewrite" -> (in =>
      Json.Arr(Manifest.read(Manifest.write(in.readers("files").map(file)), "manifest").map(fileJson))
    )
  )

  private[test] def orNull(found: Option[Json]): Json = found.getOrElse(Json.Null)

  /** The encoded value of that name. */
  private[test] def value(in: JsonReader, name: String): Value =
    Value.decode(in.json(name)).getOrElse(throw in.wrong(name, "a value"))

  private[test] def position(in: JsonReader, name: String): Position =
    Position.parse(in.text(name)).getOrElse(throw in.wrong(name, "a position"))

  /** The canonical bytes of what stands in `text` or, in Base64, in `bytes`. */
  private def canonical(in: JsonReader): Json = {
    val bytes =
      in.textOpt("text").map(_.getBytes(UTF_8)).getOrElse(Base64.getDecoder.decode(in.text("bytes")))
    Json.Text(new String(Json.canonical(Json.parse(bytes, "input")), UTF_8))
  }

  /** A value from its kind and a plain text: decimal digits, the exact double, or hexadecimal bytes. */
  private def described(in: JsonReader): Value = {
    val text = in.text("value")
    in.text("kind") match {
      case "whole" => Value.Whole(text.toLong)
      case "floating" => Value.Floating(text.toDouble)
      case "decimal" => Value.Decimal(new BigDecimal(text))
      case "text" => Value.Text(text)
      case "bytes" => Value.Bytes(HexFormat.of().parseHex(text))
      case "bool" => Value.Bool(text.toBoolean)
      case _ => throw in.wrong("kind", "a kind")
    }
  }

  private def describe(v: Value): Json = {
    val (kind, text) = v match {
      case Value.Whole(n) => ("whole", n.toString)
      case Value.Floating(d) if d.isNaN || d.isInfinite => ("floating", d.toString)
      case Value.Floating(d) if Value.bits(d) == Value.bits(-0.0) => ("floating", "-0.0")
      case Value.Floating(d) => ("floating", new BigDecimal(d).toPlainString)
      case Value.Decimal(d) => ("decimal", d.toPlainString)
      case Value.Text(s) => ("text", s)
      case Value.Bytes(b) => ("bytes", HexFormat.of().formatHex(b))
      case Value.Bool(b) => ("bool", b.toString)
    }
    Json.obj("kind" -> Json.Text(kind), "value" -> Json.Text(text))
  }

  private def compare(in: JsonReader): Json =
    orNull(Value.compare(value(in, "a"), value(in, "b")).map(c => Json.Integer(c.sign.toLong)))

  private def checkName(in: JsonReader): Json = {
    Names.check(in.texts("name"))
    Json.Bool(true)
  }

  private def bounded(in: JsonReader): Json = {
    def bound(name: String) = Option.when(in.has(name))(value(in, name))
    ColumnStats.encode(ColumnStats.bounded(bound("min"), bound("max"), in.longOpt("nulls")))
  }

  private def transform(in: JsonReader): Json = {
    val t = Transform
      .parse(in.text("transform"), in.intOpt("parameter"))
      .getOrElse(throw in.wrong("transform", "a transform"))
    val column = ColumnType.Primitive(in.text("type"))
    if (!Transform.accepts(t, column)) Json.Null
    else Value.encode(Transform(t, value(in, "value"), column.name == "date"))
  }

  /** A position, or a pair: the first and one past the last of a run. */
  private def positions(json: Json): Iterator[Long] = json match {
    case Json.Arr(Seq(Json.Integer(from), Json.Integer(until))) =>
      Iterator.iterate(from)(_ + 1).takeWhile(_ < until)
    case Json.Integer(n) => Iterator.single(n)
    case other => throw new IllegalArgumentException(s"$other is no position")
  }

  private def base64(bytes: Array[Byte]): String = Base64.getEncoder.encodeToString(bytes)

  private def readDeletionVector(in: JsonReader): Json =
    try
      Json.Arr(
        DeletionVector
          .deserialize(Base64.getDecoder.decode(in.text("bytes")))
          .iterator
          .toSeq
          .map(Json.Integer(_))
      )
    catch {
      case e: java.io.IOException =>
        throw AnabranchException("ANABRANCH_LOG.CORRUPT_OBJECT", "path" -> "dv", "reason" -> e.toString)
    }

  /** A data file: what the entry holds of it, with `stats`, `rows` (of a block of inline rows) and
    * `added_by`.
    */
  private[test] def file(in: JsonReader): DataFile =
    DataFile
      .decode(in, in.readerOpt("stats"), _ => Option.when(in.has("block"))(in.items("block")))
      .copy(addedBy = Option.when(in.has("added_by"))(position(in, "added_by")))

  private[test] def fileJson(f: DataFile): Json = {
    val Json.Obj(direct) = DataFile.encode(f): @unchecked
    val more = Json.some(
      "stats" -> Option.when(f.stats.nonEmpty)(DataFile.encodeStats(f.stats)),
      "block" -> f.inline.map(Json.Arr(_)),
      "added_by" -> f.addedBy.map(p => Json.Text(p.toString))
    )
    Json.Obj(direct ++ more.members)
  }
}
