package io.anabranch.core.operations.merge

/** One thing as both sides have it, and as it was in what they started from.
  *
  * @param base
  *   None where there is no one value that both started from
  */
final case class Versions[T](base: Option[T], ours: T, theirs: T) {
  def map[S](f: T => S): Versions[S] = Versions(base.map(f), f(ours), f(theirs))

  /** The value of the side that changed it; None where both did, in different ways. */
  def picked: Option[T] = ThreeWay.pick(base, ours, theirs)
}

/** The rule of every three-way merge: whoever changed it is right. */
object ThreeWay {

  /** The value of the side that changed it; None where both did, in different ways.
    *
    * @param base
    *   None where there is no one value that both started from: then only equal sides agree
    */
  def pick[T](base: Option[T], ours: T, theirs: T): Option[T] =
    if (ours == theirs || base.contains(theirs)) Some(ours)
    else if (base.contains(ours)) Some(theirs)
    else None

  /** What both have or one has added, without what one has removed. */
  def members[T](base: Set[T], ours: Set[T], theirs: Set[T]): Set[T] =
    (ours intersect theirs) ++ ((ours union theirs) -- base)

  /** One order, with what only the other has behind what it stands behind there. */
  def interleaved[T](lead: Seq[T], rest: Seq[T]): Seq[T] =
    rest.indices.filterNot(i => lead.contains(rest(i))).foldLeft(lead) { (all, i) =>
      val (before, after) = all.splitAt(if (i == 0) 0 else all.indexOf(rest(i - 1)) + 1)
      val (own, others) = after.span(!rest.contains(_))
      before ++ own ++ (rest(i) +: others)
    }
}
