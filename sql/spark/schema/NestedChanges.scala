package io.anabranch.spark.schema

import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.catalog.TableChange
import org.apache.spark.sql.connector.catalog.TableChange._
import org.apache.spark.sql.types.{ArrayType, DataType, MapType, StructType}

/** Changes of columns, also below a list or map that stands in another: there Spark's own replay gives up. */
private[schema] object NestedChanges {

  /** A schema after changes, in their order. */
  def applied(schema: StructType, changes: Seq[TableChange]): StructType = changes.foldLeft(schema) {
    case (before, change: ColumnChange) => applied(before, change)
    case (before, _) => before
  }

  private def applied(schema: StructType, change: ColumnChange): StructType = {
    val path = change.fieldNames.toSeq
    // all but the last name: a new field has no type yet
    val holder = path.indices.reverse
      .map(path.take)
      .find(p => typeAt(schema, p).exists(_.isInstanceOf[StructType]))
      .getOrElse(Nil)
    val rest = path.drop(holder.size)
    val changed = (change, rest) match {
      case (c: UpdateColumnType, _ +: _ +: _) => updated(schema, path)(_ => c.newDataType)
      case _ =>
        updated(schema, holder) {
          case s: StructType => SparkBridge.applySchemaChanges(s, Seq(below(change, rest)))
          case other => other
        }
    }
    changed.asInstanceOf[StructType]
  }

  /** The same change, as one of the struct that holds the field. */
  private def below(change: ColumnChange, rest: Seq[String]): TableChange = {
    val path = rest.toArray
    change match {
      case c: AddColumn =>
        addColumn(path, c.dataType, c.isNullable, c.comment, c.position, c.defaultValue)
      case c: RenameColumn => renameColumn(path, c.newName)
      case c: UpdateColumnType => updateColumnType(path, c.newDataType)
      case c: UpdateColumnNullability => updateColumnNullability(path, c.nullable)
      case c: UpdateColumnComment => updateColumnComment(path, c.newComment)
      case c: UpdateColumnPosition => updateColumnPosition(path, c.position)
      case c: UpdateColumnDefaultValue => updateColumnDefaultValue(path, c.newCurrentDefault)
      case c: DeleteColumn => deleteColumn(path, c.ifExists)
      case other => other
    }
  }

  private def typeAt(in: DataType, path: Seq[String]): Option[DataType] = (in, path) match {
    case (t, Seq()) => Some(t)
    case (s: StructType, name +: rest) => s.find(_.name == name).flatMap(f => typeAt(f.dataType, rest))
    case (a: ArrayType, "element" +: rest) => typeAt(a.elementType, rest)
    case (m: MapType, "key" +: rest) => typeAt(m.keyType, rest)
    case (m: MapType, "value" +: rest) => typeAt(m.valueType, rest)
    case _ => None
  }

  private def updated(in: DataType, path: Seq[String])(f: DataType => DataType): DataType = (in, path) match {
    case (t, Seq()) => f(t)
    case (s: StructType, name +: rest) =>
      StructType(s.map(c => if (c.name == name) c.copy(dataType = updated(c.dataType, rest)(f)) else c))
    case (a: ArrayType, "element" +: rest) => a.copy(elementType = updated(a.elementType, rest)(f))
    case (m: MapType, "key" +: rest) => m.copy(keyType = updated(m.keyType, rest)(f))
    case (m: MapType, "value" +: rest) => m.copy(valueType = updated(m.valueType, rest)(f))
    case (t, _) => t
  }
}
