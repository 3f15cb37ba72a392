package io.anabranch.core.operations.merge

import io.anabranch.core.format.{Column, ColumnType}

import java.util.Locale

/** Names of columns in conditions, which are text. */
private object ConditionNames {

  /** Names of columns and fields that mean nothing, or another one, among others. */
  def renamed(before: Seq[Column], after: Seq[Column]): Seq[String] = before.flatMap { b =>
    val same = after.find(_.physical.equalsIgnoreCase(b.physical))
    if (!same.exists(_.name.equalsIgnoreCase(b.name))) Seq(b.name)
    else
      (b.dataType, same.map(_.dataType)) match {
        case (ColumnType.Struct(fields), Some(ColumnType.Struct(now))) => renamed(fields, now)
        case _ => Nil
      }
  }.distinct

  /** What may be a name in SQL: more rather than less. */
  def words(condition: String): Set[String] = {
    val plain = condition.replaceAll("'(?:[^'\\\\]|\\\\.)*'", " ").toLowerCase(Locale.ROOT)
    val quoted = "`((?:[^`]|``)+)`".r
    quoted.findAllMatchIn(plain).map(_.group(1).replace("``", "`")).toSet ++
      quoted.replaceAllIn(plain, " ").split("[^\\p{L}\\p{N}_]+")
  }
}
