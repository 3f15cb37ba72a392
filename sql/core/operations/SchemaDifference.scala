package io.anabranch.core.operations

import io.anabranch.core.format.{Column, ColumnType}

/** How the columns of a table differ between two states, in words. A column is the same where its physical name is. */
object SchemaDifference {

  def between(before: Seq[Column], after: Seq[Column]): Seq[String] = columns(before, after, "")

  private def columns(before: Seq[Column], after: Seq[Column], path: String): Seq[String] = {
    val (old, now) = (before.map(c => c.physical -> c).toMap, after.map(c => c.physical -> c).toMap)
    val gone = before.filterNot(c => now.contains(c.physical)).map(c => s"dropped $path${c.name}")
    val kept = after.flatMap(c => old.get(c.physical).toSeq.flatMap(column(_, c, path)))
    val come = after
      .filterNot(c => old.contains(c.physical))
      .map(c => s"added $path${c.name} ${show(c.dataType)}" + (if (c.nullable) "" else " NOT NULL"))
    val moved = before.map(_.physical).filter(now.contains) != after.map(_.physical).filter(old.contains)
    val order =
      Option.when(moved)(s"order of ${if (path.isEmpty) "columns" else s"fields of ${path.dropRight(1)}"}")
    gone ++ kept ++ come ++ order
  }

  private def column(before: Column, after: Column, path: String): Seq[String] = {
    val name = path + after.name
    val (a, b) = (before.attributes, after.attributes)
    val attributes = (a.keySet ++ b.keySet - "default.exists").toSeq.sorted.filter(k => a.get(k) != b.get(k))
    Option.when(before.name != after.name)(s"renamed $path${before.name} to ${after.name}").toSeq ++
      types(before.dataType, after.dataType, name) ++
      Option.when(before.nullable != after.nullable)(
        s"$name ${if (after.nullable) "may be NULL" else "is NOT NULL"}"
      ) ++ attributes.map(k => s"$k of $name")
  }

  private def types(before: ColumnType, after: ColumnType, name: String): Seq[String] =
    (before, after) match {
      case _ if before == after => Nil
      case (ColumnType.Struct(a), ColumnType.Struct(b)) => columns(a, b, s"$name.")
      case (ColumnType.Arr(a, _), ColumnType.Arr(b, _)) if a != b => types(a, b, s"$name.element")
      case (ColumnType.Mapping(k, a, _), ColumnType.Mapping(l, b, _)) if k == l && a != b =>
        types(a, b, s"$name.value")
      case _ => Seq(s"type of $name from ${show(before)} to ${show(after)}")
    }

  private def show(t: ColumnType): String = t match {
    case ColumnType.Primitive(name) => name
    case ColumnType.Struct(fields) =>
      fields.map(f => s"${f.name}: ${show(f.dataType)}").mkString("struct<", ", ", ">")
    case ColumnType.Arr(e, _) => s"array<${show(e)}>"
    case ColumnType.Mapping(k, v, _) => s"map<${show(k)}, ${show(v)}>"
  }
}
