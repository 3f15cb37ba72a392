package io.anabranch.test

import io.anabranch.core.format.{DataFile, Json, Sha256, Value}
import io.anabranch.core.operations.Append
import io.anabranch.core.repository.Repository
import io.anabranch.core.store.Stores
import io.anabranch.core.transaction.CommitContext

import org.apache.hadoop.conf.Configuration

/** A writer without Spark: appends rows to a table of BIGINT columns `writer` and `number`, each by a commit
  * of its own. It is a process: many of them write to one branch at once.
  *
  * For each row it reads the table, prints `ready`, waits for a line on standard input, commits onto
  * what it read, and prints the id of the commit. So when all are let go together, all but one lose a race.
  */
object CommitStorm {

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
      append(repository, branch, Seq(namespace, table), writer.toLong, commits.toInt)
    case _ => throw new IllegalArgumentException("root branch namespace table writer commits [key=value …]")
  }

  private def append(
      repository: Repository,
      branch: String,
      table: Seq[String],
      writer: Long,
      commits: Int
  ): Unit = {
    val by = CommitContext(s"writer-$writer", retries = 1000)
    (0 until commits).foreach { number =>
      val loaded = repository.load(branch, table)
      val files = repository.stage(Seq(block(repository.newId(), writer, number.toLong)))
      val intent = Append(loaded.state, loaded.table.id, files, "INSERT", Map("rows_inserted" -> 1L))
      println("ready")
      scala.io.StdIn.readLine(): Unit
      println(repository.commit(branch, loaded.state, intent, by).id)
    }
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
