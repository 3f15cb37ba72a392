package io.anabranch.core.repository

/** A ref as users write it: a name or commit id, and steps back from it.
  *
  * `main~2` (two first parents back), `main^2` (the second parent), `main@{2026-01-01T00:00:00Z}` (the
  * last commit at or before a time), `branch:x` and `tag:x` where a name alone would be ambiguous.
  */
final case class RefExpression(kind: Option[String], base: String, steps: Seq[RefExpression.Step])

object RefExpression {
  sealed trait Step
  final case class Ancestor(count: Int) extends Step
  final case class Parent(number: Int) extends Step
  final case class AtTime(text: String) extends Step

  private val Suffix = """(.*?)(?:~(\d{0,9})|\^(\d{0,9})|@\{([^}]*)\})""".r
  private val Qualified = "(branch|tag):(.*)".r

  def parse(text: String): RefExpression = {
    @annotation.tailrec
    def strip(rest: String, steps: List[Step]): (String, List[Step]) = lastStep(rest) match {
      case Some((before, step)) => strip(before, step :: steps)
      case None => (rest, steps)
    }
    val (name, steps) = strip(text.trim, Nil)
    name match {
      case Qualified(kind, base) => RefExpression(Some(kind), base, steps)
      case _ => RefExpression(None, name, steps)
    }
  }

  /** The last step of an expression and what stands before it. Names can't hold `~`, `^` or `@`. */
  private def lastStep(text: String): Option[(String, Step)] = {
    val start = math.max(math.max(text.lastIndexOf('~'), text.lastIndexOf('^')), text.lastIndexOf("@{"))
    Option
      .when(start > 0)(text.substring(start))
      .flatMap {
        case Suffix("", n, null, null) if n != null => Some(Ancestor(if (n.isEmpty) 1 else n.toInt))
        case Suffix("", null, n, null) if n != null => Some(Parent(if (n.isEmpty) 1 else n.toInt))
        case Suffix("", null, null, time) if time != null => Some(AtTime(time))
        case _ => None
      }
      .map(text.substring(0, start) -> _)
  }
}
