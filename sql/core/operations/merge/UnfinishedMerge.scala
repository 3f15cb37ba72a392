package io.anabranch.core.operations.merge

import io.anabranch.core.format.{CommitId, Json, JsonReader}

/** A merge that waits for decisions. Its conflicts are not kept: they follow from what is merged and from the
  * branch as it is now.
  *
  * @param source
  *   what it was called
  * @param commit
  *   what is merged
  * @param transaction
  *   32 random digits, drawn anew with each change
  */
final case class UnfinishedMerge(
    source: String,
    commit: CommitId,
    squash: Boolean,
    author: String,
    timeMillis: Long,
    decisions: Decisions,
    transaction: String
)

object UnfinishedMerge {
  private val Fail = "fail"

  def encode(m: UnfinishedMerge): Json = Json.some(
    "source" -> Some(Json.Text(m.source)),
    "commit" -> Some(Json.Text(m.commit.toString)),
    "squash" -> Option.when(m.squash)(Json.Bool(true)),
    "author" -> Some(Json.Text(m.author)),
    "time" -> Some(Json.Integer(m.timeMillis)),
    "decisions" -> Some(Json.Arr(m.decisions.all.map(decision))),
    "txn" -> Some(Json.Text(m.transaction))
  )

  /** What stands in the place of a merge that is over. */
  def over(transaction: String): Json = Json.obj("txn" -> Json.Text(transaction))

  /** @return
    *   None if the merge is over
    */
  def decode(r: JsonReader): Option[UnfinishedMerge] = r.textOpt("commit").map { text =>
    UnfinishedMerge(
      r.text("source"),
      CommitId.parse(text).getOrElse(throw r.wrong("commit", "a commit id")),
      r.bool("squash"),
      r.text("author"),
      r.long("time"),
      Decisions(r.readers("decisions").map(decoded)),
      r.text("txn")
    )
  }

  private def decision(d: Decision): Json = {
    val choice = d.choice match {
      case None => "choice" -> Some(Json.Text(Choice.Open))
      case Some(Choice.Ours) => "choice" -> Some(Json.Text("ours"))
      case Some(Choice.Theirs) => "choice" -> Some(Json.Text("theirs"))
      case Some(Choice.Fail) => "choice" -> Some(Json.Text(Fail))
      case Some(Choice.Value(text)) => "value" -> Some(text.fold(Json.Null: Json)(Json.Text(_)))
    }
    Json.some(
      choice,
      "table" -> d.table.map(Json.texts),
      "row" -> d.row.map(Json.int64),
      "column" -> d.column.map(Json.Text(_))
    )
  }

  private def decoded(r: JsonReader): Decision = Decision(
    r.textOpt("choice") match {
      case Some(Choice.Open) => None
      case Some(Fail) => Some(Choice.Fail)
      case Some(side) =>
        Some(Choice.side(side).getOrElse(throw r.wrong("choice", s"ours, theirs, $Fail or ${Choice.Open}")))
      case None => Some(Choice.Value(r.textOpt("value")))
    },
    Option.when(r.has("table"))(r.texts("table")),
    r.longOpt("row"),
    r.textOpt("column")
  )
}
