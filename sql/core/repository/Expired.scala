package io.anabranch.core.repository

import com.google.common.cache.{Cache, CacheBuilder}
import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations.Expiries

/** Keeps readers and writers from states whose data was given up. Where no expiry is about a commit's branch, that costs
  * no request; else what was found out is known for a minute.
  */
final private[repository] class Expired(
    refs: Refs,
    states: States,
    policies: MainPolicies,
    env: Environment
) {
  import Expired._

  private val known: Cache[CommitId, Known] =
    CacheBuilder.newBuilder().maximumSize(MaxKnown).build()

  /** @param tag
    *   by which the commit was found, if it was: that is asked for first
    * @throws AnabranchException
    *   ANABRANCH_REF.EXPIRED, telling by whom and when
    */
  def refuse(id: CommitId, tag: Option[String] = None): Unit = by(id, tag).foreach { e =>
    throw AnabranchException(
      "ANABRANCH_REF.EXPIRED",
      "commit" -> id.short,
      "author" -> e.author,
      "branches" -> e.branches,
      "before" -> Times.shown(e.beforeMillis),
      "time" -> Times.shown(e.timeMillis)
    )
  }

  /** The same for what a ref named when it was resolved. */
  def refuse(ref: ResolvedRef): Unit =
    refuse(ref.state.id, Option.when(ref.kind == "tag")(ref.text.stripPrefix("tag:")))

  def contains(id: CommitId): Boolean = by(id, None).isDefined

  private def by(id: CommitId, tag: Option[String]): Option[Expiry] =
    if (id.position.seq < 0) None // what a transaction has made is nobody's past
    else {
      val all = policies.recent
      if (!all.valuesIterator.exists(_.isInstanceOf[Expiry])) None
      else
        for {
          expiry <- Expiries.about(all, branchOf(id))
          entry = states.log.get(id)
          if entry.commit.timeMillis <= expiry.beforeMillis && isExpired(entry, expiry, tag)
        } yield expiry
    }

  private def branchOf(id: CommitId): String =
    states.log.get(Position(id.position.ordinal, 0)).commit.branch.getOrElse(Refs.Main)

  private def isExpired(entry: Entry, expiry: Expiry, tag: Option[String]): Boolean = {
    val now = env.nowMillis()
    Option(known.getIfPresent(entry.id))
      .filter(k => k.expiry == expiry && now - k.time >= 0 && now - k.time <= MainPolicies.FreshMillis)
      .getOrElse {
        val over = Expiries.isOver(entry.commit, following(entry), expiry.beforeMillis)
        val found = Known(now, expiry, over && !isTagged(entry.id, tag))
        known.put(entry.id, found)
        found
      }
      .expired
  }

  private def following(entry: Entry): Option[Commit] = {
    val at = entry.id.position
    states.log.find(at.copy(seq = at.seq + 1)).map(_.commit)
  }

  private def isTagged(id: CommitId, tag: Option[String]): Boolean =
    tag.exists(refs.tag(_).contains(id)) || Parallel.map(refs.tagNames())(refs.tag).flatten.contains(id)
}

private object Expired {
  val MaxKnown = 1000L

  /** What was found out about a commit, when, and by which expiry. */
  final case class Known(time: Long, expiry: Expiry, expired: Boolean)
}
