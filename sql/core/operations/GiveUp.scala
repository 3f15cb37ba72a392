package io.anabranch.core.operations

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Expiry, Policy, Times}
import io.anabranch.core.log.CatalogState
import io.anabranch.core.transaction.{Intent, Proposal}

/** Gives up the data of states that were over by a time. A commit on main.
  *
  * @param branches
  *   a pattern
  * @param author
  *   who asks for it
  * @param nowMillis
  *   when
  */
final case class GiveUp(branches: String, beforeMillis: Long, author: String, nowMillis: Long)
    extends Intent {
  override val operation: String = "EXPIRE"

  /** @throws AnabranchException
    *   ANABRANCH_EXPIRY.LATER_THAN_NOW, EARLIER_THAN_BEFORE; ANABRANCH_REF.PROTECTED, ANABRANCH_PERMISSION.DENIED
    */
  override def onto(now: CatalogState): Proposal = {
    val time = nowMillis.max(now.timeMillis + 1) // that of the commit, or a little before
    val name = Policy.expiry(branches)
    PolicyIntents.mayChange(now.policies, branches, operation, author)
    def refuse(condition: String, more: (String, String)) =
      throw AnabranchException(condition, "branches" -> branches, "before" -> Times.shown(beforeMillis), more)
    if (beforeMillis > time) refuse("ANABRANCH_EXPIRY.LATER_THAN_NOW", "now" -> Times.shown(time))
    now.policies.get(name) match {
      case Some(is: Expiry) if beforeMillis < is.beforeMillis =>
        refuse("ANABRANCH_EXPIRY.EARLIER_THAN_BEFORE", "is" -> Times.shown(is.beforeMillis))
      case Some(is: Expiry) if beforeMillis == is.beforeMillis => Proposal()
      case _ => Proposal(policies = Map(name -> Some(Expiry(branches, beforeMillis, author, time))))
    }
  }
}
