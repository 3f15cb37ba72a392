package io.anabranch.spark.commands

import io.anabranch.spark.AnabranchCatalog
import io.anabranch.spark.catalog.CatalogContext
import io.anabranch.core.AnabranchException
import io.anabranch.core.repository.CommitInfo
import org.apache.spark.sql.Row
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}

/** `CREATE BRANCH`: from a ref, or from the one in use. */
final case class CreateBranch(
    catalog: Option[String],
    name: String,
    from: Option[String],
    ifNotExists: Boolean
) extends RefCommand {
  override protected def columns: String = "name STRING, commit STRING"
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val by =
      Commands.author(session, parameters = Map("branch" -> name, "from" -> from.getOrElse(c.currentRef)))
    val b = c.repository.createBranch(name, from.getOrElse(c.currentRef), ifNotExists, by)
    Seq(Row(b.name, b.head.id))
  }
}

/** `CREATE TAG`: of a ref, or of the one in use. */
final case class CreateTag(catalog: Option[String], name: String, from: Option[String], ifNotExists: Boolean)
    extends RefCommand {
  override protected def columns: String = "name STRING, commit STRING"
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val t = c.repository.createTag(name, from.getOrElse(c.currentRef), ifNotExists)
    Seq(Row(t.name, t.commit.id))
  }
}

/** `DROP BRANCH`; not the one in use. */
final case class DropBranch(catalog: Option[String], name: String, ifExists: Boolean) extends RefCommand {
  override protected def columns: String = ""
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    if (Seq(name, s"branch:$name").contains(c.currentRef) && name != "main")
      throw AnabranchException("ANABRANCH_REF.IN_USE", "ref" -> name)
    c.repository.dropBranch(name, ifExists, Commands.author(session))
    Nil
  }
}

final case class DropTag(catalog: Option[String], name: String, ifExists: Boolean) extends RefCommand {
  override protected def columns: String = ""
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    c.repository.dropTag(name, ifExists)
    Nil
  }
}

/** `USE BRANCH|TAG|REFERENCE`: what names without a ref mean from now on in this session.
  *
  * @param kind
  *   branch or tag where the statement says so
  */
final case class UseReference(catalog: Option[String], kind: Option[String], ref: String) extends RefCommand {
  override protected def columns: String = ""
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    // a missing ref is an error here, not at the next query
    def known(text: String) = scala.util.Try(c.repository.resolve(text)).isSuccess
    kind.filterNot(k => known(s"$k:$ref")).foreach { k =>
      Seq("branch", "tag").filter(o => o != k && known(s"$o:$ref")).foreach { o =>
        throw AnabranchException("ANABRANCH_REF.OTHER_KIND", "ref" -> ref, "kind" -> o, "wanted" -> k)
      }
      c.repository.resolve(if (known(ref)) s"$k:$ref" else ref): Unit
    }
    val unique = known(ref)
    val text = kind.filterNot(_ => unique).fold(ref)(k => s"$k:$ref")
    c.repository.resolve(text): Unit
    session.conf.set(CatalogContext.refKey(c.name), text)
    Nil
  }
}

final case class ShowCurrentReference(catalog: Option[String]) extends RefCommand {
  override protected def columns: String = "catalog STRING, reference STRING, kind STRING, commit STRING"
  override protected def onlyReads: Boolean = true
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val (kind, commit) = c.repository.describeRef(c.currentRef)
    Seq(Row(c.name, c.currentRef, kind, commit.id))
  }
}

final case class ShowBranches(catalog: Option[String]) extends RefCommand {
  override protected def columns: String =
    "name STRING, commit STRING, time TIMESTAMP, author STRING, message STRING, current BOOLEAN"
  override protected def onlyReads: Boolean = true
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] =
    c.repository
      .branches()
      .map(b =>
        Row.fromSeq((b.name +: Commands.shown(b.head)) :+ (b.name == c.currentRef.stripPrefix("branch:")))
      )
}

final case class ShowTags(catalog: Option[String]) extends RefCommand {
  override protected def columns: String =
    "name STRING, commit STRING, time TIMESTAMP, author STRING, message STRING"
  override protected def onlyReads: Boolean = true
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] =
    c.repository.tags().map(t => Row.fromSeq(t.name +: Commands.shown(t.commit)))
}

/** `SHOW COMMITS`: along first parents, newest first. */
final case class ShowCommits(
    catalog: Option[String],
    ref: Option[String],
    limit: Option[Int],
    graph: Boolean
) extends RefCommand {
  override protected def columns: String = (if (graph) "graph STRING, " else "") +
    "commit STRING, time TIMESTAMP, author STRING, operation STRING, message STRING, tables ARRAY<STRING>, " +
    "metrics MAP<STRING, BIGINT>, metadata MAP<STRING, STRING>, parents ARRAY<STRING>, gates MAP<STRING, STRING>"
  override protected def onlyReads: Boolean = true
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val (from, most) = (ref.getOrElse(c.currentRef), limit.getOrElse(Int.MaxValue))
    if (graph) c.repository.graph(from, most).map { case (line, i) => Row.fromSeq(line +: told(i)) }
    else c.repository.log(from, most).map(i => Row.fromSeq(told(i)))
  }

  private def told(i: CommitInfo): Seq[Any] = Seq(
    i.id,
    Commands.time(i.timeMillis),
    i.author,
    i.operation,
    i.message,
    i.tables,
    i.metrics,
    i.metadata,
    i.parents,
    i.gates
  )
}

/** `RESET BRANCH`: moves a branch to any commit. */
final case class ResetBranch(catalog: Option[String], name: String, to: String, message: Option[String])
    extends RefCommand {
  override protected def columns: String = "name STRING, commit STRING"
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val before = c.repository.describeRef(s"branch:$name")._2.id
    val b =
      c.repository.resetBranch(name, to, Commands.author(session, message, Map("branch" -> name, "to" -> to)))
    Commands.recache(session, c, c.repository.diff(before, b.head.id, None).map(_.table))
    Seq(Row(b.name, b.head.id))
  }
}
