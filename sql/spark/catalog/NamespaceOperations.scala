package io.anabranch.spark.catalog

import io.anabranch.core.AnabranchException
import io.anabranch.core.operations._
import org.apache.spark.sql.connector.catalog.{NamespaceChange, SupportsNamespaces}

/** Namespaces of a catalog. Throws the core's own errors. */
final class NamespaceOperations(context: CatalogContext) {
  private def namespaces = context.currentState.state.namespaces

  /** The namespaces directly under one; under none, those of the first level. */
  def list(parent: Seq[String]): Seq[Seq[String]] = {
    if (parent.nonEmpty) load(parent): Unit
    namespaces.keys.filter(n => n.size == parent.size + 1 && n.startsWith(parent)).toSeq.sortBy(_.last)
  }

  def load(name: Seq[String]): Map[String, String] = namespaces.getOrElse(
    name,
    throw AnabranchException(
      "ANABRANCH_NAMESPACE.NOT_FOUND",
      "namespace" -> Names.show(name),
      "ref" -> context.currentRef
    )
  )

  def create(name: Seq[String], properties: Map[String, String]): Unit = {
    mustHaveNoPlace(name, properties.keys)
    context.commit(context.currentRef)(_ => CreateNamespace(name, properties - "owner", context.currentRef))
  }

  def alter(name: Seq[String], changes: Seq[NamespaceChange]): Unit = {
    mustHaveNoPlace(name, changes.collect { case s: NamespaceChange.SetProperty => s.property })
    def applied(properties: Map[String, String]) = changes.foldLeft(properties) {
      case (p, s: NamespaceChange.SetProperty) => p.updated(s.property, s.value)
      case (p, r: NamespaceChange.RemoveProperty) => p - r.property
      case (p, _) => p
    }
    context.commit(context.currentRef)(_ => AlterNamespace(name, applied, context.currentRef))
  }

  /** A clause without meaning is refused, not ignored. */
  private def mustHaveNoPlace(name: Seq[String], properties: Iterable[String]): Unit =
    if (properties.exists(_ == SupportsNamespaces.PROP_LOCATION))
      throw AnabranchException("ANABRANCH_NAMESPACE.LOCATION", "namespace" -> Names.show(name))

  def drop(name: Seq[String], cascade: Boolean): Boolean = {
    val there = namespaces.contains(name)
    if (there) context.commit(context.currentRef)(_ => DropNamespace(name, cascade, context.currentRef))
    there
  }
}
