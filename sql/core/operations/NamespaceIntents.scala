package io.anabranch.core.operations

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.NamespaceChange
import io.anabranch.core.log.CatalogState
import io.anabranch.core.transaction._

/** Creates a namespace; its parent must be there. */
final case class CreateNamespace(name: Seq[String], properties: Map[String, String], branch: String)
    extends Intent {
  override val operation: String = "CREATE NAMESPACE"
  override def onto(now: CatalogState): Proposal = {
    Names.check(name)
    if (name.size > 1) Names.namespaceMustExist(now, name.init, branch)
    if (now.namespaces.contains(name))
      throw AnabranchException(
        "ANABRANCH_NAMESPACE.ALREADY_EXISTS",
        "namespace" -> Names.show(name),
        "ref" -> branch
      )
    Proposal(namespaces = Map(name -> NamespaceChange(Some(properties))))
  }
}

/** Sets the properties of a namespace. */
final case class AlterNamespace(
    name: Seq[String],
    change: Map[String, String] => Map[String, String],
    branch: String
) extends Intent {
  override val operation: String = "ALTER NAMESPACE"
  override def onto(now: CatalogState): Proposal = {
    Names.namespaceMustExist(now, name, branch)
    Proposal(namespaces = Map(name -> NamespaceChange(Some(change(now.namespaces(name))))))
  }
}

/** Drops a namespace; with `cascade`, and all that is in it. */
final case class DropNamespace(name: Seq[String], cascade: Boolean, branch: String) extends Intent {
  override val operation: String = "DROP NAMESPACE"
  override def onto(now: CatalogState): Proposal = {
    Names.namespaceMustExist(now, name, branch)
    val tables = now.tables.values.filter(_.name.init.startsWith(name))
    val nested = now.namespaces.keys.filter(n => n != name && n.startsWith(name))
    val count = tables.size + nested.size
    if (count > 0 && !cascade)
      throw AnabranchException(
        "ANABRANCH_NAMESPACE.NOT_EMPTY",
        "namespace" -> Names.show(name),
        "count" -> count.toString
      )
    Proposal(
      tables = tables.map(t => t.id -> io.anabranch.core.format.TableChange(0, dropped = true)).toMap,
      namespaces = (name +: nested.toSeq).map(_ -> NamespaceChange(None)).toMap
    )
  }
}
