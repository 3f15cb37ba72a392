package io.anabranch.test

import io.anabranch.core.format._
import io.anabranch.core.operations._
import io.anabranch.core.operations.merge._

/** Functions of merges and pruning for [[VectorRunner]]. */
object MergeFunctions {
  import FormatFunctions.{file, orNull, value}
  import VectorRunner.Function

  val all: Map[String, Function] = Map(
    "merge.candidates" -> (in => positionsJson(MergeBase.candidates(vector(in, "a"), vector(in, "b")))),
    "merge.bases" -> bases,
    "merge.three_way" -> threeWay,
    "merge.moved" -> moved,
    "merge.virtual_base" -> (in =>
      factsJson(
        CatalogMerge
          .virtualBase(facts(in.reader("under")), facts(in.reader("one")), facts(in.reader("other")))
      )
    ),
    "prune.may_match" -> (in =>
      Json.Bool(Pruning.mayMatch(predicate(in.reader("where")), file(in.reader("file")), partitioning(in)))
    ),
    "prune.partition" -> (in =>
      orNull(
        PartitionMatch
          .decide(predicate(in.reader("where")), file(in.reader("file")), partitioning(in))
          .map(Json.Bool(_))
      )
    )
  )

  private def ordinal(text: String): Ordinal =
    Ordinal.parse(text).getOrElse(throw new IllegalArgumentException(s"$text is no ordinal"))

  private def vector(in: JsonReader, name: String): Map[Ordinal, Long] =
    in.longMap(name).map { case (o, seq) => ordinal(o) -> seq }

  private def positionsJson(all: Seq[Position]): Json = Json.texts(all.map(_.toString).sorted)

  /** The merge bases of two version vectors; `vectors` gives those of their candidates by position. */
  private def bases(in: JsonReader): Json = {
    val vectors = in.reader("vectors")
    positionsJson(
      MergeBase.maximal(
        MergeBase.candidates(vector(in, "a"), vector(in, "b")),
        in.texts("first").map(ordinal).toSet,
        p => vector(vectors, p.toString)
      )
    )
  }

  private def facts(in: JsonReader): CatalogFacts = CatalogFacts(
    in.readerMap("tables").map { case (id, t) => id -> TableFacts(t.texts("name"), t.text("content")) },
    in.readers("namespaces").map(n => n.texts("name") -> n.textMap("properties")).toMap
  )

  private def factsJson(f: CatalogFacts): Json = Json.obj(
    "tables" -> Json.Obj(f.tables.map { case (id, t) =>
      id -> Json.obj("name" -> Json.texts(t.name), "content" -> Json.Text(t.content))
    }),
    "namespaces" -> Json.Arr(f.namespaces.toSeq.sortBy(_._1.mkString(".")).map { case (n, p) =>
      Json.obj("name" -> Json.texts(n), "properties" -> Json.textMap(p))
    })
  )

  /** The merged facts without what is in conflict, and the names of tables and namespaces that are. */
  private def threeWay(in: JsonReader): Json = {
    val merged =
      CatalogMerge.threeWay(facts(in.reader("base")), facts(in.reader("ours")), facts(in.reader("theirs")))
    Json.obj(
      "merged" -> factsJson(merged.facts),
      "conflicts" -> Json.texts(merged.conflicts.map(_.name.mkString(".")).distinct.sorted)
    )
  }

  /** What becomes of compacted rows. A file is its id, its runs of row ids, and the positions of its deleted rows. */
  private def moved(in: JsonReader): Json = {
    def files(name: String) = in.readers(name).map { f =>
      val runs = f.texts("runs").map(_.split('+')).map(r => RowRun(r(0).toLong, r(1).toLong))
      DataFile(f.text("id"), 0, runs.map(_.count).sum, "", runs = runs) -> positions(f.texts("rows"))
    }
    val found = MovedByBoth.settle(
      files("gone").map { case (f, rows) => merge.NumberedRows.of(f, rows) },
      files("ours").map { case (f, dead) => merge.NumberedRows.live(f, dead) },
      files("theirs").map { case (f, dead) => merge.NumberedRows.live(f, dead) }
    )
    Json.obj(
      "masks" -> Json.Obj(found.masks.map { case (id, rows) => id -> orNull(rows.map(positionsOf)) }),
      "left" -> Json.Obj(found.left.map { case (f, rows) => f.id -> positionsOf(rows) }.toMap)
    )
  }

  private def positions(all: Seq[String]) = RowPositions.of(all.map(_.toLong).toArray)
  private def positionsOf(rows: RowPositions): Json = Json.Arr(rows.iterator.map(Json.int64(_)).toSeq)

  private def partitioning(in: JsonReader): Seq[PartitionField] =
    in.readers("partitioning").map(PartitionField.decode)

  private def predicate(in: JsonReader): Predicate = {
    def column = in.text("column")
    in.text("is") match {
      case "and" => Predicate.And(in.readers("parts").map(predicate))
      case "or" => Predicate.Or(in.readers("parts").map(predicate))
      case "=" => Predicate.Equal(column, value(in, "value"))
      case "<" => Predicate.Less(column, value(in, "value"), orEqual = false)
      case "<=" => Predicate.Less(column, value(in, "value"), orEqual = true)
      case ">" => Predicate.Greater(column, value(in, "value"), orEqual = false)
      case ">=" => Predicate.Greater(column, value(in, "value"), orEqual = true)
      case "in" => Predicate.In(column, in.items("values").flatMap(Value.decode))
      case "null" => Predicate.IsNull(column)
      case "not null" => Predicate.IsNotNull(column)
      case "starts with" => Predicate.StartsWith(column, in.text("prefix"))
      case _ => Predicate.Anything
    }
  }
}
