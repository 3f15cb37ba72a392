package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}
import io.anabranch.core.transaction._

/** One statement of an open transaction.
  *
  * @param number
  *   counted from 1
  * @param tables
  *   ids of those that it changes
  */
final case class StagedStatement(
    number: Int,
    intent: Intent,
    tables: Set[String],
    namespaces: Set[Seq[String]]
) {
  def operation: String = intent.operation

  def changes: Boolean = tables.nonEmpty || namespaces.nonEmpty

  /** Whether it adds and removes rows, and does nothing else to its tables. */
  def changesRows: Boolean = intent match {
    case _: Append | _: RowChanges => true
    case _ => false
  }

  def reads: Option[(Reads, CommitsSince)] = readsOf(intent)

  private def readsOf(intent: Intent): Option[(Reads, CommitsSince)] = intent match {
    case e: Evolve => readsOf(e.rows)
    case a: Append => Some((a.reads, a.log))
    case o: Overwrite => Some((o.reads, o.log))
    case r: RowChanges => Some((r.reads, r.context))
    case _ => None
  }

  /** Says of a conflict which statement it is about. */
  def blamed[T](check: => T): T = Transaction.blamed(s"statement $number ($operation)")(check)
}

/** The statements of a transaction so far, and what they make of the state that it began with.
  *
  * @param state
  *   with the statements replayed over `base`, at positions that no log has
  * @param rows
  *   how many rows came; they have ids below 0 until the commit
  * @param queries
  *   what its user has seen: it may have decided what the statements are
  */
final case class Transaction(
    base: CatalogState,
    state: CatalogState,
    statements: Vector[StagedStatement] = Vector.empty,
    rows: Long = 0,
    queries: Vector[TableRead] = Vector.empty
) {

  /** With one more statement.
    *
    * @param seq
    *   below 0, and never used before: caches tell states apart by it
    * @param replay
    *   applies an entry to a state
    */
  def and(intent: Intent, seq: Long, replay: (CatalogState, Entry) => CatalogState): Transaction = {
    val proposal = intent.onto(state)
    def staged = StagedStatement(
      statements.size + 1,
      intent,
      proposal.tables.keySet,
      proposal.namespaces.keySet
    )
    if (proposal.tables.isEmpty && proposal.namespaces.isEmpty) {
      // what it read has decided that it does nothing
      if (staged.reads.isEmpty) this else copy(statements = statements :+ staged)
    } else {
      val at = Position(base.position.ordinal, seq)
      var next = Long.MinValue + rows
      def take(count: Long): Option[Long] = {
        val first = next
        next += count
        Some(first)
      }
      val tables = proposal.tables.map { case (id, change) =>
        id -> change.copy(
          version = state.tables.get(id).fold(0L)(_.version + 1),
          add = change.add.map(f => if (Committer.numbersRows(f)) f.copy(firstRow = take(f.rows)) else f),
          manifests = change.manifests.map(m => m.copy(firstRow = take(m.rows)))
        )
      }
      val commit = Commit(
        at,
        Seq(state.id),
        state.timeMillis,
        "",
        "",
        intent.operation,
        namespaces = proposal.namespaces,
        tables = tables
      )
      // no log has it, so nobody else knows of it
      val after = replay(state, Entry(CommitId(at, ""), commit)).copy(vector = base.vector)
      copy(state = after, statements = statements :+ staged, rows = next - Long.MinValue)
    }
  }

  /** With what a query read. */
  def and(read: TableRead): Transaction = copy(queries = queries :+ read)

  /** Ids of the tables that are not as they were. */
  def tables: Set[String] = statements.flatMap(_.tables).toSet
}

object Transaction {
  def begin(base: CatalogState): Transaction = Transaction(base, base)

  private[operations] def blamed[T](what: String)(check: => T): T =
    try check
    catch { case c: Conflict => throw new Conflict(s"$what: ${c.reason}", c.other) }
}

/** All statements of a transaction as one commit: the difference that they made, so what one of them did and
  * another undid is not in it.
  *
  * @param context
  *   of a table
  */
final class CommitTransaction(transaction: Transaction, context: TableState => RebaseContext) extends Intent {
  import transaction.{base, queries, state, statements}

  override val operation: String = "TRANSACTION"

  private val differences: Map[String, NetChange] = transaction.tables.flatMap { id =>
    NetChange.between(base.tables.get(id), state.tables.get(id)).map(id -> _)
  }.toMap

  // lists of files, and deletion vectors, are written once for all tries
  private val changes: Map[String, CatalogState => TableChange] = differences.map { case (id, d) =>
    lazy val alone = d.change(context(d.table))
    lazy val rows = d.rows(base, operation, context(d.table))
    def beside(now: CatalogState) = changesRows(id) && now.tables(id).at != base.tables(id).at
    id -> ((now: CatalogState) => if (beside(now)) rows.onto(now).tables(id) else alone)
  }

  /** Whether others' changes of rows may stand beside those of the transaction. */
  private def changesRows(id: String): Boolean =
    base.tables.contains(id) && statements.filter(_.tables(id)).forall(_.changesRows)

  private lazy val metrics: Map[String, Long] =
    differences.values
      .map(d => d.metrics(context(d.table)))
      .foldLeft(Map.empty[String, Long]) { (all, one) =>
        one.foldLeft(all) { case (sum, (name, n)) => sum.updated(name, sum.getOrElse(name, 0L) + n) }
      }

  private val namespaces: Map[Seq[String], NamespaceChange] = statements
    .flatMap(_.namespaces)
    .distinct
    .filter(n => base.namespaces.get(n) != state.namespaces.get(n))
    .map(n => n -> NamespaceChange(state.namespaces.get(n)))
    .toMap

  override def onto(now: CatalogState): Proposal = {
    if (base.id != now.id) {
      statements.foreach(s => s.blamed(check(s, now)))
      differences.values.headOption.foreach { d =>
        Transaction.blamed("a query") {
          Reads(queries).check(base, now, differences.keySet, context(d.table))
        }
      }
    }
    val read = (statements.flatMap(_.reads.toSeq.flatMap(_._1.tables)) ++ queries.map(_.id)).toSet
    // what it created itself nobody else has written to
    val tables = changes.map { case (id, change) => id -> change(now) }
    Proposal(tables, namespaces, metrics, reads = read.intersect(base.tables.keySet))
  }

  private def check(s: StagedStatement, now: CatalogState): Unit = {
    s.tables.filter(base.tables.contains).foreach { id =>
      s.intent match {
        case _: Append => Rebase.sameLayout(base, now, id)
        case r: RowChanges => r.of(base).masks(now): Unit
        case _ => Rebase.unchanged(base, now, id)
      }
    }
    s.tables.flatMap(differences.get).flatMap(_.newName).foreach(checkName(_, now))
    s.namespaces.filter(namespaces.contains).foreach(checkNamespace(_, now))
    s.reads.foreach { case (reads, log) => reads.check(base, now, differences.keySet, log) }
  }

  private def checkName(name: Seq[String], now: CatalogState): Unit = {
    now.byName.get(name).filterNot(t => differences.get(t.id).exists(_.givesUpName)).foreach { t =>
      throw new Conflict(s"a table ${Names.show(name)} was created meanwhile", t.at)
    }
    if (!namespaces.get(name.init).fold(now.namespaces.contains(name.init))(_.properties.isDefined))
      throw new Conflict(s"the namespace ${Names.show(name.init)} was dropped meanwhile", now.position)
  }

  private def checkNamespace(name: Seq[String], now: CatalogState): Unit = {
    if (now.namespaces.get(name) != base.namespaces.get(name))
      throw new Conflict(s"the namespace ${Names.show(name)} was changed meanwhile", now.position)
    if (namespaces(name).properties.isEmpty) {
      val inside = now.tables.values.find { t =>
        t.name.init.startsWith(name) && !differences.get(t.id).exists(_.givesUpName)
      }
      inside.foreach { t =>
        throw new Conflict(s"${Names.show(t.name)} came into the dropped namespace meanwhile", t.at)
      }
      if (now.namespaces.keys.exists(n => n.startsWith(name) && !namespaces.contains(n)))
        throw new Conflict(s"the namespace ${Names.show(name)} got others in it meanwhile", now.position)
    }
  }
}
