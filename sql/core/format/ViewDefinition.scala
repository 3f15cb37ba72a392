package io.anabranch.core.format

/** A query under a name, beside the columns that stand in the metadata.
  *
  * @param query
  *   in Spark's SQL
  * @param catalog
  *   where names without one are; None is the repository itself, whatever it is called by who reads
  * @param namespace
  *   where names without one are
  * @param settings
  *   of the session that made it, under which the query is read
  * @param schemaMode
  *   what becomes of the columns when those of the query change: Spark's word for it
  * @param queryColumns
  *   names of the query's own columns, which the view's stand for in their order
  */
final case class ViewDefinition(
    query: String,
    catalog: Option[String],
    namespace: Seq[String],
    settings: Map[String, String] = Map.empty,
    schemaMode: Option[String] = None,
    queryColumns: Seq[String] = Nil
)

object ViewDefinition {
  def encode(v: ViewDefinition): Json = Json.some(
    "query" -> Some(Json.Text(v.query)),
    "catalog" -> v.catalog.map(Json.Text(_)),
    "namespace" -> Some(Json.texts(v.namespace)),
    "settings" -> Option.when(v.settings.nonEmpty)(Json.textMap(v.settings)),
    "schema_mode" -> v.schemaMode.map(Json.Text(_)),
    "query_columns" -> Option.when(v.queryColumns.nonEmpty)(Json.texts(v.queryColumns))
  )

  def decode(r: JsonReader): ViewDefinition = ViewDefinition(
    r.text("query"),
    r.textOpt("catalog"),
    r.texts("namespace"),
    r.textMap("settings"),
    r.textOpt("schema_mode"),
    r.texts("query_columns")
  )
}
