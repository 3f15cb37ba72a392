package io.anabranch.core.operations.merge

/** Two changes of a table's columns, properties or constraints that can't both be.
  *
  * @param column
  *   logical path of the column; None for the table as a whole
  */
final case class MetadataConflict(
    column: Option[String],
    reason: String,
    base: Option[String] = None,
    ours: Option[String] = None,
    theirs: Option[String] = None
)

/** Settles what both sides changed, and keeps what stays open.
  *
  * @param choose
  *   the side that a conflict about a column (None: the table) is decided for; None leaves it open
  */
final private class MetadataConflicts(choose: Option[String] => Option[Choice]) {
  private val open = Seq.newBuilder[MetadataConflict]

  /** Those that are open, in the order in which they were found. */
  def found: Seq[MetadataConflict] = open.result()

  def add(column: String, reason: String): Unit = open += MetadataConflict(Some(column), reason)

  /** The version of the side that changed it; where both did, as [[decided]].
    *
    * @param show
    *   None where there is no such thing
    */
  def settled[T](column: Option[String], reason: String, of: Versions[T])(show: T => Option[String]): T =
    of.picked.getOrElse(decided(column, reason, of)(show))

  /** The version of the side that is chosen; ours, and a conflict, where none is. */
  def decided[T](column: Option[String], reason: String, of: Versions[T])(show: T => Option[String]): T =
    chosen(column, of).getOrElse(leftOpen(column, reason, of)(show))

  /** The version of the side that is chosen for conflicts about a column. */
  def chosen[T](column: Option[String], of: Versions[T]): Option[T] =
    choose(column).map(c => if (c == Choice.Theirs) of.theirs else of.ours)

  /** Our version, of what no choice settles. */
  def leftOpen[T](column: Option[String], reason: String, of: Versions[T])(show: T => Option[String]): T = {
    open += MetadataConflict(column, reason, of.base.flatMap(show), show(of.ours), show(of.theirs))
    of.ours
  }

  /** Settles texts under names one by one: properties, or what is said of a column. */
  def settledTexts(
      column: Option[String],
      what: String,
      of: Versions[Map[String, String]]
  ): Map[String, String] = {
    val texts = of.copy(base = of.base.orElse(Some(Map.empty[String, String])))
    val names = (texts.base.iterator ++ Seq(of.ours, of.theirs)).flatMap(_.keys).toSet
    names.toSeq.sorted.flatMap { name =>
      settled(column, s"both sides changed $what $name", texts.map(_.get(name)))(text => text).map(name -> _)
    }.toMap
  }
}
