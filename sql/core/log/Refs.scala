package io.anabranch.core.log

import io.anabranch.core.format._
import io.anabranch.core.store.ObjectStore

import java.util.concurrent.ConcurrentHashMap

/** Branches and tags by name.
  *
  * An object `refs/branches/<name>/<generation>` only says which log carries the name; the log alone
  * says what became of it. A tag is the newest of its objects. Generations are created if absent, so two
  * who create the same name can't both succeed.
  */
final class Refs(store: ObjectStore, states: States) {
  private val generations = new Generations(store)
  private val heads = new ConcurrentHashMap[String, CatalogState]

  /** The state at the head of a branch, as new as the moment of the call; None if there is no such
    * branch. When this process knows the branch, asking costs one request.
    */
  def head(name: String): Option[CatalogState] = {
    val known = Option(heads.get(name)).flatMap { state =>
      settled(states.advance(state, states.log.after(state.position)))
    }
    val found = known.orElse(if (name == Refs.Main) openMain() else named(name).flatMap(openLog))
    found match {
      case Some(state) => remember(name, state)
      case None => heads.remove(name)
    }
    found
  }

  /** Keeps the newest state that this process knows of a branch. */
  def remember(name: String, state: CatalogState): Unit =
    heads.merge(
      name,
      state,
      (old, neu) =>
        if (old.position.ordinal == neu.position.ordinal && old.position.seq > neu.position.seq) old else neu
    ): Unit

  /** What this process knows of a branch, without a request. */
  def known(name: String): Option[CatalogState] = Option(heads.get(name))

  private def named(name: String): Option[Ordinal] =
    generations.newest(Paths.branch(name)).flatMap { case (_, r) =>
      ordinalOf(r)
    }

  /** Main's first log is known without looking; whether it was reset is asked in the same round. */
  private def openMain(): Option[CatalogState] = {
    val (elsewhere, first) = Parallel.both(named(Refs.Main))(states.head(Ordinal.Main))
    elsewhere.flatMap(openLog).orElse(first.flatMap(settled))
  }

  private def openLog(ordinal: Ordinal): Option[CatalogState] = states.head(ordinal).flatMap(settled)

  /** Follows closing entries: to the successor of a branch that was reset, to nothing if it was dropped. */
  def settled(state: CatalogState): Option[CatalogState] = state.closing match {
    case None => Some(state)
    case Some(Closing(_, Some(successor))) => openLog(successor)
    case Some(_) => None
  }

  private def ordinalOf(r: JsonReader): Option[Ordinal] = r.textOpt("ordinal").flatMap(Ordinal.parse)

  /** The commit that a tag names; None if there is no such tag. */
  def tag(name: String): Option[CommitId] =
    generations.newest(Paths.tag(name)).flatMap { case (_, r) => r.textOpt("commit").flatMap(CommitId.parse) }

  /** The next free generation of a branch's or tag's name. Asked before looking whether the name is in
    * use, it makes creating the name fail if somebody else did so in between.
    */
  def nextBranch(name: String): Long = generations.next(Paths.branch(name))
  def nextTag(name: String): Long = generations.next(Paths.tag(name))

  /** Names a log.
    *
    * @param generation
    *   of [[nextBranch]]
    * @return
    *   false if somebody else took the generation
    * @throws AnabranchException
    *   ANABRANCH_COMMIT.OUTCOME_UNKNOWN, with the transaction of the log's first entry
    */
  def nameLog(name: String, generation: Long, ordinal: Ordinal): Boolean =
    generations.create(Paths.branch(name), generation, Json.obj("ordinal" -> Json.Text(ordinal.toString))) {
      cause =>
        Log.unknown(name, states.log.get(Position(ordinal, 0)).commit.transaction, cause)
    }

  /** Creates a tag, or with None drops it.
    *
    * @param transaction
    *   32 random digits, by which one of two who write the same knows that it was the other
    * @throws AnabranchException
    *   ANABRANCH_COMMIT.OUTCOME_UNKNOWN
    */
  def writeTag(name: String, generation: Long, commit: Option[CommitId], transaction: String): Boolean = {
    val txn = Some(Json.Text(transaction))
    val value = Json.some("commit" -> commit.map(id => Json.Text(id.toString)), "txn" -> txn)
    generations.create(Paths.tag(name), generation, value)(Log.unknown(name, transaction, _))
  }

  /** Names of all branches that were ever created and tags that there are, sorted. */
  def branchNames(): Seq[String] =
    (Refs.Main +: store.folders(Paths.Branches).map(Paths.decode)).distinct.sorted
  def tagNames(): Seq[String] = store.folders(Paths.Tags).map(Paths.decode).sorted
}

object Refs {
  val Main: String = "main"
}
