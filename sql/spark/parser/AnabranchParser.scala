package io.anabranch.spark.parser

import org.apache.spark.sql.catalyst.TableIdentifier
import org.apache.spark.sql.catalyst.FunctionIdentifier
import org.apache.spark.sql.catalyst.expressions.Expression
import org.apache.spark.sql.catalyst.parser.{ParameterContext, ParserInterface}
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan
import org.apache.spark.sql.execution.command.ExplainCommand
import org.apache.spark.sql.execution.{
  CodegenMode,
  CostMode,
  ExplainMode,
  ExtendedMode,
  FormattedMode,
  SimpleMode
}
import org.apache.spark.sql.internal.VariableSubstitution
import org.apache.spark.sql.types.{DataType, StructType}

import scala.annotation.tailrec

/** Spark's parser, with our statements before it. A statement of ours never reaches Spark's: its syntax
  * errors are ours.
  */
final class AnabranchParser(delegate: ParserInterface) extends ParserInterface {
  private val substitution = new VariableSubstitution

  override def parsePlan(sqlText: String): LogicalPlan =
    ours(sqlText, None).getOrElse(delegate.parsePlan(Scripts.rewritten(sqlText, delegate)))

  override def parsePlanWithParameters(sqlText: String, parameters: ParameterContext): LogicalPlan =
    ours(sqlText, Some(parameters))
      .getOrElse(delegate.parsePlanWithParameters(Scripts.rewritten(sqlText, delegate), parameters))

  private def ours(sqlText: String, parameters: Option[ParameterContext]): Option[LogicalPlan] =
    // most statements are not ours, and known not to be by their first word
    if (!AnabranchParser.mayBeOurs(sqlText)) None
    else {
      val tokens = Tokens.of(substitution.substitute(sqlText), parameters)
      val explain = explained(tokens)
      val statement = Statements.parse(tokens, delegate)
      explain.fold(statement)(mode => statement.map(ExplainCommand(_, mode)))
    }

  private def explained(tokens: Tokens): Option[ExplainMode] = Option.when(tokens.accept("EXPLAIN")) {
    tokens.acceptOne("EXTENDED", "CODEGEN", "COST", "FORMATTED") match {
      case Some("EXTENDED") => ExtendedMode
      case Some("CODEGEN") => CodegenMode
      case Some("COST") => CostMode
      case Some("FORMATTED") => FormattedMode
      case _ => SimpleMode
    }
  }

  override def parseExpression(sqlText: String): Expression = delegate.parseExpression(sqlText)
  override def parseTableIdentifier(sqlText: String): TableIdentifier = delegate.parseTableIdentifier(sqlText)
  override def parseFunctionIdentifier(sqlText: String): FunctionIdentifier =
    delegate.parseFunctionIdentifier(sqlText)
  override def parseMultipartIdentifier(sqlText: String): Seq[String] =
    delegate.parseMultipartIdentifier(sqlText)
  override def parseQuery(sqlText: String): LogicalPlan = delegate.parseQuery(sqlText)
  override def parseRoutineParam(sqlText: String): StructType = delegate.parseRoutineParam(sqlText)
  override def parseTableSchema(sqlText: String): StructType = delegate.parseTableSchema(sqlText)
  override def parseDataType(sqlText: String): DataType = delegate.parseDataType(sqlText)
}

private object AnabranchParser {
  private val First =
    Set(
      "EXPLAIN",
      "CREATE",
      "DROP",
      "USE",
      "SHOW",
      "RESET",
      "MERGE",
      "CONTINUE",
      "ABORT",
      "CHERRY",
      "REVERT",
      "RESTORE",
      "DESCRIBE",
      "DESC",
      "OPTIMIZE",
      "VACUUM",
      "START",
      "COMMIT",
      "ROLLBACK",
      "REBASE",
      "RUN",
      "PROTECT",
      "GRANT",
      "REVOKE",
      "UNPROTECT"
    )

  /** Whether the first word, after white space and comments however long, may begin one of ours. */
  @tailrec
  private def mayBeOurs(sql: String, from: Int = 0): Boolean = {
    val start = sql.indexWhere(!_.isWhitespace, from)
    val end =
      if (start < 0) -1
      else if (sql.startsWith("--", start)) sql.indexOf('\n', start)
      else if (sql.startsWith("/*", start)) sql.indexOf("*/", start) + 1
      else start
    if (end == start && start >= 0) {
      val word = sql.substring(start).takeWhile(c => Character.isLetter(c))
      // no word: what stands there, such as the rest of a comment in a comment, the lexer will know
      word.isEmpty || First(word.toUpperCase(java.util.Locale.ROOT))
    } else end > start && mayBeOurs(sql, end + 1)
  }
}
