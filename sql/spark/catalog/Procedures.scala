package io.anabranch.spark.catalog

import io.anabranch.core.AnabranchException
import io.anabranch.core.repository.OpenTransaction
import io.anabranch.spark.AnabranchErrors.translated
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow
import org.apache.spark.sql.catalyst.util.GenericArrayData
import org.apache.spark.sql.connector.catalog.Identifier
import org.apache.spark.sql.connector.catalog.procedures.{
  BoundProcedure,
  ProcedureParameter,
  UnboundProcedure
}
import org.apache.spark.sql.connector.read.{LocalScan, Scan}
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.types.UTF8String

import scala.jdk.CollectionConverters._

/** Stored procedures of a catalog: `CALL <catalog>.system.<name>(…)`. */
final class Procedures(context: CatalogContext) {
  private val all: Map[String, UnboundProcedure] =
    Seq[UnboundProcedure](
      new DiffProcedure(context),
      new ChangesProcedure(context),
      new RowHistoryProcedure(context),
      new RowCommitsProcedure(context),
      new BlameProcedure(context),
      new ResolveProcedure(context),
      new ExpireProcedure(context)
    ).map(p => p.name() -> p).toMap

  def load(ident: Identifier): UnboundProcedure = {
    Option
      .when(ident.namespace.toSeq == Seq("system"))(ident.name.toLowerCase(java.util.Locale.ROOT))
      .flatMap(all.get)
      .getOrElse(
        throw AnabranchException(
          "ANABRANCH_PROCEDURE.NOT_FOUND",
          "procedure" -> (ident.namespace :+ ident.name).mkString("."),
          "known" -> all.keys.toSeq.sorted.map("system." + _).mkString(", ")
        )
      )
  }

  def list(namespace: Seq[String]): Array[Identifier] =
    if (namespace == Seq("system")) all.keys.toSeq.sorted.map(Identifier.of(Array("system"), _)).toArray
    else Array.empty
}

/** A procedure of a catalog, with what all of them need. */
abstract private[catalog] class CatalogProcedure(context: CatalogContext)
    extends UnboundProcedure
    with BoundProcedure {

  protected def result(input: InternalRow): Scan

  /** Whether it changes nothing, so that it may stand in a transaction; it tells of what was committed. */
  protected def onlyReads: Boolean = true

  override def bind(inputType: StructType): BoundProcedure = {
    if (!onlyReads && context.transaction.isDefined)
      translated(
        throw OpenTransaction.refused(s"CALL system.${name()}", "it can't stand in a transaction")
      )
    this
  }
  override def isDeterministic(): Boolean = false

  override def call(input: InternalRow): java.util.Iterator[Scan] = translated {
    Iterator(result(input)).asJava
  }

  /** The text of an argument that must not be NULL. */
  protected def text(input: InternalRow, place: Int): String = {
    mustBeGiven(input, place)
    input.getString(place)
  }

  protected def mustBeGiven(input: InternalRow, place: Int): Unit = if (input.isNullAt(place))
    throw AnabranchException(
      "ANABRANCH_PROCEDURE.NULL_ARGUMENT",
      "procedure" -> s"system.${name()}",
      "argument" -> parameters()(place).name
    )

  /** The error for arguments that don't fit together. */
  protected def wrong(reason: String): AnabranchException = AnabranchException(
    "ANABRANCH_PROCEDURE.INVALID_ARGUMENT",
    "procedure" -> s"system.${name()}",
    "reason" -> reason
  )

  /** A table as users name it, with or without the catalog, and with a ref or not. */
  protected def table(text: String): Identifier = {
    val parts = SparkBridge.session.sessionState.sqlParser.parseMultipartIdentifier(text)
    val name = if (parts.size > 1 && parts.head == context.name) parts.tail else parts
    val space = if (name.size == 1) CatalogContext.currentNamespace(context.name) else name.init
    Identifier.of(space.toArray, name.last)
  }

  /** A table of this catalog, as it is written in SQL. */
  protected def sqlName(parts: Seq[String]): String =
    (context.name +: parts).map(p => "`" + p.replace("`", "``") + "`").mkString(".")

  /** The rows of a query as a result: Spark takes only such as are on the driver. */
  protected def local(query: DataFrame): Scan =
    new LocalRows(query.schema, SparkBridge.collected(query))
}

final private class LocalRows(schema: StructType, found: Array[InternalRow]) extends LocalScan {
  override def readSchema(): StructType = schema
  override def rows(): Array[InternalRow] = found
}

/** A procedure whose result is always of the same columns.
  *
  * @param ddl
  *   these
  */
abstract private[catalog] class LocalProcedure(context: CatalogContext, ddl: String)
    extends CatalogProcedure(context) {
  private val schema = StructType.fromDDL(ddl)

  /** The rows of the result. */
  protected def run(input: InternalRow): Seq[Seq[Any]]

  override protected def result(input: InternalRow): Scan = {
    val found = run(input).map(r => new GenericInternalRow(r.map(LocalProcedure.value).toArray): InternalRow)
    new LocalRows(schema, found.toArray)
  }
}

private object LocalProcedure {
  def value(v: Any): Any = v match {
    case s: String => UTF8String.fromString(s)
    case all: Seq[_] => new GenericArrayData(all.map(value))
    case other => other
  }
}

/** `CALL system.diff(from => 'ref', to => 'ref', table => 'db.t')`: what differs between two refs, by
  * table.
  */
final class DiffProcedure(context: CatalogContext)
    extends LocalProcedure(
      context,
      "table STRING, change STRING, detail STRING, rows_from BIGINT, rows_to BIGINT, files_added BIGINT, " +
        "files_removed BIGINT, rows_added BIGINT, rows_changed BIGINT, rows_removed BIGINT, " +
        "schema_changes ARRAY<STRING>"
    ) {
  override def name(): String = "diff"
  override def description(): String = "what differs between two refs, by table"

  override def parameters(): Array[ProcedureParameter] = Array(
    ProcedureParameter.in("from", StringType).build(),
    ProcedureParameter.in("to", StringType).build(),
    ProcedureParameter.in("table", StringType).defaultValue("NULL").build()
  )

  override protected def run(input: InternalRow): Seq[Seq[Any]] = {
    val (from, to) = (text(input, 0), text(input, 1))
    val only =
      Option.when(!input.isNullAt(2))(table(input.getString(2))).map(i => i.namespace.toSeq :+ i.name)
    context.repository
      .diff(from, to, only)
      .map { c =>
        val rows = c.rows.fold(Seq[Any](null, null, null))(r => Seq(r.added, r.changed, r.removed))
        Seq[Any](c.table, c.change, c.detail, c.rowsFrom, c.rowsTo, c.filesAdded, c.filesRemoved) ++
          (rows :+ c.schema)
      }
  }
}
