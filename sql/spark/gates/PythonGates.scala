package io.anabranch.spark.gates

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.Gate
import io.anabranch.spark.{AnabranchCatalog, AnabranchErrors, CommitSettings}
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}

import java.util.concurrent.ConcurrentHashMap
import scala.jdk.CollectionConverters._

/** A gate that is a function in Python, as it is called from here. */
trait PythonGate {

  /** The rows for which nothing may pass, of the tables that the gate is about. */
  def violations(tables: java.util.List[DataFrame]): DataFrame
}

/** The functions that gates of this process are: a repository keeps their names only, never code. */
object PythonGates {
  private val known = new ConcurrentHashMap[(String, String), PythonGate]

  /** @param name
    *   of the gate
    */
  def register(session: ClassicSession, catalog: String, name: String, gate: PythonGate): Unit =
    known.put((ours(session, catalog).repository.root, name), gate): Unit

  /** As in a process in which nobody registered it. */
  def forget(root: String, name: String): Unit = known.remove((root, name)): Unit

  /** @throws AnabranchException
    *   ANABRANCH_GATE.NOT_REGISTERED
    */
  private[gates] def find(root: String, name: String, gate: Gate): PythonGate =
    Option(known.get((root, name))).getOrElse(
      throw AnabranchException(
        "ANABRANCH_GATE.NOT_REGISTERED",
        "gate" -> name,
        "branch" -> gate.branches,
        "function" -> gate.query
      )
    )

  /** Creates a gate that is a function, which [[register]] has made known.
    *
    * @param function
    *   its name, for people
    * @param tables
    *   names of those that it is given, in their order
    */
  def create(
      session: ClassicSession,
      catalog: String,
      name: String,
      branches: String,
      function: String,
      tables: java.util.List[String],
      replace: Boolean,
      ifNotExists: Boolean,
      message: String
  ): Unit = AnabranchErrors.translated {
    session.withActive {
      val c = ours(session, catalog)
      val names = tables.asScala.toSeq.map { text =>
        val parts = session.sessionState.sqlParser.parseMultipartIdentifier(text)
        val name = if (parts.size > 1 && parts.head == catalog) parts.tail else parts
        if (name.size > 1) name else c.defaultNamespace().toSeq ++ name
      }
      val gate = Gate(branches, function, catalog, c.defaultNamespace().toSeq, names, Gate.Python)
      val told = Map("gate" -> name, "branches" -> branches, "function" -> function)
      val by = CommitSettings.context(session.sessionState.conf, Option(message), told)
      c.repository.policies.create(name, gate, replace, ifNotExists, by)
    }
  }

  private def ours(session: ClassicSession, catalog: String): AnabranchCatalog =
    session.sessionState.catalogManager.catalog(catalog) match {
      case c: AnabranchCatalog => c
      case _ => throw AnabranchException("ANABRANCH_CATALOG.NOT_ANABRANCH", "catalog" -> catalog)
    }
}
