package io.anabranch.spark.parser

import org.apache.spark.sql.catalyst.parser.ParserInterface

import java.util.Locale

/** Our statements inside SQL scripts (`BEGIN … END`). Spark parses a script as a whole, by its own grammar;
  * so each of ours becomes an EXECUTE IMMEDIATE of its text, which comes back to our parser when it runs.
  */
private object Scripts {
  private val Script = """(?is)\s*(?:\w+\s*:\s*)?BEGIN\b.*""".r
  private val Openers = Set("BEGIN", ";", "THEN", "ELSE", "DO", "LOOP", "REPEAT")

  /** The text as Spark can parse it; the same text if it is no script or has none of our statements. */
  def rewritten(sql: String, delegate: ParserInterface): String =
    if (!Script.matches(sql)) sql
    else {
      val tokens = Tokens.of(sql, None)
      val words = tokens.all
      val starts = words.indices.filter(i => i > 0 && Openers(words(i - 1).text.toUpperCase(Locale.ROOT)))
      val ours = starts.flatMap { from =>
        val until = words.indexWhere(_.text == ";", from)
        Option.when(until > from && Statements.isOurs(tokens.slice(from, until), delegate)) {
          (words(from).start, words(until - 1).end)
        }
      }
      ours.reverse.foldLeft(sql) { case (text, (start, end)) =>
        val literal = text.substring(start, end).replace("\\", "\\\\").replace("'", "\\'")
        s"${text.substring(0, start)}EXECUTE IMMEDIATE '$literal'${text.substring(end)}"
      }
    }
}
