package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.store.{CreateOutcome, ObjectStore, StoredObject}
import io.anabranch.core.transaction.CommitContext

/** What became of an expiry.
  *
  * @param expiredCommits
  *   how many commits it makes expired
  */
final case class ExpireResult(expiry: Expiry, expiredCommits: Long)

/** Deletes data files and deletion vectors that no state needs which was not given up. */
final class Vacuum private[repository] (store: ObjectStore, states: States, refs: Refs, env: Environment) {
  import Vacuum._

  private val generations = new Generations(store)

  /** How many commits an expiry makes expired. */
  def expired(expiry: Expiry): Long = {
    val surviving = new Surviving(store, states, refs, Long.MaxValue)
    val first =
      surviving.lines(Map(Policy.expiry(expiry.branches) -> expiry)).map(l => l.ordinal -> l.first).toMap
    val tagged = surviving.tagged.map(_.position)
    first.values.sum - tagged.count(p => p.seq < first.getOrElse(p.ordinal, 0L))
  }

  /** @param grace
    *   milliseconds: what is younger stays, since a running writer may be about to commit it; and what was expired less
    *   than half of it ago
    * @param table
    *   id of the only table that is looked at; None for all, and for what belongs to none
    * @param force
    *   whether it may be shorter than 7 days: it must be certain that nobody is writing
    * @return
    *   what was deleted, or in a dry run would be
    * @throws AnabranchException
    *   ANABRANCH_VACUUM.GRACE_TOO_SHORT; ANABRANCH_LOG.ENTRY_MISSING, CORRUPT_OBJECT, CHAIN_BROKEN,
    *   ANABRANCH_REPOSITORY.UNKNOWN_FEATURE if it can't be told what is needed: nothing is deleted then
    */
  def run(
      grace: Long,
      table: Option[String],
      force: Boolean,
      dryRun: Boolean,
      by: CommitContext
  ): Seq[StoredObject] = {
    if (grace < (if (force) 0 else SmallestHours * Times.Hour))
      throw AnabranchException(
        "ANABRANCH_VACUUM.GRACE_TOO_SHORT",
        "grace" -> java.math.BigDecimal
          .valueOf(grace)
          .divide(java.math.BigDecimal.valueOf(Times.Hour), 3, java.math.RoundingMode.HALF_UP)
          .stripTrailingZeros
          .toPlainString,
        "smallest" -> SmallestHours.toString
      )
    val now = if (dryRun) env.nowMillis() else storeClock()
    // what is there is listed first, and what is needed is found out then: what comes in between is young
    val folders = table.fold(store.folders(Paths.Data))(Seq(_)).map(Paths.tableData)
    val there = Parallel.map(folders)(store.objects).flatten ++ store.objects(Paths.DeletionVectors)
    val isUnneeded = unneeded(now - grace / 2, table)
    val found = there.filter(o => o.modifiedMillis <= now - grace && isUnneeded(o.path))
    if (!dryRun) found.grouped(MaxObjects).foreach { some =>
      record(some, grace, by)
      Parallel.map(some)(o => store.delete(o.path)): Unit
    }
    found
  }

  /** Tells of a path whether it is one that may be deleted. */
  private def unneeded(since: Long, table: Option[String]): String => Boolean = {
    val surviving = new Surviving(store, states, refs, since)
    val lines = surviving.lines(surviving.policies)
    val needed = surviving.references(lines, surviving.tagged ++ surviving.neededByMerges(lines))
    val ofTable = table.map(surviving.givenUp(lines, _))
    path =>
      path match {
        case DataFile(table, file) => !needed.hasFile(table, file)
        case Vector(id) => !needed.hasVector(id) && ofTable.forall(_.hasVector(id))
        case _ => false // it is not ours
      }
  }

  /** Creates the object that tells what is deleted [VAC-3]. */
  private def record(objects: Seq[StoredObject], grace: Long, by: CommitContext): Unit = {
    val told = Json.canonical(
      Json.obj(
        "author" -> Json.Text(by.author),
        "time" -> Json.Integer(env.nowMillis()),
        "grace" -> Json.Integer(grace),
        "objects" -> Json.Arr(objects.map { o =>
          Json.obj(
            "path" -> Json.Text(o.path),
            "size" -> Json.Integer(o.sizeBytes),
            "modified" -> Json.Integer(o.modifiedMillis)
          )
        }),
        "txn" -> Json.Text(env.randomId())
      )
    )
    def create(): Boolean = {
      val path = Paths.numbered(Paths.Vacuums, generations.last(Paths.Vacuums).fold(0L)(_ + 1))
      store.createIfAbsent(path, told) == CreateOutcome.Won || store.read(path).exists(_.sameElements(told))
    }
    if (!Iterator.continually(create()).take(MaxTries).contains(true))
      throw failed("create", Paths.Vacuums, s"$MaxTries numbers were taken by others")
  }

  /** What time it is for the store: that of an object which is made for it. */
  private def storeClock(): Long = {
    val path = s"${Paths.Probes}/${env.randomId()}"
    try {
      store.createIfAbsent(path, "what time is it?".getBytes("UTF-8")): Unit
      store
        .objects(Paths.Probes)
        .find(_.path == path)
        .map(_.modifiedMillis)
        .getOrElse(throw failed("list", Paths.Probes, "it does not list what was written a moment ago"))
    } finally store.delete(path)
  }

  private def failed(operation: String, path: String, reason: String) = AnabranchException(
    "ANABRANCH_REPOSITORY.STORE_FAILED",
    "operation" -> operation,
    "path" -> path,
    "reason" -> reason
  )
}

object Vacuum {

  /** A shorter grace period needs to be forced. */
  val SmallestHours: Long = 7 * 24

  private val MaxObjects = 10000
  private val MaxTries = 20

  // what writers draw, and what those that died left of it
  private val Left = "(?:#\\d+|\\.[\\w-]+\\.tmp)?"
  private val DataFile = (Paths.Data + "/([0-9a-f]{32})/\\.?([0-9a-f]{32}\\.parquet)" + Left).r
  private val Vector = (Paths.DeletionVectors + "/\\.?([0-9a-f]{32})\\.bin" + Left).r
}
