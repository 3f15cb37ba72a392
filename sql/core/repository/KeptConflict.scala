package io.anabranch.core.repository

import io.anabranch.core.operations.merge.{Choice, Decision, MergeConflict}

/** A conflict of an unfinished merge, and what was decided about it. */
final case class KeptConflict(conflict: MergeConflict, choice: Option[Choice]) {

  /** A choice as people see it: ours, theirs or value, and the value. */
  def shown: (Option[String], Option[String]) = choice match {
    case Some(Choice.Ours) => (Some("ours"), None)
    case Some(Choice.Theirs) => (Some("theirs"), None)
    case Some(Choice.Value(text)) => (Some(KeptConflict.OfValue), text)
    case Some(Choice.Fail) | None => (None, None)
  }

  /** A decision about it, and about as little else as can be. */
  def decided(to: Option[Choice]): Decision =
    Decision(to, Some(conflict.name), conflict.row.map(_.id), conflict.column)

  /** The decision of somebody who writes another choice, or another value, beside it.
    *
    * @return
    *   None if nothing is changed; Left says why it is none
    */
  def rewritten(toChoice: Option[String], toValue: Option[String]): Either[String, Option[Decision]] = {
    val (choice, value) = shown
    val to = toChoice.map(_.toLowerCase(java.util.Locale.ROOT)).filterNot(_ == Choice.Open)
    if (to == choice && toValue == value) Right(None)
    else if (to == choice || to.contains(KeptConflict.OfValue))
      Right(Some(decided(Some(Choice.Value(toValue)))))
    else
      to.map(Choice.side) match {
        case Some(None) =>
          Left(s"choice is ours, theirs or ${Choice.Open}, and not '${toChoice.getOrElse("")}'")
        case _ if toValue.isDefined && toValue != value =>
          Left("choice and value are both given, and only one of them can be")
        case side => Right(Some(decided(side.flatten)))
      }
  }
}

private object KeptConflict {

  /** What stands for the choice of a value. */
  val OfValue: String = "value"
}
