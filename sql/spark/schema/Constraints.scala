package io.anabranch.spark.schema

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Column, Features, TableConstraint, TableMetadata}
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.UnresolvedAttribute
import org.apache.spark.sql.catalyst.parser.CatalystSqlParser
import org.apache.spark.sql.connector.catalog.TableChange
import org.apache.spark.sql.connector.catalog.constraints._
import org.apache.spark.sql.connector.expressions.{Expressions, NamedReference}

/** Constraints of the format and of Spark, which checks them in every write. */
object Constraints {

  def toSpark(m: TableMetadata): Array[Constraint] = m.constraints.map {
    case TableConstraint.Check(name, condition) =>
      Constraint
        .check(name)
        .predicateSql(condition)
        .enforced(true)
        .rely(true)
        .validationStatus(Constraint.ValidationStatus.VALID)
        .build(): Constraint
    case TableConstraint.Key(name, columns, primary) =>
      val references = columns.flatMap(p => m.columns.find(_.physical == p)).map(reference).toArray
      if (primary) Constraint.primaryKey(name, references).enforced(false).build(): Constraint
      else Constraint.unique(name, references).enforced(false).build(): Constraint
  }.toArray

  private def reference(c: Column): NamedReference =
    Expressions.column("`" + c.name.replace("`", "``") + "`")

  /** @throws AnabranchException
    *   ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE for foreign keys
    */
  def fromSpark(table: String, columns: Seq[Column], constraint: Constraint): TableConstraint = {
    def physical(references: Array[NamedReference]): Seq[String] = references.toSeq.map { r =>
      Column
        .find(columns, r.fieldNames.toSeq)
        .filter(_ => r.fieldNames.length == 1)
        .map(_.physical)
        .getOrElse(
          refuse(
            table,
            s"the key names ${r.describe}, which is no column of it",
            "Name columns of the table."
          )
        )
    }
    constraint match {
      case c: Check => TableConstraint.Check(c.name, c.predicateSql)
      case p: PrimaryKey => TableConstraint.Key(p.name, physical(p.columns), primary = true)
      case u: Unique => TableConstraint.Key(u.name, physical(u.columns), primary = false)
      case other =>
        refuse(table, s"${other.toDDL} refers to another table", "CHECK, PRIMARY KEY and UNIQUE can be used.")
    }
  }

  /** A writer that does not know of checks must not write. */
  def features(m: TableMetadata): TableMetadata = {
    m.copy(writerFeatures =
      if (m.checks.nonEmpty) m.writerFeatures + Features.CheckConstraints
      else m.writerFeatures - Features.CheckConstraints
    )
  }

  /** What ALTER TABLE makes of the constraints.
    *
    * @throws AnabranchException
    *   ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE if a column that one is about is dropped or renamed
    */
  def altered(
      table: String,
      before: TableMetadata,
      after: TableMetadata,
      changes: Seq[TableChange]
  ): TableMetadata = {
    changes.foreach {
      case c: TableChange.DeleteColumn => mustBeFree(table, before, c.fieldNames.toSeq, renamed = false)
      case c: TableChange.RenameColumn => mustBeFree(table, before, c.fieldNames.toSeq, renamed = true)
      case _ => ()
    }
    val left = SparkBridge.constraintChanges(toSpark(before), table, changes)
    val known = before.constraints.map(c => c.name -> c).toMap
    features(
      after.copy(constraints =
        left.map(c => known.getOrElse(c.name, fromSpark(table, after.columns, c))).toSeq
      )
    )
  }

  /** The text of a CHECK names columns as they are now; keys name them for ever. */
  private def mustBeFree(table: String, m: TableMetadata, path: Seq[String], renamed: Boolean): Unit =
    m.constraints.foreach { c =>
      val uses = c match {
        case TableConstraint.Check(_, condition) =>
          CatalystSqlParser.parseExpression(condition).exists {
            case u: UnresolvedAttribute =>
              u.nameParts.size >= path.size && u.nameParts.zip(path).forall { case (a, b) =>
                a.equalsIgnoreCase(b)
              }
            case _ => false
          }
        case TableConstraint.Key(_, columns, _) =>
          !renamed && Column.find(m.columns, path).exists(f => path.size == 1 && columns.contains(f.physical))
      }
      if (uses)
        refuse(
          table,
          s"the constraint ${c.name} is about ${path.mkString(".")}",
          s"ALTER TABLE … DROP CONSTRAINT ${c.name} first."
        )
    }

  private def refuse(table: String, reason: String, advice: String): Nothing = throw AnabranchException(
    "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE",
    "table" -> table,
    "reason" -> reason,
    "advice" -> advice
  )
}
