package io.anabranch.test

import io.anabranch.core.AnabranchException
import io.anabranch.core.store.{CreateOutcome, ObjectInfo, ObjectStore, StoredObject}

import java.io.IOException
import scala.collection.mutable

/** What goes wrong with a request. */
sealed trait Fault

object Fault {

  /** It has no effect and throws `ANABRANCH_REPOSITORY.STORE_FAILED`. */
  case object Fail extends Fault

  /** A create has no effect and answers `Unknown`; another request fails. */
  case object LoseRequest extends Fault

  /** It takes effect; a create answers `Unknown`, another request fails. */
  case object LoseResponse extends Fault

  /** The process dies before it takes effect. Every later request of this store dies too. */
  case object KillBefore extends Fault

  /** The process dies after it took effect. */
  case object KillAfter extends Fault

  /** A create replaces what is there and answers `Won`. */
  case object IgnoreCondition extends Fault

  /** A create replaces what is there and answers `Lost` all the same. */
  case object ReplaceButDeny extends Fault

  /** It takes effect that many milliseconds later. */
  final case class Delay(millis: Long) extends Fault

  private val named: Map[String, Fault] = Map(
    "fail" -> Fail,
    "lose-request" -> LoseRequest,
    "lose-response" -> LoseResponse,
    "kill-before" -> KillBefore,
    "kill-after" -> KillAfter,
    "ignore-condition" -> IgnoreCondition,
    "replace-but-deny" -> ReplaceButDeny
  )

  /** The fault of that name; `delay-<n>` waits n milliseconds. */
  def apply(name: String): Fault = name match {
    case s"delay-$millis" => Delay(millis.toLong)
    case _ => named(name)
  }
}

/** The death of the process that uses a [[FaultStore]]: an Error, so no handler of exceptions saves it. */
final class Killed(request: String) extends Error(s"killed at $request")

/** One place at which something goes wrong.
  *
  * @param kind
  *   `GET`, `PUT`, `LIST`, `DELETE`, `HEAD` or `any`
  * @param number
  *   the number of the request among those of its kind, from 1; 0 is each of them
  */
final case class FaultPoint(kind: String, number: Int, fault: Fault) {
  require(FaultPoint.Kinds(kind), s"$kind is no kind of request")
}

object FaultPoint {
  private val Kinds = Set("GET", "PUT", "LIST", "DELETE", "HEAD", "any")

  /** Reads a plan such as `PUT 3 lose-response; any * delay-5`. */
  def plan(text: String): Seq[FaultPoint] =
    text.split(';').toVector.map(_.trim).filter(_.nonEmpty).map { point =>
      val parts = point.split(' ')
      FaultPoint(parts(0), if (parts(1) == "*") 0 else parts(1).toInt, Fault(parts(2)))
    }
}

/** A store on which requests go wrong by plan, the first matching point counting. */
final class FaultStore(inner: ObjectStore, plan: Seq[FaultPoint]) extends ObjectStore {
  private val seen = mutable.Map.empty[String, Int].withDefaultValue(0)
  @volatile private var dead = false

  def this(inner: ObjectStore, plan: String) = this(inner, FaultPoint.plan(plan))

  /** How many requests of the kind (or `any`) there were, those that went wrong included. */
  def requests(kind: String): Int = synchronized(seen(kind))

  override def root: String = inner.root
  override def listsInOrder: Boolean = inner.listsInOrder

  override def read(path: String): Option[Array[Byte]] = plain("GET", path)(inner.read(path))
  override def list(folder: String, limit: Int): Seq[ObjectInfo] =
    plain("LIST", folder)(inner.list(folder, limit))
  override def objects(folder: String): Seq[StoredObject] = plain("LIST", folder)(inner.objects(folder))
  override def folders(folder: String): Seq[String] = plain("LIST", folder)(inner.folders(folder))
  override def delete(path: String): Unit = plain("DELETE", path)(inner.delete(path))
  override def size(path: String): Option[Long] = plain("HEAD", path)(inner.size(path))

  override def createIfAbsent(path: String, bytes: Array[Byte]): CreateOutcome = {
    def effect() = inner.createIfAbsent(path, bytes)
    def replace() = { inner.delete(path); effect() }
    val unknown = CreateOutcome.Unknown(new IOException("injected: no answer"))
    next("PUT") match {
      case Some(Fault.LoseRequest) => unknown
      case Some(Fault.LoseResponse) => effect(); unknown
      case Some(Fault.IgnoreCondition) => replace(); CreateOutcome.Won
      case Some(Fault.ReplaceButDeny) => replace(); CreateOutcome.Lost
      case fault => common(fault, "PUT", path)(effect())
    }
  }

  private def plain[A](kind: String, path: String)(effect: => A): A = common(next(kind), kind, path)(effect)

  private def common[A](fault: Option[Fault], kind: String, path: String)(effect: => A): A = fault match {
    case Some(Fault.Fail | Fault.LoseRequest) => throw failure(kind, path)
    case Some(Fault.LoseResponse) => effect; throw failure(kind, path)
    case Some(Fault.KillBefore) => die(kind, path)
    case Some(Fault.KillAfter) => effect; die(kind, path)
    case Some(Fault.Delay(millis)) => Thread.sleep(millis); effect
    case _ => effect
  }

  private def next(kind: String): Option[Fault] = synchronized {
    if (dead) throw new Killed(s"$kind after death")
    Seq(kind, "any").foreach(k => seen(k) += 1)
    plan
      .find(p => (p.kind == kind || p.kind == "any") && (p.number == 0 || p.number == seen(p.kind)))
      .map(_.fault)
  }

  private def die(kind: String, path: String): Nothing = {
    dead = true
    throw new Killed(s"$kind $path")
  }

  private def failure(kind: String, path: String): AnabranchException =
    AnabranchException(
      "ANABRANCH_REPOSITORY.STORE_FAILED",
      "operation" -> kind,
      "path" -> s"$root/$path",
      "reason" -> "injected"
    )
}
