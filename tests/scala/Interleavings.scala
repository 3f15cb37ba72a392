package io.anabranch.test

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Json, JsonReader}
import io.anabranch.core.repository.Repository
import io.anabranch.core.store.{CreateOutcome, ObjectInfo, ObjectStore, StoredObject}

import java.nio.charset.StandardCharsets.UTF_8

import scala.collection.mutable

/** Two writers on one store, each of which is stopped before every request: tries all orders in which their requests
  * can reach the store.
  */
object Interleavings {

  /** @param setupJson
    *   `{"tables": […], "statements": […]}`: what there is before
    * @param writersJson
    *   a statement of [[SmallStatements]] for each writer
    * @return
    *   `[{"answers", "state", "orders", "example", "messages"}]`: each outcome, in how many orders it came, one of
    *   these as letters of the writers, and what refusals said
    */
  def all(setupJson: String, writersJson: String, listsInOrder: Boolean): String = {
    val setup = reader(setupJson)
    val start = new MemoryStore("start", listsInOrder)
    val repository = Repository.open(start, new TestEnvironment)
    SmallStatements.createTables(repository, setup.texts("tables"))
    val first = new SmallStatements(repository, "setup")
    setup.readers("statements").foreach(first.run)
    val writers = reader(s"""{"writers": $writersJson}""").readers("writers")

    val found = mutable.LinkedHashMap.empty[(Json, Json), (Int, Run)]
    val open = mutable.Stack(Vector.empty[Int])
    while (open.nonEmpty) {
      val begun = open.pop()
      val run = new Schedule(copy(start), writers).run(begun)
      // the other choices at each step that this run was first to take
      run.choices.indices.drop(begun.size).foreach { i =>
        run.choices(i).filter(_ != run.order(i)).foreach(other => open.push(run.order.take(i) :+ other))
      }
      val key = (Json.Arr(run.answers.map(_._1)), run.state)
      val (times, example) = found.getOrElse(key, (0, run))
      found(key) = (times + 1, example)
    }
    text(Json.Arr(found.toSeq.map { case ((answers, state), (times, run)) =>
      Json.obj(
        "answers" -> answers,
        "state" -> state,
        "orders" -> Json.Integer(times.toLong),
        "example" -> Json.Text(run.order.map(w => ('A' + w).toChar).mkString),
        "messages" -> Json.texts(run.answers.map(_._2))
      )
    }))
  }

  /** What is there after statements that run one after the other. */
  def serial(setupJson: String, writersJson: String, order: String): String = {
    val setup = reader(setupJson)
    val store = new MemoryStore("serial", true)
    val repository = Repository.open(store, new TestEnvironment)
    SmallStatements.createTables(repository, setup.texts("tables"))
    val first = new SmallStatements(repository, "setup")
    setup.readers("statements").foreach(first.run)
    val writers = reader(s"""{"writers": $writersJson}""").readers("writers")
    order.foreach(w => new SmallStatements(repository, w.toString).run(writers(w - 'A')))
    text(seen(store))
  }

  private def reader(json: String) = new JsonReader(Json.parse(json.getBytes(UTF_8), "input"), "input")
  private def text(json: Json): String = new String(Json.canonical(json), UTF_8)

  private def copy(store: MemoryStore, listsInOrder: Option[Boolean] = None): MemoryStore = {
    val fresh = new MemoryStore("copy", listsInOrder.getOrElse(store.listsInOrder))
    store.paths.foreach(p => fresh.createIfAbsent(p, store.read(p).get))
    fresh
  }

  /** One order: `choices` are those who could have gone on at each step, `order` those who did. */
  final private case class Run(
      order: Vector[Int],
      choices: Vector[Seq[Int]],
      answers: Seq[(Json, String)],
      state: Json
  )

  /** All rows with their lineage, and who committed, as somebody sees it who comes now. */
  private def seen(store: ObjectStore): Json = stateOf(Repository.open(store, new TestEnvironment))

  private def stateOf(repository: Repository): Json = {
    val state = repository.resolve("main").state
    Json.obj(
      "commits" -> Json.texts(
        repository.log("main", 1000).map(_.author).filterNot(a => a == "setup" || a == "anabranch").reverse
      ),
      "tables" -> Json.Obj(state.tables.values.map { t =>
        val rows = SmallStatements.rowsOf(repository, t).sortBy(_.id)
        t.name.mkString(".") -> Json.obj(
          "version" -> Json.Integer(t.version),
          "columns" -> Json.texts(t.metadata.columns.map(_.name)),
          "properties" -> Json.textMap(t.metadata.properties),
          "rows" -> Json.Arr(rows.map { r =>
            Json.Arr(Seq(r.id, r.commit, r.cells.k, r.cells.v).map(Json.int64))
          })
        )
      }.toMap)
    )
  }

  final private class Schedule(store: MemoryStore, statements: Seq[JsonReader]) {
    private val turns = new Turns(statements.size)
    private val repositories = statements.indices.map { w =>
      val own = new TurnStore(store, turns, w)
      val repository = Repository.open(own, new TestEnvironment)
      // each knows the branch and has written before
      repository.checkpoint("main"): Unit
      repository
    }

    def run(begun: Vector[Int]): Run = {
      val answers = new Array[(Json, String)](statements.size)
      val threads = statements.indices.map { w =>
        new Thread(() => turns.take(w)(answers(w) = answer(w)), s"writer-$w")
      }
      turns.start(threads)
      val (order, choices) =
        (Vector.newBuilder[Int], Vector.newBuilder[Seq[Int]])
      var step = 0
      var ready = turns.ready()
      while (ready.nonEmpty) {
        val next = begun.lift(step).getOrElse(ready.head)
        order += next
        choices += ready
        turns.grant(next)
        ready = turns.ready()
        step += 1
      }
      turns.end()
      val state = seen(store)
      val views = repositories.map(stateOf) :+ seen(copy(store, Some(!store.listsInOrder)))
      require(views.forall(_ == state), s"readers disagree after ${order.result()}")
      Run(order.result(), choices.result(), answers.toSeq, state)
    }

    private def answer(w: Int): (Json, String) =
      try {
        new SmallStatements(repositories(w), ('A' + w).toChar.toString).run(statements(w))
        (Json.Text("done"), "")
      } catch { case e: AnabranchException => (Json.Text(e.condition), e.getMessage) }
  }
}

/** Lets one of several threads go on at a time, from one request to the next. */
final private class Turns(writers: Int) {
  private object State extends Enumeration { val Running, Waiting, Done = Value }
  private val states = Array.fill(writers)(State.Running)
  private var granted = -1
  private var threads = Seq.empty[Thread]

  def start(all: Seq[Thread]): Unit = { threads = all; all.foreach(_.start()) }

  /** From here on requests are free again. */
  def end(): Unit = { threads.foreach(_.join()); threads = Nil }

  /** The work of a writer. */
  def take(writer: Int)(work: => Unit): Unit =
    try work
    finally
      synchronized {
        states(writer) = State.Done
        notifyAll()
      }

  /** Before each request. */
  def await(writer: Int): Unit = if (threads.nonEmpty) synchronized {
    require(
      Thread.currentThread eq threads(writer),
      "a request that its writer does not wait for has no place"
    )
    states(writer) = State.Waiting
    notifyAll()
    until(granted == writer)
    granted = -1
    states(writer) = State.Running
  }

  /** Those that stand before a request, once nobody runs. */
  def ready(): Seq[Int] = synchronized {
    until(granted == -1 && !states.contains(State.Running))
    states.indices.filter(states(_) == State.Waiting)
  }

  def grant(writer: Int): Unit = synchronized {
    granted = writer
    notifyAll()
  }

  private def until(condition: => Boolean): Unit = {
    val deadline = System.nanoTime() + 60L * 1000 * 1000 * 1000
    while (!condition) {
      if (System.nanoTime() > deadline) throw new IllegalStateException("a writer does not come to an end")
      wait(1000)
    }
  }
}

final private class TurnStore(inner: ObjectStore, turns: Turns, writer: Int) extends ObjectStore {
  private def turn[A](request: => A): A = {
    turns.await(writer)
    request
  }
  override def root: String = inner.root
  override def listsInOrder: Boolean = inner.listsInOrder
  override def read(path: String): Option[Array[Byte]] = turn(inner.read(path))
  override def list(folder: String, limit: Int): Seq[ObjectInfo] = turn(inner.list(folder, limit))
  override def objects(folder: String): Seq[StoredObject] = turn(inner.objects(folder))
  override def folders(folder: String): Seq[String] = turn(inner.folders(folder))
  override def delete(path: String): Unit = turn(inner.delete(path))
  override def size(path: String): Option[Long] = turn(inner.size(path))
  override def createIfAbsent(path: String, bytes: Array[Byte]): CreateOutcome =
    turn(inner.createIfAbsent(path, bytes))
}
