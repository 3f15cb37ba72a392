package org.apache.spark.sql.anabranch

import com.google.common.cache.{Cache, CacheBuilder}
import org.apache.hadoop.conf.Configuration
import org.apache.spark.{QueryContext, SparkRuntimeException}
import org.apache.spark.broadcast.Broadcast
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.{DataFrame, SparkSession}
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.analysis.{ResolveSchemaEvolution, VariableResolution}
import org.apache.spark.sql.catalyst.expressions.{Alias, Attribute, Cast, EvalMode, Expression, Literal}
import org.apache.spark.sql.catalyst.plans.logical.{LocalRelation, LogicalPlan, OneRowRelation, Project}
import org.apache.spark.sql.catalyst.types.DataTypeUtils.toAttributes
import org.apache.spark.sql.catalyst.util.ResolveDefaultColumns
import org.apache.spark.sql.classic.{Dataset, SparkSession => ClassicSession}
import org.apache.spark.sql.connector.catalog.{
  CatalogPlugin,
  CatalogV2Util,
  Table,
  TableCapability,
  TableChange
}
import org.apache.spark.sql.connector.catalog.constraints.Constraint
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.expressions.{Expressions, LogicalExpressions, Transform}
import org.apache.spark.sql.connector.write.RowLevelOperationTable
import org.apache.spark.sql.errors.QueryCompilationErrors
import org.apache.spark.sql.execution.RowConversion
import org.apache.spark.sql.execution.datasources.v2.{DataSourceV2Relation, DataSourceV2Strategy}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.{DataType, StructField, StructType, TimestampType}
import org.apache.spark.sql.vectorized.ColumnarBatch
import org.apache.spark.util.SerializableConfiguration

import scala.util.Try

/** The one door to what Spark keeps to its own packages. */
object SparkBridge {

  def session: ClassicSession = SparkSession.active.asInstanceOf[ClassicSession]

  /** Settings of the active session. */
  def conf: SQLConf = session.sessionState.conf

  /** Whether Spark asks a catalog for new columns while it resolves the names of a statement that writes rows with them
    * (`WITH SCHEMA EVOLUTION`). It calls the same method then as for `ALTER TABLE`, for `EXPLAIN`, too.
    */
  def isEvolving: Boolean = StackWalker.getInstance.walk(
    _.limit(CallersOfCatalogs).anyMatch(_.getClassName.startsWith(ResolveSchemaEvolution.getClass.getName))
  )
  private val CallersOfCatalogs = 8L

  /** Names of the catalogs of the session that are of our class. */
  def anabranchCatalogs: Seq[String] = {
    val prefix = "spark.sql.catalog."
    conf.getAllConfs
      .collect {
        case (key, "io.anabranch.spark.AnabranchCatalog") if key.startsWith(prefix) => key.stripPrefix(prefix)
      }
      .toSeq
      .sorted
  }

  /** Hadoop settings of the active session, with a catalog's or a read's options over them. */
  def hadoopConf(options: Map[String, String]): Configuration =
    session.sessionState.newHadoopConfWithOptions(options)

  /** The settings, sent once to each executor: equal ones are mostly not sent again, since that takes
    * milliseconds and 4 MB of memory each time. Whoever receives them must not change them.
    */
  def broadcast(conf: Configuration): Broadcast[SerializableConfiguration] = {
    val context = session.sparkContext
    val content = new java.util.HashMap[String, String](4096)
    conf.forEach(e => content.put(e.getKey, e.getValue): Unit)
    sent.get((context.applicationId, content), () => context.broadcast(new SerializableConfiguration(conf)))
  }

  private val sent: Cache[(String, java.util.Map[String, String]), Broadcast[SerializableConfiguration]] =
    CacheBuilder.newBuilder().maximumSize(16).build()

  /** Spark's own replay of column changes. Defaults of new columns are stored with a provider that Spark
    * allows them for.
    */
  def applySchemaChanges(schema: StructType, changes: Seq[TableChange]): StructType =
    CatalogV2Util.applySchemaChanges(schema, changes, Some("parquet"), "ALTER TABLE")

  /** The type of a field, by its path; None if there is no such field. */
  def typeOf(schema: StructType, path: Seq[String]): Option[DataType] =
    schema.findNestedField(path, includeCollections = true).map(_._2.dataType)

  /** The value that a column has in rows from before it, as a literal that means the same in every time zone. Spark writes
    * that of the session, and reads it in that of another one.
    */
  def existsDefault(column: StructField): String =
    if (!column.dataType.existsRecursively(_ == TimestampType)) column.getExistenceDefaultValue().get
    else {
      val value = ResolveDefaultColumns.existenceDefaultValues(StructType(Seq(column))).head
      val inUtc = conf.clone()
      inUtc.setConf(SQLConf.SESSION_LOCAL_TIMEZONE, "UTC")
      // a quote inside a text has a backslash before it
      SQLConf
        .withExistingConf(inUtc)(Literal(value, column.dataType).sql)
        .replaceAll("\\bTIMESTAMP '([^']*)'", "TIMESTAMP_LTZ '$1Z'")
    }

  def applyPropertiesChanges(
      properties: Map[String, String],
      changes: Seq[TableChange]
  ): Map[String, String] =
    CatalogV2Util.applyPropertiesChanges(properties, changes)

  /** Spark's own replay of constraint changes. */
  def constraintChanges(
      before: Array[Constraint],
      table: String,
      changes: Seq[TableChange]
  ): Array[Constraint] = {
    val holder = new Table {
      override def name(): String = table
      override def capabilities(): java.util.Set[TableCapability] = java.util.Set.of()
      override def constraints(): Array[Constraint] = before
    }
    CatalogV2Util.collectConstraintChanges(holder, changes)
  }

  def columns(schema: StructType): Array[org.apache.spark.sql.connector.catalog.Column] =
    CatalogV2Util.structTypeToV2Columns(schema)

  def transform(name: String, parameter: Option[Int], path: Seq[String]): Transform = {
    val column = org.apache.spark.sql.connector.expressions.FieldReference(path)
    (name, parameter) match {
      case ("bucket", Some(n)) => LogicalExpressions.bucket(n, Array(column))
      case (_, Some(n)) => Expressions.apply(name, Expressions.literal(n), column)
      case ("identity", None) => LogicalExpressions.identity(column)
      case _ => Expressions.apply(name, column)
    }
  }

  /** The value of a constant expression as a timestamp, in microseconds since 1970; None if it is NULL or no time. */
  def timestampMicros(e: Expression): Option[Long] = {
    val time = computed(Cast(e, TimestampType, Some(conf.sessionLocalTimeZone), EvalMode.TRY))
    Option(time.value).map(_.asInstanceOf[Long])
  }

  /** The value of an expression that names no column. */
  def computed(e: Expression): Literal = {
    val run = session.sessionState.executePlan(Project(Seq(Alias(e, "value")()), OneRowRelation()))
    val sqlType = run.analyzed.schema.head.dataType
    Literal(run.executedPlan.executeCollect().head.copy().get(0, sqlType), sqlType)
  }

  /** The catalog of a name; None if it can't be loaded. */
  def catalogOf(name: Seq[String]): Option[CatalogPlugin] = {
    val catalogs = session.sessionState.catalogManager
    val named = name.size > 1 && catalogs.isCatalogRegistered(name.head)
    Try(if (named) catalogs.catalog(name.head) else catalogs.currentCatalog).toOption
  }

  /** A condition as sources are told it; None if there are no words for it. Spark asserts that what stands in the place of a
    * condition is one (a NULL is none), and fails to show a part of a text that a collation compares, and a NULL among
    * bytes.
    */
  def predicate(condition: Expression): Option[Predicate] =
    try DataSourceV2Strategy.translateFilterV2(condition).filter(_.toString.nonEmpty)
    catch { case _: AssertionError | _: IndexOutOfBoundsException => None }

  /** A plan with the tables and columns that its names mean, as far as they mean something. */
  def resolved(plan: LogicalPlan): LogicalPlan = session.sessionState.analyzer.execute(plan)

  def isTemporaryView(name: Seq[String]): Boolean = session.sessionState.catalog.isTempView(name)

  /** The variable of the session or script that a name means, or a field of it. */
  def variable(name: Seq[String]): Option[Expression] = {
    val catalogs = session.sessionState.catalogManager
    new VariableResolution(catalogs.tempVariableManager, catalogs)
      .resolveMultipartName(name, resolvingView = false, referredTempVariableNames = Nil)
  }

  /** The table of a relation, also where its rows are changed. */
  def changedTable(target: LogicalPlan): Option[Table] = target match {
    case r: DataSourceV2Relation =>
      r.table match {
        case changed: RowLevelOperationTable => Some(changed.table)
        case plain => Some(plain)
      }
    case _ => None
  }

  /** Whether a relation finds the rows that a statement changes. */
  def isChanged(r: DataSourceV2Relation): Boolean = r.table.isInstanceOf[RowLevelOperationTable]

  /** Columns that the scan of the rows to be changed gives, once a statement is planned. */
  def changedColumns(plan: LogicalPlan): Option[Seq[Attribute]] = plan.collectFirst {
    case r: DataSourceV2Relation if r.table.isInstanceOf[RowLevelOperationTable] => r.output
  }

  /** Spark's error for two source rows that match one target row, with the keys that they have. */
  def ambiguousMerge(keys: Seq[String]): SparkRuntimeException = new SparkRuntimeException(
    "MERGE_CARDINALITY_VIOLATION",
    Map.empty[String, String],
    null,
    Array.empty[QueryContext],
    if (keys.isEmpty) "" else s"More than one row of the source has ${keys.mkString(" and ")}."
  )

  /** Spark's refusal of ANALYZE for tables of catalogs. */
  def analyzeRefused: Throwable = QueryCompilationErrors.analyzeTableNotSupportedForV2TablesError()

  /** The rows of a query, as Spark holds them. */
  def collected(query: DataFrame): Array[InternalRow] =
    query.asInstanceOf[Dataset[_]].queryExecution.executedPlan.executeCollect()

  /** The same, where they are computed. */
  def rows(query: DataFrame): RDD[InternalRow] = query.asInstanceOf[Dataset[_]].queryExecution.toRdd

  /** Lets Spark's cache see that tables were changed by something other than Spark's own commands. */
  def recache(session: ClassicSession, tables: Iterable[Seq[String]]): Unit =
    tables.foreach(session.sharedState.cacheManager.recacheTableOrView(session, _, includeTimeTravel = false))

  /** A table that is in no catalog, as a query. */
  def frame(table: Table): DataFrame =
    Dataset.ofRows(session, DataSourceV2Relation.create(table, None, None))

  /** A query in SQL, and nothing else than a query. */
  def query(session: ClassicSession, text: String): DataFrame =
    Dataset.ofRows(session, session.sessionState.sqlParser.parseQuery(text))

  /** A plan that was resolved already, as a query. */
  def query(plan: LogicalPlan): DataFrame = Dataset.ofRows(session, plan)

  def analyzed(query: DataFrame): LogicalPlan = query.asInstanceOf[Dataset[_]].queryExecution.analyzed

  /** A schema in which everything may be NULL. */
  def nullable(schema: StructType): StructType = schema.asNullable

  /** Rows in memory, as a query. */
  def frame(schema: StructType, rows: Seq[InternalRow]): DataFrame =
    Dataset.ofRows(session, LocalRelation(toAttributes(schema), rows))

  /** Rows as one column batch. */
  def batchOf(rows: Seq[InternalRow], schema: StructType): ColumnarBatch = RowConversion.batchOf(rows, schema)
}
