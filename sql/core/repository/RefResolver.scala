package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations.AlterTable
import io.anabranch.core.transaction.Began

import java.time.{Instant, LocalDate, LocalDateTime, OffsetDateTime, ZoneOffset}

/** A ref, and the state that it names at this moment. `kind` is branch, tag or commit; only a branch can
  * be written to.
  *
  * @param transaction
  *   the one that is open where it was asked for
  * @param evolved
  *   by table, the change of columns that `state` has and no commit: it goes along with the rows that are written
  */
final case class ResolvedRef(
    text: String,
    kind: String,
    state: CatalogState,
    transaction: Option[OpenTransaction] = None,
    evolved: Map[String, AlterTable] = Map.empty
) {

  /** When it was asked for: what is written by it was begun then. */
  val began: Began = Began.now()

  /** With a change of a table's columns that is to be committed together with rows. */
  def evolve(alter: AlterTable): ResolvedRef = {
    // of several changes by one statement, the first knows what was there
    val whole = evolved.get(alter.id).fold(alter)(first => alter.copy(base = first.base))
    copy(state = state.altered(alter.id, alter.metadata), evolved = evolved.updated(alter.id, whole))
  }

  /** The state as some commit, or the open transaction, has it. */
  def found: CatalogState =
    evolved.values.foldLeft(state)((s, a) => s.altered(a.id, a.base.tables(a.id).metadata))

  /** The branch's name, if it is one. */
  def branch: Option[String] = Option.when(kind == "branch")(text.stripPrefix("branch:"))

  /** The branch's name.
    *
    * @throws AnabranchException
    *   ANABRANCH_REF.READ_ONLY, ANABRANCH_TRANSACTION.OTHER_BRANCH
    */
  def writable: String = {
    val name =
      branch.getOrElse(throw AnabranchException("ANABRANCH_REF.READ_ONLY", "ref" -> text, "kind" -> kind))
    transaction.filter(_.branch != name).foreach { t =>
      throw AnabranchException("ANABRANCH_TRANSACTION.OTHER_BRANCH", "ref" -> name, "branch" -> t.branch)
    }
    name
  }

  /** Without what an open transaction has changed. */
  def committed: ResolvedRef = transaction.fold(this)(_.before(this))
}

/** From a ref as users write it to a state. */
final class RefResolver private[repository] (
    root: String,
    refs: Refs,
    states: States,
    private[repository] val expired: Expired
) {

  /** The state that a ref names now, to be read or to go on from.
    *
    * @throws AnabranchException
    *   ANABRANCH_REF.NOT_FOUND, AMBIGUOUS, HASH_MISMATCH, NO_ANCESTOR, BEFORE_FIRST_COMMIT or EXPIRED
    */
  def resolve(text: String): ResolvedRef = {
    val ref = find(text)
    // heads and what tags name are never given up
    if (ref.kind == "commit") expired.refuse(ref.state.id)
    ref
  }

  /** The same, to tell what the log does: whether or not its data was given up. */
  def find(text: String): ResolvedRef = {
    val expression = RefExpression.parse(text)
    val base = resolveBase(expression, text)
    expression.steps.foldLeft(base) { (ref, step) =>
      val state = step match {
        case RefExpression.Ancestor(n) => ancestor(ref, n)
        case RefExpression.Parent(n) => parent(ref, n)
        case RefExpression.AtTime(time) => atTime(ref, millisOf(time, text))
      }
      ResolvedRef(text, "commit", state)
    }
  }

  def notFound(text: String): AnabranchException =
    AnabranchException("ANABRANCH_REF.NOT_FOUND", "ref" -> text, "root" -> root)

  private def resolveBase(e: RefExpression, text: String): ResolvedRef = {
    def branch = refs.head(e.base).map(ResolvedRef(text, "branch", _))
    def tagged(id: CommitId) = ResolvedRef(text, "tag", states.at(id))
    e.kind match {
      case Some("branch") => branch.getOrElse(throw notFound(text))
      case Some(_) => refs.tag(e.base).map(tagged).getOrElse(throw notFound(text))
      case None if RefName.problem(e.base).isEmpty =>
        // main is always a branch, and asked for all the time
        if (e.base == Refs.Main) branch.getOrElse(throw notFound(text))
        else
          Parallel.both(refs.tag(e.base))(branch) match {
            case (Some(_), Some(_)) =>
              throw AnabranchException(
                "ANABRANCH_REF.AMBIGUOUS",
                "ref" -> text,
                "matches" -> "it names a branch and a tag"
              )
            case (t, b) => b.orElse(t.map(tagged)).getOrElse(throw notFound(text))
          }
      case None => commit(e.base, text)
    }
  }

  /** A commit by its id, of which hash digits may be left out. */
  private def commit(base: String, text: String): ResolvedRef = {
    val Short = "([0-9a-f]{6}-[0-9]{1,12})(?:-([0-9a-f]{0,64}))?".r
    base match {
      case Short(place, hash) =>
        val entry = Position.parse(place).flatMap(states.log.find).getOrElse(throw notFound(text))
        if (hash != null && !entry.id.sha256.startsWith(hash))
          throw AnabranchException("ANABRANCH_REF.HASH_MISMATCH", "ref" -> text, "found" -> entry.id.short)
        ResolvedRef(text, "commit", states.at(entry))
      case _ => throw notFound(text)
    }
  }

  private def ancestor(ref: ResolvedRef, count: Int): CatalogState = {
    var at = ref.state.position
    var left = count.toLong
    while (left > at.seq) {
      val fork = states.log
        .get(at.copy(seq = 0))
        .commit
        .firstParent
        .getOrElse(
          throw AnabranchException(
            "ANABRANCH_REF.NO_ANCESTOR",
            "ref" -> s"${ref.text}",
            "base" -> ref.state.id.short,
            "count" -> (count - left + at.seq).toString
          )
        )
      left -= at.seq + 1
      at = fork.position
    }
    states.at(states.log.get(at.copy(seq = at.seq - left)))
  }

  private def parent(ref: ResolvedRef, number: Int): CatalogState = {
    val parents = states.log.get(ref.state.id).commit.parents
    val id = parents
      .lift(number - 1)
      .getOrElse(
        throw AnabranchException(
          "ANABRANCH_REF.NO_ANCESTOR",
          "ref" -> ref.text,
          "base" -> ref.state.id.short,
          "count" -> parents.size.toString
        )
      )
    states.at(id)
  }

  /** The last commit at or before a time, along first parents. */
  def atTime(ref: ResolvedRef, millis: Long): CatalogState = {
    var top = states.log.get(ref.state.id)
    while (top.commit.timeMillis > millis) {
      val first = states.log.get(top.id.position.copy(seq = 0))
      if (first.commit.timeMillis <= millis) return states.at(lastUpTo(first, top, millis))
      top = first.commit.firstParent
        .map(states.log.get(_: CommitId))
        .getOrElse(
          throw AnabranchException(
            "ANABRANCH_REF.BEFORE_FIRST_COMMIT",
            "time" -> Times.shown(millis),
            "ref" -> ref.text,
            "first" -> Times.shown(first.commit.timeMillis)
          )
        )
    }
    states.at(top)
  }

  /** Times rise along a log, so the entry is found by halving. */
  private def lastUpTo(first: Entry, above: Entry, millis: Long): Entry = {
    var (low, high) = (first, above.id.position.seq)
    while (high - low.id.position.seq > 1) {
      val middle = states.log.get(first.id.position.copy(seq = (low.id.position.seq + high) / 2))
      if (middle.commit.timeMillis <= millis) low = middle else high = middle.id.position.seq
    }
    low
  }

  private def millisOf(text: String, ref: String): Long = {
    val iso = text.trim.replace(' ', 'T')
    def attempt(f: => Instant) = scala.util.Try(f).toOption
    attempt(OffsetDateTime.parse(iso).toInstant)
      .orElse(attempt(LocalDateTime.parse(iso).toInstant(ZoneOffset.UTC)))
      .orElse(attempt(LocalDate.parse(iso).atStartOfDay.toInstant(ZoneOffset.UTC)))
      .map(_.toEpochMilli)
      .getOrElse(throw notFound(ref))
  }
}
