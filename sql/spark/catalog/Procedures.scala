package io.anabranch.spark.catalog

import io.anabranch.core.AnabranchException
import io.anabranch.spark.AnabranchErrors.translated
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow
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
    Seq(new DiffProcedure(context)).map(p => p.name() -> p).toMap

  def load(ident: Identifier): UnboundProcedure =
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

  def list(namespace: Seq[String]): Array[Identifier] =
    if (namespace == Seq("system")) all.keys.toSeq.sorted.map(Identifier.of(Array("system"), _)).toArray
    else Array.empty
}

/** `CALL system.diff(from => 'ref', to => 'ref', table => 'db.t')`: what differs between two refs, by
  * table.
  */
final class DiffProcedure(context: CatalogContext) extends UnboundProcedure with BoundProcedure {
  private val schema = StructType.fromDDL(
    "table STRING, change STRING, detail STRING, rows_from BIGINT, rows_to BIGINT, files_added BIGINT, files_removed BIGINT"
  )

  override def name(): String = "diff"
  override def description(): String = "what differs between two refs, by table"
  override def bind(inputType: StructType): BoundProcedure = this
  override def isDeterministic(): Boolean = false

  override def parameters(): Array[ProcedureParameter] = Array(
    ProcedureParameter.in("from", StringType).build(),
    ProcedureParameter.in("to", StringType).build(),
    ProcedureParameter.in("table", StringType).defaultValue("NULL").build()
  )

  override def call(input: InternalRow): java.util.Iterator[Scan] = translated {
    Seq("from", "to").zipWithIndex.find { case (_, i) => input.isNullAt(i) }.foreach { case (argument, _) =>
      throw AnabranchException(
        "ANABRANCH_PROCEDURE.NULL_ARGUMENT",
        "procedure" -> "system.diff",
        "argument" -> argument
      )
    }
    val table = Option.when(!input.isNullAt(2))(input.getString(2)).map { t =>
      val parts = SparkBridge.session.sessionState.sqlParser.parseMultipartIdentifier(t)
      val name = if (parts.size > 1 && parts.head == context.name) parts.tail else parts
      context.namespaceOf(name.init) :+ name.last
    }
    val found = context.repository.diff(input.getString(0), input.getString(1), table).map { c =>
      new GenericInternalRow(
        Array[Any](
          text(c.table),
          text(c.change),
          text(c.detail),
          c.rowsFrom,
          c.rowsTo,
          c.filesAdded,
          c.filesRemoved
        )
      ): InternalRow
    }
    val result: Scan = new LocalScan {
      override def readSchema(): StructType = schema
      override def rows(): Array[InternalRow] = found.toArray
    }
    Iterator(result).asJava
  }

  private def text(s: String): UTF8String = UTF8String.fromString(s)
}
