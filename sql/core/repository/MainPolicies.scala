package io.anabranch.core.repository

import io.anabranch.core.format.Policy
import io.anabranch.core.log.{Environment, Refs}

/** The policies of main, as readers know them: those of the last look at main, which is at most a minute ago. */
final private[repository] class MainPolicies(refs: Refs, env: Environment) {
  @volatile private var looked = env.nowMillis() // whoever opens a repository looks at main

  def recent: Map[String, Policy] = {
    val now = env.nowMillis()
    val state =
      if (now - looked > MainPolicies.FreshMillis) {
        looked = now
        refs.head(Refs.Main)
      } else refs.known(Refs.Main).orElse(refs.head(Refs.Main))
    state.fold(Map.empty[String, Policy])(_.policies)
  }
}

private[repository] object MainPolicies {
  val FreshMillis: Long = 60 * 1000
}
