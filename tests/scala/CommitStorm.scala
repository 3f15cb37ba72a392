package io.anabranch.test

import io.anabranch.core.format.{DataFile, Json, Sha256, Value}
import io.anabranch.core.operations.Append
import io.anabranch.core.repository.Repository
import io.anabranch.core.store.Stores
import io.anabranch.core.transaction.CommitContext

import org.apache.hadoop.conf.Configuration

import scala.collection.mutable

/** A writer without Spark: appends rows to a table of BIGINT columns `writer` and `number`, each by a commit
  * of its own. It is a process: many of them write to one branch at once.
  *
  * Prints `ready`, waits for a line on standard input, and prints the ids of its commits, one a line.
  */
object CommitStorm {

  private val PauseMillis = 5L

  /** Takes: root URI, branch, namespace, table, number of this writer, number of commits, and Hadoop settings as
    * `key=value`.
    */
  def main(arguments: Array[String]): Unit = arguments match {
    case Array(root, branch, namespace, table, writer, commits, settings @ _*) =>
      val conf = new Configuration
      settings.foreach { pair =>
        val at = pair.indexOf('=')
        conf.set(pair.take(at), pair.drop(at + 1))
      }
      val repository = Repository.open(Stores.open(root, conf))
      repository.load(branch, Seq(namespace, table)): Unit // so that all of them are warm when they begin
      println("ready")
      scala.io.StdIn.readLine(): Unit
      append(repository, branch, Seq(namespace, table), writer.toLong, commits.toInt).foreach(println)
    case _ => throw new IllegalArgumentException("root branch namespace table writer commits [key=value …]")
  }

  private def append(
      repository: Repository,
      branch: String,
      table: Seq[String],
      writer: Long,
      commits: Int
  ) = {
    val by = CommitContext(s"writer-$writer", retries = 1000)
    val made = mutable.ArrayBuffer.empty[String]
    (0 until commits).foreach { number =>
      // or the winner of one race, being warm, would win all of its others before the losers are back
      Thread.sleep(PauseMillis)
      val loaded = repository.load(branch, table)
      val files = repository.stage(Seq(block(repository.newId(), writer, number.toLong)))
      val intent = Append(loaded.state, loaded.table.id, files, "INSERT", Map("rows_inserted" -> 1L))
      made += repository.commit(branch, loaded.state, intent, by).id.toString
    }
    made.toSeq
  }

  private def block(id: String, writer: Long, number: Long): DataFile = {
    val rows = Seq(Json.Arr(Seq(writer, number).map(n => Value.encode(Value.Whole(n)))))
    val bytes = Json.canonical(Json.Arr(rows))
    DataFile(
      id,
      bytes.length.toLong,
      rows.size.toLong,
      Sha256.hex(bytes),
      inline = Some(rows),
      inlineColumns = Seq("writer", "number")
    )
  }
}
