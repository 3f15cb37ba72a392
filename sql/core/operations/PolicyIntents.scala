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
    val rules = now.policies.valuesIterator.collect { case p: Protection if p.appliesTo(Refs.Main) => p } ++
      is.collect { case p: Protection => p } ++
      change.orElse(is).toSeq.flatMap(p => now.policies.get(Policy.protection(p.branches))).collect {
        case p: Protection => p
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
    if (is == change) Proposal() else Proposal(policies = Map(name -> change))
  }
}
