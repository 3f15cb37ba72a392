package io.anabranch.spark.write

import io.anabranch.core.format.DataFile
import io.anabranch.spark.read._
import io.anabranch.spark.schema.ColumnMapping
import io.anabranch.spark.table.OurTable
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.plans.{Inner, LeftAnti, RightOuter}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2ScanRelation
import org.apache.spark.sql.types._

/** The rows of its target that a MERGE reads: those whose keys its source has.
  *
  * @param scan
  *   the one that reads them
  * @param target
  *   expressions on columns of the target
  * @param source
  *   a query of the same number of columns: the keys
  */
final class MatchedKeys private (
    val scan: ScanOrigin,
    target: Seq[Expression],
    columns: Seq[Attribute],
    source: LogicalPlan
) {

  /** The keys of the source, computed once more; None if they are too many to look each up. */
  private lazy val keys: Option[Set[Seq[Any]]] = {
    val found = SparkBridge.collected(SparkBridge.query(Limit(Literal(MatchedKeys.MaxKeys + 1), source)))
    val types = source.output.map(_.dataType)
    Option.when(found.length <= MatchedKeys.MaxKeys)(found.filterNot(_.anyNull).map(_.toSeq(types)).toSet)
  }

  /** Whether a file has a row that it would read, found out by looking. */
  def mayMatch(file: DataFile, conf: Configuration): Boolean =
    keys.forall { wanted =>
      val rows = new FileColumns(scan, columns, conf)
      val key = target.map(BindReferences.bindReference(_, rows.attributes))
      rows.exists(file)(r => wanted(key.map(_.eval(r))))
    }
}

object MatchedKeys {
  private val MaxKeys = 1000000

  /** Of a write; None if it is no MERGE that matches by equal keys, or one that reads all rows. */
  def of(write: V2WriteCommand): Option[MatchedKeys] =
    write.query.collectFirst { case j: Join => j }.flatMap { join =>
      (write, join) match {
        case (_: WriteDelta, Join(target, source, RightOuter | Inner, Some(condition), _)) =>
          of(scans(target).filter(_._1.target), source, condition)
        // the rows of the source that have no match
        case (m: InsertOnlyMerge, Join(source, target, LeftAnti, Some(condition), _)) =>
          of(scans(target).filter { case (scan, _) => isOf(m.table, scan) }, source, condition)
        case _ => None
      }
    }

  private def scans(plan: LogicalPlan): Seq[(ScanOrigin, Seq[Attribute])] = plan.collect {
    case DataSourceV2ScanRelation(_, scan: AnabranchScan, output, _, _, _) => scan.origin.map(_ -> output)
  }.flatten

  private def isOf(relation: LogicalPlan, scan: ScanOrigin): Boolean = relation match {
    case OurTable(t) => t.loaded.table.id == scan.loaded.table.id
    case _ => false
  }

  private def of(
      target: Seq[(ScanOrigin, Seq[Attribute])],
      source: LogicalPlan,
      condition: Expression
  ): Option[MatchedKeys] = target match {
    case Seq((scan, columns)) => of(scan, columns, source, condition)
    case _ => None
  }

  private def of(
      scan: ScanOrigin,
      columns: Seq[Attribute],
      source: LogicalPlan,
      condition: Expression
  ): Option[MatchedKeys] = {
    val pairs =
      MergeKeys.equalities(condition, AttributeSet(columns), source.outputSet).filter { case (t, s) =>
        comparable(t.dataType) && !Seq(t, s).exists(SubqueryExpression.hasSubquery)
      }
    Option.when(pairs.nonEmpty && source.deterministic && !source.isStreaming) {
      val keys = pairs.zipWithIndex.map { case ((_, s), i) => Alias(s, s"key$i")() }
      val used = AttributeSet(pairs.map(_._1))
      new MatchedKeys(scan, pairs.map(_._1), columns.filter(used.contains), Project(keys, source.clone()))
    }
  }

  /** Types of which equal values are the same value. */
  private def comparable(t: DataType): Boolean = t match {
    case ByteType | ShortType | IntegerType | LongType | BooleanType | DateType | TimestampType |
        TimestampNTZType | StringType | _: DecimalType =>
      true
    case _ => false
  }
}

/** Some columns of the rows of single files, as they were added. */
final private class FileColumns(scan: ScanOrigin, wanted: Seq[Attribute], conf: Configuration) {
  private val table = scan.loaded.table
  private val columns = StructType(
    ColumnMapping.logical(table.metadata.columns).filter(f => wanted.exists(_.name == f.name))
  )

  /** What expressions on a row are bound to. */
  val attributes: Seq[Attribute] = columns.fields.toSeq.map(f => wanted.find(_.name == f.name).get)

  /** Whether one of the rows is such a row; large files are taken to have one. */
  def exists(file: DataFile)(test: InternalRow => Boolean): Boolean = file.rows > FileColumns.MaxRows || {
    // as it was added: rows that went since were there
    val rows = FileRows(file.copy(deletions = None), 0, RowChoice.All, Nil)
    val input = new ScanInput(scan.root, table, columns, Nil, Nil, () => "", Seq(rows))
    val reading = new AnabranchScan(input, None, conf)
    val factory = reading.createReaderFactory()
    reading.planInputPartitions().exists { partition =>
      val reader = factory.createReader(partition)
      try Iterator.continually(reader).takeWhile(_.next()).exists(r => test(r.get()))
      finally reader.close()
    }
  }
}

private object FileColumns {
  val MaxRows: Long = 100000
}
