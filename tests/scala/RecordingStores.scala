package io.anabranch.test

import io.anabranch.spark.catalog.Repositories

import java.util.concurrent.CopyOnWriteArrayList

/** Puts a [[RecordingStore]] before every repository that Spark opens. */
object RecordingStores {
  private val opened = new CopyOnWriteArrayList[RecordingStore]

  /** Begins with the next repository that is opened.
    *
    * @param latencyMillis
    *   as of [[RecordingStore]]
    */
  def install(latencyMillis: Long): Unit = Repositories.wrap = { inner =>
    val store = new RecordingStore(inner, latencyMillis)
    opened.add(store)
    store
  }

  /** No longer, for repositories that are opened from now on. */
  def uninstall(): Unit = {
    Repositories.wrap = identity
    opened.clear()
  }

  /** The store of the repository that was opened last. */
  def last: RecordingStore = opened.get(opened.size - 1)
}
