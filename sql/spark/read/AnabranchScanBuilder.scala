package io.anabranch.spark.read

import io.anabranch.core.operations.{Predicate, Pruning}
import io.anabranch.core.repository.LoadedTable
import io.anabranch.spark.AnabranchErrors.translated
import io.anabranch.spark.schema.ColumnMapping
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.expressions.Expression
import org.apache.spark.sql.connector.expressions.filter.{Predicate => SparkPredicate}
import org.apache.spark.sql.connector.read._
import org.apache.spark.sql.internal.connector.SupportsPushDownCatalystFilters
import org.apache.spark.sql.types.StructType

/** Plans a read of a table: which columns, and which files may hold the rows.
  *
  * @param target
  *   whether the rows are read to be changed by the same statement
  */
final class AnabranchScanBuilder(
    root: String,
    loaded: LoadedTable,
    hadoopConf: Configuration,
    target: Boolean = false
) extends ScanBuilder
    with SupportsPushDownRequiredColumns
    with SupportsPushDownCatalystFilters {

  private val table = loaded.table
  private var required = ColumnMapping.logical(table.metadata.columns)
  private var pushed: Seq[(SparkPredicate, Translated)] = Nil
  private var conditions: Seq[Expression] = Nil

  override def pruneColumns(requiredSchema: StructType): Unit = required = requiredSchema

  /** All conditions are evaluated again by Spark; here they only leave out files, row groups, and other columns of rows that
    * don't match. Those that a source can understand come first, as with all sources.
    */
  override def pushFilters(filters: Seq[Expression]): Seq[Expression] = {
    val translator = new Predicates(table.metadata.columns)
    val (known, others) = filters.map(f => f -> SparkBridge.predicate(f)).partition(_._2.isDefined)
    pushed = known.flatMap(_._2).map(p => p -> translator.translate(p))
    conditions = (known ++ others).map(_._1)
    conditions
  }

  override def pushedFilters: Array[SparkPredicate] =
    pushed.collect { case (p, t) if t.bounds != Predicate.Anything => p }.toArray

  override def build(): Scan = {
    val condition = Predicate.And(pushed.map(_._2.bounds))
    new AnabranchScan(
      input(condition),
      (loaded.state.id, condition),
      hadoopConf,
      Some(ScanOrigin(root, loaded, condition, target))
    )
  }

  private def input(condition: Predicate): ScanInput = {
    val told = pushedFilters.toSeq.map(_.describe)
    lazy val all = table.files.bounds
    lazy val input: ScanInput = new ScanInput(
      root,
      table,
      required,
      Nil,
      pushed.flatMap(_._2.rowGroups),
      () =>
        s"anabranch ${table.name.mkString(".")} at ${loaded.state.id.short}, " +
          s"${input.files.size} of ${all.files.size} files" +
          (if (told.isEmpty) "" else s", pushed: ${told.mkString(", ")}"),
      Pruning.prune(condition, all, table.metadata.partitioning).map { case (number, file) =>
        FileRows(file, number, RowChoice.live(file), Nil)
      },
      RowCondition.of(
        conditions,
        ColumnMapping.logical(table.metadata.columns),
        required,
        translated(LateMaterialization.of(SparkBridge.conf))
      )
    )
    input
  }
}
