package io.anabranch.spark.catalog

import io.anabranch.core.repository.Repository
import io.anabranch.core.store.{ObjectStore, Stores}
import org.apache.hadoop.conf.Configuration

import java.util.concurrent.ConcurrentHashMap

/** Open repositories of this process, by root: sessions share what they know of one. */
object Repositories {
  private val open = new ConcurrentHashMap[(String, Map[String, String]), Repository]

  /** @param options
    *   settings of the catalog; other settings may reach another store under the same root
    */
  def get(root: String, options: Map[String, String], conf: => Configuration): Repository =
    open.computeIfAbsent((root, options), _ => Repository.open(wrap(Stores.open(root, conf))))

  /** Forgets a repository, as when its folder was deleted under our feet. */
  private[anabranch] def forget(root: String): Unit = open.keySet.removeIf(_._1 == root): Unit

  /** Stands between every repository opened from now on and its store: for tests that inject faults. */
  @volatile private[anabranch] var wrap: ObjectStore => ObjectStore = identity
}
