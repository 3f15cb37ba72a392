package io.anabranch.test

import io.anabranch.core.store.ObjectStore

import java.util.concurrent.ConcurrentHashMap

/** Stores that tests give to code which opens its store by location. */
object TestStores {
  private val stores = new ConcurrentHashMap[String, ObjectStore]

  /** From now on the location means that store. */
  def register(location: String, store: ObjectStore): Unit = { stores.put(location, store); () }

  /** Undoes [[register]]. */
  def remove(location: String): Unit = { stores.remove(location); () }

  /** The store that was registered for the location. */
  def find(location: String): Option[ObjectStore] = Option(stores.get(location))
}
