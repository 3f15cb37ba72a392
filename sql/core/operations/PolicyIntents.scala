package io.anabranch.core.operations

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, Refs}
import io.anabranch.core.transaction._

/** Changes a rule about branches. It goes into the log of main, whether that is protected or not; who may merge there, and
  * where the rule is a protection, may do so.
  *
  * @param name
  *   of the policy
  * @param change
  *   what becomes of it; None when it is dropped
  * @param author
  *   who asks for it
  * @param check
  *   refuses a change that does not fit what is there
  */
final case class ChangePolicy(
    operation: String,
    name: String,
    change: Option[Policy],
    author: String,
    check: Option[Policy] => Unit
) extends Intent {

  override def onto(now: CatalogState): Proposal = {
    val is = now.policies.get(name)
    check(is)
    (is ++ change).map(_.branches).toSeq.distinct.foreach { branches =>
      PolicyIntents.mayChange(now.policies, branches, operation, author)
    }
    if (is == change) Proposal() else Proposal(policies = Map(name -> change))
  }
}

object PolicyIntents {

  /** Refuses who may not change a rule about some branches: by MANAGE, where that was granted; by the principals of
    * main's protections, and of one of the same branches.
    *
    * @param branches
    *   as the rule has them
    * @throws AnabranchException
    *   ANABRANCH_PERMISSION.DENIED, ANABRANCH_REF.PROTECTED
    */
  def mayChange(all: Map[String, Policy], branches: String, operation: String, author: String): Unit = {
    Permissions.mayManage(all, branches, operation, author)
    val rules = all.toSeq.sortBy(_._1).collect {
      case (key, p: Protection) if p.appliesTo(Refs.Main) || key == Policy.protection(branches) => p
    }
    rules.find(!Guards.allows(_, author)).foreach { p =>
      throw AnabranchException(
        "ANABRANCH_REF.PROTECTED",
        "ref" -> p.branches,
        "operation" -> operation,
        "author" -> author,
        "rule" -> p.branches,
        "who" -> s" by ${p.principals.mkString(", ")}"
      )
    }
  }
}
