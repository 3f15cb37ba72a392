package io.anabranch.spark.test

import io.anabranch.core.transaction.CommitContext
import io.anabranch.spark.{AnabranchCatalog, AnabranchErrors}
import io.anabranch.spark.write.Compaction
import org.apache.spark.sql.SparkSession
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}

/** An OPTIMIZE of a table in the namespace `default` as it is when this is made; it runs when it is told to. */
final class HeldCompaction(session: SparkSession, catalog: String, table: String) {
  private val ours = session
    .asInstanceOf[ClassicSession]
    .sessionState
    .catalogManager
    .catalog(catalog)
    .asInstanceOf[AnabranchCatalog]
  private val loaded = ours.repository.load("main", Seq("default", table))

  /** Whether it made a commit. */
  def run(): Boolean = session.withActive {
    val conf = SparkBridge.hadoopConf(ours.fileSystemOptions)
    AnabranchErrors.translated {
      val files = loaded.table.files.files.values.toSeq
      new Compaction(ours.repository, loaded, conf).run(files, CommitContext("one")).isDefined
    }
  }
}
