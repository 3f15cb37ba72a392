package io.anabranch.core.operations.merge

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
}
