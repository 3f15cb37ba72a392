package io.anabranch.spark

import io.anabranch.core.AnabranchException
import io.anabranch.spark.AnabranchErrors.translated
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.catalog._
import org.apache.spark.sql.connector.expressions.Transform
import org.apache.spark.sql.sources.DataSourceRegister
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.util.CaseInsensitiveStringMap

import java.util
import java.util.Optional

/** `spark.read.format("anabranch").load("lake.db.t")`: a table of a configured catalog by its name, with
  * the options `versionAsOf`, `timestampAsOf`, `branch` and `tag`; the same for `df.write`.
  */
final class AnabranchDataSource extends SupportsCatalogOptions with DataSourceRegister {
  override def shortName(): String = "anabranch"

  private def parts(options: CaseInsensitiveStringMap): Seq[String] = {
    val text = Option(options.get("path"))
      .orElse(Option(options.get("table")))
      .getOrElse(
        throw AnabranchException(
          "ANABRANCH_WRITE.OPTION",
          "option" -> "path",
          "reason" -> "no table is named",
          "advice" -> "Give its name, as in load(\"lake.db.t\")."
        )
      )
    if (text.contains('/')) return path(text)
    val names = SparkBridge.session.sessionState.sqlParser.parseMultipartIdentifier(text)
    val manager = SparkBridge.session.sessionState.catalogManager
    if (names.size > 1 && manager.isCatalogRegistered(names.head)) names
    else
      manager.currentCatalog.name() +: (if (names.size > 1) names
                                        else manager.currentNamespace.toSeq ++ names)
  }

  /** A relative path is the name of a table in the namespace `default`, as code for other formats has it. */
  private def path(text: String): Seq[String] = {
    def refused(reason: String) = AnabranchException(
      "ANABRANCH_WRITE.OPTION",
      "option" -> "path",
      "reason" -> reason,
      "advice" -> "Give the name of a table, as in load(\"lake.db.t\")."
    )
    if (text.startsWith("/") || text.contains("://"))
      throw refused(s"'$text' is a place, and tables lie in the repository of a catalog")
    val manager = SparkBridge.session.sessionState.catalogManager
    val catalog = manager.currentCatalog match {
      case c: AnabranchCatalog => c.name
      case _ =>
        SparkBridge.anabranchCatalogs match {
          case Seq(one) => one
          case several =>
            throw refused(
              s"the session has ${several.size} Anabranch catalogs, and '$text' does not say which"
            )
        }
    }
    Seq(catalog, "default", text.stripSuffix("/"))
  }

  override def extractCatalog(options: CaseInsensitiveStringMap): String = translated(parts(options).head)

  override def extractIdentifier(options: CaseInsensitiveStringMap): Identifier = translated {
    val name = parts(options).tail
    val refs = Seq("branch", "tag").flatMap(k => Option(options.get(k)).map(v => s"$k:$v"))
    val last = refs match {
      case Seq() => name.last
      case Seq(ref) if !name.last.contains('@') => s"${name.last}@$ref"
      case _ =>
        throw AnabranchException(
          "ANABRANCH_WRITE.OPTION",
          "option" -> "branch",
          "reason" -> "another ref is given, too",
          "advice" -> "Give one of branch, tag and `table@ref`."
        )
    }
    Identifier.of(name.init.toArray, last)
  }

  override def extractTimeTravelVersion(options: CaseInsensitiveStringMap): Optional[String] =
    Optional.ofNullable(options.get("versionAsOf"))
  override def extractTimeTravelTimestamp(options: CaseInsensitiveStringMap): Optional[String] =
    Optional.ofNullable(options.get("timestampAsOf"))

  override def inferSchema(options: CaseInsensitiveStringMap): StructType = inCatalog(options)
  override def getTable(
      schema: StructType,
      partitioning: Array[Transform],
      properties: util.Map[String, String]
  ): Table =
    inCatalog(new CaseInsensitiveStringMap(properties))

  /** Reached only where Spark has no way to go through a catalog, such as `CREATE TABLE … USING` outside. */
  private def inCatalog(options: CaseInsensitiveStringMap): Nothing = translated {
    throw AnabranchException(
      "ANABRANCH_WRITE.OPTION",
      "option" -> "path",
      "reason" -> s"'${options.getOrDefault("path", "")}' is not a table of an Anabranch catalog",
      "advice" -> "Name it as catalog.namespace.table, with spark.sql.catalog.<catalog> set to io.anabranch.spark.AnabranchCatalog."
    )
  }
}
