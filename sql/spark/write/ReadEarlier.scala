package io.anabranch.spark.write

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.DataFile
import io.anabranch.core.log.TableState
import io.anabranch.core.repository.LoadedTable
import io.anabranch.spark.read.ScanOrigin

/** Keeps rows that were read from a table earlier from overwriting what came to it since: a DataFrame reads the commit that
  * was there when it was made, and may be written long after.
  *
  * @param scans
  *   what the statement reads
  * @param target
  *   the table of which rows go
  */
final private[write] class ReadEarlier(scans: Seq[ScanOrigin], target: LoadedTable) {

  // who names an old state means it; in a branch, the newest is meant
  private val earlier = scans
    .map(_.loaded)
    .filter { l =>
      l.table.id == target.table.id && l.state.id != target.state.id &&
      l.ref.branch.isDefined && l.ref.branch == target.ref.branch
    }
    .map(_.table)

  /** Refuses if the files that go are not those that were read.
    *
    * @param goes
    *   whether rows of a file go
    */
  def refuse(goes: DataFile => Boolean): Unit = {
    def rows(t: TableState) = t.files.files.valuesIterator.filter(goes).map(f => f.id -> f.deletions).toMap
    if (earlier.nonEmpty) {
      val now = rows(target.table)
      if (earlier.exists(rows(_) != now))
        throw AnabranchException(
          "ANABRANCH_WRITE.READ_EARLIER",
          "table" -> target.table.name.mkString(".")
        )
    }
  }
}
