package io.anabranch.test

import io.anabranch.spark.catalog.Repositories

/** Makes this JVM as ignorant of a repository as a fresh one. */
object ColdStart {

  /** Catalogs that open the repository from now on share nothing with those that know it.
    *
    * @param root
    *   the warehouse, as it was set
    */
  def forget(root: String): Unit = Repositories.forget(root)
}
