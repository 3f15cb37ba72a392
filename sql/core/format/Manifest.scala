package io.anabranch.core.format

import io.anabranch.core.AnabranchException
import org.apache.parquet.conf.PlainParquetConfiguration
import org.apache.parquet.example.data.Group
import org.apache.parquet.example.data.simple.SimpleGroup
import org.apache.parquet.hadoop.{ParquetFileReader, ParquetReader}
import org.apache.parquet.hadoop.example.{ExampleParquetWriter, GroupReadSupport}
import org.apache.parquet.hadoop.api.{InitContext, ReadSupport}
import org.apache.parquet.hadoop.metadata.CompressionCodecName
import org.apache.parquet.io.InputFile
import org.apache.parquet.io.api.Binary
import org.apache.parquet.schema.LogicalTypeAnnotation.stringType
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName._
import org.apache.parquet.schema.{MessageType, Type, Types}

import scala.jdk.CollectionConverters._

/** A list of data files as one Parquet object, one row a file.
  *
  * Bounds stand in typed columns `stats.<physical path>.{min,max,nulls}`, so that a reader can project
  * and push predicates down. The footer's `anabranch.kinds` tells the kind of each: whole, floating,
  * text, bytes, bool, or encoded (canonical JSON of a [[Value]], for decimals and mixed kinds).
  */
object Manifest {
  private val KindsKey = "anabranch.kinds"

  /** Columns that hold a member of the file's JSON as it is. */
  private val Direct = Seq("partition", "deletions", "runs", "lineage")

  def write(files: Iterable[DataFile]): Array[Byte] = {
    val kinds = kindsOf(files)
    val schema = schemaOf(kinds)
    val out = new BytesOutputFile
    val writer = ExampleParquetWriter
      .builder(out)
      .withConf(new PlainParquetConfiguration())
      .withType(schema)
      .withCompressionCodec(CompressionCodecName.ZSTD)
      .withExtraMetaData(Map(KindsKey -> new String(Json.canonical(Json.textMap(kinds)), "UTF-8")).asJava)
      .build()
    try files.foreach(f => writer.write(toGroup(f, schema, kinds)))
    finally writer.close()
    out.bytes
  }

  /** @throws AnabranchException
    *   ANABRANCH_LOG.CORRUPT_OBJECT if the bytes are no manifest
    */
  def read(bytes: Array[Byte], origin: String): Seq[DataFile] =
    try {
      val in = new BytesInputFile(bytes)
      val footer = ParquetFileReader.open(in)
      val kinds =
        try footer.getFileMetaData.getKeyValueMetaData.get(KindsKey)
        finally footer.close()
      val byColumn = new JsonReader(Json.obj("kinds" -> Json.parse(kinds.getBytes("UTF-8"), origin)), origin)
        .textMap("kinds")
      val reader = new GroupReader(in).build()
      try
        Iterator.continually(reader.read()).takeWhile(_ != null).map(fromGroup(_, byColumn, origin)).toVector
      finally reader.close()
    } catch {
      case e: AnabranchException => throw e
      case e @ (_: RuntimeException | _: java.io.IOException) =>
        throw AnabranchException.caused(
          e,
          "ANABRANCH_LOG.CORRUPT_OBJECT",
          "path" -> origin,
          "reason" -> s"it is no list of files (${e.getMessage})"
        )
    }

  private final class GroupReader(file: InputFile)
      extends ParquetReader.Builder[Group](file, new PlainParquetConfiguration()) {
    override protected def getReadSupport: ReadSupport[Group] = new GroupReadSupport {
      override def init(context: InitContext) = new ReadSupport.ReadContext(context.getFileSchema)
    }
  }

  private def kindsOf(files: Iterable[DataFile]): Map[String, String] = {
    val found = scala.collection.mutable.TreeMap.empty[String, String]
    for (f <- files; (column, s) <- f.stats) {
      val here = (s.min ++ s.max).map(kindOf).toSet
      val all = (here ++ found.get(column)) - ""
      found(column) = if (all.size > 1) "encoded" else all.headOption.getOrElse("")
    }
    found.map { case (c, k) => c -> (if (k.isEmpty) "whole" else k) }.toMap
  }

  private def kindOf(v: Value): String = v match {
    case _: Value.Whole => "whole"
    case _: Value.Floating => "floating"
    case _: Value.Text => "text"
    case _: Value.Bytes => "bytes"
    case _: Value.Bool => "bool"
    case _: Value.Decimal => "encoded"
  }

  private def schemaOf(kinds: Map[String, String]): MessageType = {
    val stats: Seq[Type] = kinds.toSeq.sortBy(_._1).map { case (column, kind) =>
      def bound(name: String): Type = kind match {
        case "whole" => Types.optional(INT64).named(name)
        case "floating" => Types.optional(DOUBLE).named(name)
        case "bool" => Types.optional(BOOLEAN).named(name)
        case "bytes" => Types.optional(BINARY).named(name)
        case _ => Types.optional(BINARY).as(stringType()).named(name)
      }
      Types
        .optionalGroup()
        .addFields(bound("min"), bound("max"), Types.optional(INT64).named("nulls"))
        .named(column)
    }
    val text = (name: String) => Types.optional(BINARY).as(stringType()).named(name)
    val fixed: Seq[Type] = Seq(
      Types.required(BINARY).as(stringType()).named("id"),
      Types.required(INT64).named("size"),
      Types.required(INT64).named("rows"),
      Types.required(BINARY).as(stringType()).named("sha256"),
      text("partition"),
      text("deletions"),
      Types.optional(INT64).named("first_row"),
      text("runs"),
      Types.optional(INT64).named("added_by"),
      text("inline"),
      text("lineage")
    )
    val all = if (stats.isEmpty) fixed else fixed :+ Types.optionalGroup().addFields(stats: _*).named("stats")
    new MessageType("files", all: _*)
  }

  private def toGroup(f: DataFile, schema: MessageType, kinds: Map[String, String]): Group = {
    val g = new SimpleGroup(schema)
    val direct = DataFile.encode(f).asInstanceOf[Json.Obj].members
    def json(name: String): Unit =
      direct.get(name).foreach(v => g.add(name, new String(Json.canonical(v), "UTF-8")))
    g.add("id", f.id)
    g.add("size", f.sizeBytes)
    g.add("rows", f.rows)
    g.add("sha256", f.sha256)
    Direct.foreach(json)
    f.firstRow.foreach(g.add("first_row", _))
    f.addedBy.foreach(p => g.add("added_by", p.packed))
    if (f.isInline) {
      val block =
        Json.some("columns" -> Some(Json.texts(f.inlineColumns)), "rows" -> f.inline.map(Json.Arr(_)))
      g.add("inline", new String(Json.canonical(block), "UTF-8"))
    }
    if (f.stats.nonEmpty) {
      val all = g.addGroup("stats")
      f.stats.foreach { case (column, s) =>
        val one = all.addGroup(column)
        s.min.foreach(addBound(one, "min", _, kinds(column)))
        s.max.foreach(addBound(one, "max", _, kinds(column)))
        s.nulls.foreach(one.add("nulls", _))
      }
    }
    g
  }

  private def addBound(g: Group, name: String, v: Value, kind: String): Unit = (kind, v) match {
    case ("whole", Value.Whole(n)) => g.add(name, n)
    case ("floating", Value.Floating(d)) => g.add(name, d)
    case ("text", Value.Text(s)) => g.add(name, s)
    case ("bytes", Value.Bytes(b)) => g.add(name, Binary.fromConstantByteArray(b))
    case ("bool", Value.Bool(b)) => g.add(name, b)
    case _ => g.add(name, new String(Json.canonical(Value.encode(v)), "UTF-8"))
  }

  private def readBound(g: Group, name: String, kind: String, origin: String): Option[Value] =
    Option.when(g.getFieldRepetitionCount(name) > 0)(()).flatMap { _ =>
      kind match {
        case "whole" => Some(Value.Whole(g.getLong(name, 0)))
        case "floating" => Some(Value.Floating(g.getDouble(name, 0)))
        case "text" => Some(Value.Text(g.getString(name, 0)))
        case "bytes" => Some(Value.Bytes(g.getBinary(name, 0).getBytes))
        case "bool" => Some(Value.Bool(g.getBoolean(name, 0)))
        case _ => Value.decode(Json.parse(g.getBinary(name, 0).getBytes, origin))
      }
    }

  private def fromGroup(g: Group, kinds: Map[String, String], origin: String): DataFile = {
    def has(name: String) = g.getType.containsField(name) && g.getFieldRepetitionCount(name) > 0
    def json(name: String): Option[(String, Json)] =
      Option.when(has(name))(name -> Json.parse(g.getBinary(name, 0).getBytes, origin))
    val inline = json("inline").map { case (_, v) => new JsonReader(v, origin) }
    val direct = Json.obj(
      Seq(
        "id" -> Json.Text(g.getString("id", 0)),
        "size" -> Json.int64(g.getLong("size", 0)),
        "rows" -> Json.int64(g.getLong("rows", 0)),
        "sha256" -> Json.Text(g.getString("sha256", 0))
      ) ++ Direct.flatMap(json)
        ++ inline.map(i => "inline" -> Json.texts(i.texts("columns"))): _*
    )
    val stats =
      if (has("stats")) statsOf(g.getGroup("stats", 0), kinds, origin) else Map.empty[String, ColumnStats]
    DataFile
      .decode(new JsonReader(direct, origin), None, _ => inline.filter(_.has("rows")).map(_.items("rows")))
      .copy(
        stats = stats,
        firstRow = Option.when(has("first_row"))(g.getLong("first_row", 0)),
        addedBy = Option.when(has("added_by"))(Position.unpacked(g.getLong("added_by", 0)))
      )
  }

  private def statsOf(all: Group, kinds: Map[String, String], origin: String): Map[String, ColumnStats] =
    kinds.collect {
      case (column, kind) if all.getFieldRepetitionCount(column) > 0 =>
        val one = all.getGroup(column, 0)
        val nulls = Option.when(one.getFieldRepetitionCount("nulls") > 0)(one.getLong("nulls", 0))
        column -> ColumnStats(readBound(one, "min", kind, origin), readBound(one, "max", kind, origin), nulls)
    }
}
