package io.anabranch.spark.gates

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Gate, GatePassed}
import io.anabranch.core.log.CatalogState
import io.anabranch.core.store.Stores
import io.anabranch.core.transaction.{GateAt, GateRunner}
import io.anabranch.spark.{AnabranchCatalog, CommitSettings}
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}

import java.util.concurrent.{ExecutionException, FutureTask, TimeUnit, TimeoutException}
import scala.jdk.CollectionConverters._
import scala.util.Try

/** Runs gates as queries, each in a session of its own: settings, views and functions of the session that commits don't
  * change what a gate says. Its time zone is UTC.
  */
object SparkGates extends GateRunner {

  /** The ref under which a gate sees what nobody has committed: no branch can have this name. */
  private val Proposed = "proposed state"
  private val Counted = 20
  private val Shown = 5

  override def run(root: String, at: GateAt, all: CatalogState, changed: => Option[CatalogState]): String =
    inTime(at, SparkBridge.session) { outer =>
      val (session, catalog) = open(outer, root, at.gate.catalog, at.gate.namespace)
      session.withActive {
        catalog.show(all)
        val whole = violations(session, root, at)
        val bySql = at.gate.language == Gate.Sql
        val plan = SparkBridge.analyzed(whole)
        // it may be another one than CREATE GATE has seen: whoever can write to the store could have put it there
        if (bySql) GateQuery.tables(at.name, plan, Proposed): Unit
        val part = if (bySql && GateQuery.isByRow(plan)) changed else None
        part.foreach(catalog.show)
        val rows =
          part.fold(whole)(_ => violations(session, root, at)).limit(Counted + 1).toJSON.collect()
        if (rows.nonEmpty) throw violated(at, rows)
        if (part.isDefined) GatePassed.Changed else GatePassed.All
      }
    }

  private def violations(session: ClassicSession, root: String, at: GateAt): DataFrame =
    at.gate.language match {
      case Gate.Sql => SparkBridge.query(session, at.gate.query)
      case Gate.Python =>
        val function = PythonGates.find(root, at.name, at.gate)
        val tables: Seq[DataFrame] = at.gate.tables.map { name =>
          session.read.table(
            (at.gate.catalog +: name).map(p => "`" + p.replace("`", "``") + "`").mkString(".")
          )
        }
        function.violations(tables.asJava)
      case other => throw new IllegalArgumentException(s"nothing is known of gates in $other")
    }

  /** A gate of a query, if that can be run on a state.
    *
    * @throws AnabranchException
    *   ANABRANCH_GATE.INVALID
    */
  def define(
      session: ClassicSession,
      catalog: AnabranchCatalog,
      name: String,
      branches: String,
      query: String,
      state: CatalogState
  ): Gate = {
    val manager = session.sessionState.catalogManager
    val namespace =
      if (manager.currentCatalog.name == catalog.name) manager.currentNamespace.toSeq
      else catalog.defaultNamespace().toSeq
    val (own, shown) = open(session, catalog.repository.root, catalog.name, namespace)
    own.withActive {
      shown.show(state)
      val plan: LogicalPlan = SparkBridge.analyzed(SparkBridge.query(own, query))
      Gate(branches, query, catalog.name, namespace, GateQuery.tables(name, plan, Proposed))
    }
  }

  /** A new session in which a repository has some name, with the settings of the catalog that it has in another. */
  private def open(
      from: ClassicSession,
      root: String,
      name: String,
      namespace: Seq[String]
  ): (ClassicSession, AnabranchCatalog) = {
    val prefix = "spark.sql.catalog."
    val owner = from.withActive(ownerOf(root))
    val session = from.newSession()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.conf.set(CommitSettings.Author, CommitSettings.author(from.sessionState.conf))
    session.conf.set(prefix + name, classOf[AnabranchCatalog].getName)
    session.conf.set(s"$prefix$name.warehouse", root)
    for {
      o <- owner
      (key, value) <- from.sessionState.conf.getAllConfs if key.startsWith(s"$prefix$o.")
    } session.conf.set(s"$prefix$name." + key.stripPrefix(s"$prefix$o."), value)
    session.conf.set(s"$prefix$name.branch", Proposed)
    val manager = session.sessionState.catalogManager
    manager.setCurrentCatalog(name)
    val catalog = manager.catalog(name).asInstanceOf[AnabranchCatalog]
    manager.setCurrentNamespace(namespace.toArray)
    (session, catalog)
  }

  /** The catalog of the active session that shows a repository. Its settings tell: none is opened for that, and one that
    * can't be opened is in nobody's way.
    */
  private def ownerOf(root: String): Option[String] = SparkBridge.anabranchCatalogs.find { c =>
    val place = SparkBridge.conf.getConfString(s"spark.sql.catalog.$c.warehouse", "")
    Try(Stores.root(place)).toOption.contains(root)
  }

  private def inTime[T](at: GateAt, outer: ClassicSession)(body: ClassicSession => T): T = {
    val seconds = CommitSettings.gatesTimeoutSeconds(outer.sessionState.conf)
    val group = s"anabranch gate ${at.name} ${java.util.UUID.randomUUID()}"
    val context = outer.sparkContext
    val task = new FutureTask[T](() => {
      context.setJobGroup(group, s"gate ${at.name} on ${at.branch}", interruptOnCancel = true)
      body(outer)
    })
    val thread = new Thread(task, group)
    thread.setDaemon(true)
    thread.start()
    def stop(): Unit = {
      context.cancelJobGroup(group)
      task.cancel(true): Unit
    }
    try task.get(seconds, TimeUnit.SECONDS)
    catch {
      case _: TimeoutException =>
        stop()
        throw error("ANABRANCH_GATE.TIMEOUT", at, "seconds" -> seconds.toString)
      case e: InterruptedException =>
        stop()
        throw e
      case e: ExecutionException =>
        throw e.getCause match {
          case ours: AnabranchException if ours.condition.startsWith("ANABRANCH_GATE.") => ours
          case fatal: Error => fatal
          case other =>
            val reason = told(String.valueOf(other.getMessage))
            AnabranchException.caused(
              other,
              "ANABRANCH_GATE.FAILED",
              "gate" -> at.name,
              "branch" -> at.branch,
              "reason" -> reason
            )
        }
    }
  }

  /** What went wrong, of a message with more lines: the first, and of a traceback of Python the one that names the error. */
  private def told(message: String): String = {
    val lines = message.linesIterator.toSeq
    val errors = lines.filter(_.matches("[A-Za-z_][\\w.]*: .*"))
    (if (message.contains("Traceback (most recent call last)")) errors.lastOption else lines.headOption)
      .getOrElse(message)
  }

  private def violated(at: GateAt, rows: Array[String]): AnabranchException = {
    val count = if (rows.length > Counted) s"more than $Counted" else rows.length.toString
    val shown = rows.take(Shown).mkString(", ") + (if (rows.length > Shown) ", …" else "")
    error("ANABRANCH_GATE.VIOLATED", at, "count" -> count, "rows" -> shown)
  }

  private def error(condition: String, at: GateAt, more: (String, String)*): AnabranchException =
    AnabranchException(condition, Seq("gate" -> at.name, "branch" -> at.branch) ++ more: _*)
}
