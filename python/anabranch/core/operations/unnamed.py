"""Queries that may compare columns without naming them: ``SELECT DISTINCT *``, ``GROUP BY ALL``, UNION."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Node = dict[str, Any]


def may_compare_unnamed(nodes: Sequence[Node]) -> bool:
    """Whether a query does more with columns that it doesn't name than to pass them on.

    What can't be told is taken for yes.

    Args:
        nodes: of the query, as the parser of DuckDB has them.
    """
    if any(node.get("error") for node in nodes):  # EXPLAIN and PIVOT, which are not taken apart
        return True
    passed_on = {id(item) for node in nodes for item in node.get("select_list") or ()}
    tables = {str(node[key]).lower() for node in nodes for key in ("table_name", "alias") if node.get(key)}
    return any(_compares(node) or _hands_over(node, passed_on, tables) for node in nodes)


def _compares(node: Node) -> bool:
    """Whether whole rows, or columns by their places, are compared."""
    match node.get("type"):
        case "SET_OPERATION_NODE":
            return node["setop_type"] != "UNION" or not node["setop_all"]
        case "RECURSIVE_CTE_NODE":
            return not node["union_all"]
        case "DISTINCT_MODIFIER":
            targets = node["distinct_on_targets"]
            return not targets or _has_places(targets)
        case "ORDER_MODIFIER":
            return _has_places([order["expression"] for order in node["orders"]])
        case "SELECT_NODE":
            return node["aggregate_handling"] == "FORCE_AGGREGATES" or _has_places(node["group_expressions"])
        case "JOIN":
            return bool(node["ref_type"] == "NATURAL")
        case "SHOW_REF":
            return bool(node["show_type"] == "SUMMARY")
    return False


def _has_places(expressions: Sequence[Node]) -> bool:
    return any(e.get("class") == "CONSTANT" for e in expressions)


def _hands_over(node: Node, passed_on: set[int], tables: set[str]) -> bool:
    """Whether columns get to an expression, or under another name, by which they may be compared."""
    match node.get("class"):
        case "STAR":
            return id(node) not in passed_on
        case "POSITIONAL_REFERENCE":
            return True
        case "COLUMN_REF":  # the name of a table is its whole row
            return str(node["column_names"][-1]).lower() in tables
        case "SUBQUERY":
            return node["subquery_type"] not in ("EXISTS", "NOT_EXISTS") and _has_star(node)
    renamed = node.get("column_name_alias") or node.get("aliases")
    return bool(renamed) and (node.get("type") == "BASE_TABLE" or _has_star(node))


def _has_star(node: Node) -> bool:
    """Whether it has all columns of a table: a list of values is given with a star, too."""
    inner = list(walked(node))
    return any(n.get("class") == "STAR" for n in inner) and any(n.get("type") == "BASE_TABLE" for n in inner)


def walked(tree: Any) -> Iterator[Node]:
    """All nodes of a tree of JSON."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack += node.values()
        elif isinstance(node, list):
            stack += node
