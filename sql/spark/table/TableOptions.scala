package io.anabranch.spark.table

import io.anabranch.core.AnabranchException
import io.anabranch.core.repository.{LoadedTable, Repository}
import org.apache.spark.sql.util.CaseInsensitiveStringMap

/** Options of a read or write that name another ref. Ignored, they would read or write the wrong place in
  * silence.
  */
private[spark] object TableOptions {
  private val TimeTravel = Seq("versionAsOf", "timestampAsOf")

  /** Which rows of a table an overwrite replaces, as SQL. */
  val ReplaceWhere = "replaceWhere"
  val PartitionMode = "partitionOverwriteMode"

  def forRead(repository: Repository, loaded: LoadedTable, options: CaseInsensitiveStringMap): LoadedTable = {
    val ref = refOf(options).filter(_ != loaded.ref.text)
    // the table has travelled in time already, but from another ref
    for { o <- TimeTravel.find(options.containsKey); r <- ref } throw refused(
      o,
      s"the option ${kindOf(r)} is given, too",
      s"Name the table as `${loaded.table.name.last}@${nameOf(r)}`."
    )
    at(repository, loaded, ref)
  }

  def forChanges(
      repository: Repository,
      loaded: LoadedTable,
      options: CaseInsensitiveStringMap
  ): LoadedTable = {
    TimeTravel.find(options.containsKey).foreach { o =>
      throw refused(o, "changes have a range", "Say where it ends: CHANGES FROM VERSION … TO VERSION ….")
    }
    at(repository, loaded, refOf(options))
  }

  def forWrite(
      repository: Repository,
      loaded: LoadedTable,
      options: CaseInsensitiveStringMap
  ): LoadedTable = {
    mustNotBePast(options)
    mustBeKnown(options)
    val target = at(repository, loaded, refOf(options))
    target.ref.writable: Unit
    target
  }

  /** Checks the options of a write that creates or replaces a table: that goes to the branch in its name. */
  def forCreate(ref: String, table: String, options: CaseInsensitiveStringMap): Unit = {
    mustNotBePast(options)
    mustBeKnown(options)
    if (overwritesPartitions(options))
      throw refused(
        PartitionMode,
        "a table that is created or replaced keeps no partition",
        "Use writeTo(…).overwritePartitions(), or insertInto(…) with mode(\"overwrite\")."
      )
    refOf(options).filterNot(r => r == ref || nameOf(r) == ref).foreach { r =>
      throw refused(
        kindOf(r),
        "a table is created or replaced on the branch in its name",
        s"Name the table as `$table@${nameOf(r)}`."
      )
    }
  }

  /** Whether what would overwrite all rows overwrites those partitions alone that new rows go to. */
  def overwritesPartitions(options: CaseInsensitiveStringMap): Boolean =
    "dynamic".equalsIgnoreCase(options.get(PartitionMode))

  /** Options by which other formats write less than what Spark asks for: ignored, they would cost rows, or double them. */
  private def mustBeKnown(options: CaseInsensitiveStringMap): Unit = {
    if (options.containsKey(ReplaceWhere))
      throw refused(
        ReplaceWhere,
        "it goes with mode(\"overwrite\") alone, in a session that has the extension",
        "Use writeTo(…).overwrite(condition)."
      )
    Seq("replaceOn", "replaceUsing").filter(options.containsKey).foreach { o =>
      throw refused(o, "it would not choose the rows that go", "Use MERGE INTO, or replaceWhere.")
    }
    Seq("txnAppId", "txnVersion").filter(options.containsKey).foreach { o =>
      throw refused(o, "a write that is repeated is not recognised", "Leave it out, or use MERGE INTO.")
    }
  }

  private def mustNotBePast(options: CaseInsensitiveStringMap): Unit = {
    TimeTravel.filter(options.containsKey).foreach { o =>
      throw refused(
        o,
        "the past can't be written to",
        "Write to a branch: use the option branch, or the name `table@branch`."
      )
    }
    if (options.containsKey("tag"))
      throw AnabranchException("ANABRANCH_REF.READ_ONLY", "ref" -> options.get("tag"), "kind" -> "tag")
  }

  private def kindOf(ref: String): String = ref.takeWhile(_ != ':')
  private def nameOf(ref: String): String = ref.dropWhile(_ != ':').drop(1)

  private def refOf(options: CaseInsensitiveStringMap): Option[String] = {
    val refs = Seq("branch", "tag").flatMap(k => Option(options.get(k)).map(v => s"$k:$v"))
    if (refs.size > 1) throw refused("tag", "a branch is given, too", "Give one of the two.")
    refs.headOption
  }

  /** The same table at another ref; Spark has checked the query against this one's columns already. */
  private def at(repository: Repository, loaded: LoadedTable, ref: Option[String]): LoadedTable = ref match {
    case None => loaded
    case Some(r) =>
      val other = repository.at(repository.resolve(r, loaded.ref.transaction), loaded.table.name)
      if (other.table.metadata.columns != loaded.table.metadata.columns)
        throw refused(
          kindOf(r),
          s"the columns of ${loaded.table.name.mkString(".")} differ there",
          s"Name the table as `${loaded.table.name.last}@${nameOf(r)}`."
        )
      other
  }

  def refused(option: String, reason: String, advice: String): AnabranchException =
    AnabranchException("ANABRANCH_WRITE.OPTION", "option" -> option, "reason" -> reason, "advice" -> advice)
}
