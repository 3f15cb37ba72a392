"""Gates and protected branches: what `anabranch.Catalog` does with rules about branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anabranch import _sql
from anabranch._statements import Statements, message_clause
from anabranch.results import GateResult

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Gate:
    """An assertion that holds on all states of some branches.

    Attributes:
        name: its name.
        branches: the branches that it is about; ``*`` stands for any characters.
        query: the query that must return no row; of a function its module and name.
        tables: full names of the tables that it reads.
    """

    name: str
    branches: str
    query: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class ProtectedBranches:
    """A rule by which only merges commit to some branches.

    Attributes:
        branches: the branches that it is about; ``*`` stands for any characters.
        principals: authors who may merge into them; empty is everybody.
    """

    branches: str
    principals: tuple[str, ...]


class Policies(Statements):
    """Rules about branches. All of them raise pyspark.errors.PySparkException with the named conditions."""

    name: str

    def create_gate(
        self,
        name: str,
        branches: str,
        query: str | Callable[..., DataFrame],
        tables: str | Sequence[str] | None = None,
        *,
        replace: bool = False,
        if_not_exists: bool = False,
        message: str | None = None,
    ) -> None:
        """Lets nothing pass to some branches from now on for which a query, or a function, returns rows.

            lake.create_gate("no_negative", "main", "SELECT * FROM db.t WHERE v < 0")
            lake.create_gate("outliers", "main", lambda t: t.where("v > 1000"), tables="db.t")

        Args:
            name: of the gate.
            branches: the branches that it is about; ``*`` stands for any characters.
            query: SQL; or a function of one DataFrame for each of the tables, which gives the wrong rows. The
                repository keeps the name of a function only: who commits with Spark must have called
                `register_gate`, or is refused. A function can't be used with Spark Connect.
            tables: the tables that a function is given.
            replace: whether a gate of that name may be there, and is replaced.
            if_not_exists: whether a gate of that name may be there, and stays.
            message: of the commit.

        Raises:
            TypeError: a function without tables, or a query with some.
            pyspark.errors.PySparkException: ``ANABRANCH_GATE.ALREADY_EXISTS``, ``.INVALID``, ``.VIOLATED``
                if it does not hold now, ``.FAILED``, ``.TIMEOUT``; ``ANABRANCH_REF.PROTECTED``.
        """
        if isinstance(query, str) == (tables is not None):
            raise TypeError("a query names its tables itself; a function needs them, as tables=")
        if isinstance(query, str):
            words = "OR REPLACE " if replace else ""
            there = "IF NOT EXISTS " if if_not_exists else ""
            clause, args = message_clause(message)
            self._rows(
                f"CREATE {words}GATE {there}:gate IN {self._id} ON BRANCH :branches{clause} AS {query}",
                {"gate": name, "branches": branches, **args},
            )
        else:
            self.register_gate(name, query)
            self._gates().create(
                self._java(),
                self.name,
                name,
                branches,
                f"{getattr(query, '__module__', '')}:{getattr(query, '__qualname__', repr(query))}",
                [_sql.join(_sql.split(t)) for t in ([tables] if isinstance(tables, str) else tables or ())],
                replace,
                if_not_exists,
                message,
            )

    def register_gate(self, name: str, function: Callable[..., DataFrame]) -> None:
        """Says which function a gate is, for all that this process commits to the repository.

        Args:
            name: of the gate.
            function: see `create_gate`.
        """
        from pyspark.java_gateway import ensure_callback_server_started

        spark: Any = self._spark
        ensure_callback_server_started(spark._sc._gateway)  # type: ignore[no-untyped-call]
        self._gates().register(self._java(), self.name, name, _Called(function))

    def drop_gate(self, name: str, if_exists: bool = False) -> None:
        """Drops a gate.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_GATE.NOT_FOUND``, ``ANABRANCH_REF.PROTECTED``.
        """
        self._rows(f"DROP GATE {'IF EXISTS ' if if_exists else ''}:gate IN {self._id}", {"gate": name})

    def gates(self) -> list[Gate]:
        """All gates, by name."""
        return [
            Gate(r["name"], r["branches"], r["query"], tuple(r["tables"]))
            for r in self._rows(f"SHOW GATES IN {self._id}")
        ]

    def run_gates(self, branch: str | None = None) -> list[GateResult]:
        """Tries the gates of a branch on what it holds; nothing is written.

        Args:
            branch: its name; None is the one in use.
        """
        on, args = ("", {}) if branch is None else ("ON :branch ", {"branch": branch})
        rows = self._rows(f"RUN GATES {on}IN {self._id}", args)
        return [GateResult(r["gate"], r["branch"], r["passed"], r["problem"]) for r in rows]

    def protect_branch(
        self, branches: str, principals: Sequence[str] = (), message: str | None = None
    ) -> None:
        """Lets only merges commit to some branches from now on.

        Args:
            branches: the branches; ``*`` stands for any characters.
            principals: authors who may merge into them, and change this rule; none is everybody.
            message: of the commit.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_REF.INVALID_NAME``, ``.PROTECTED``.
        """
        clause, args = message_clause(message)
        named: dict[str, object] = {f"p{n}": p for n, p in enumerate(principals)}
        who = f" FOR {', '.join(':' + key for key in named)}" if named else ""
        self._rows(
            f"PROTECT BRANCH :branches IN {self._id}{who}{clause}", {"branches": branches, **named, **args}
        )

    def unprotect_branch(self, branches: str) -> None:
        """Drops the rule for these branches, which are written as in `protect_branch`.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_REF.NOT_PROTECTED``, ``.PROTECTED``.
        """
        self._rows(f"UNPROTECT BRANCH :branches IN {self._id}", {"branches": branches})

    def protected_branches(self) -> list[ProtectedBranches]:
        """All rules of `protect_branch`."""
        rows = self._rows(f"SHOW PROTECTED BRANCHES IN {self._id}")
        return [ProtectedBranches(r["branches"], tuple(r["principals"])) for r in rows]

    def _gates(self) -> Any:
        spark: Any = self._spark
        return spark._jvm.io.anabranch.spark.gates.PythonGates

    def _java(self) -> Any:
        spark: Any = self._spark
        return spark._jsparkSession


class _Called:
    """A function as the JVM calls it."""

    def __init__(self, function: Callable[..., DataFrame]) -> None:
        self._function = function

    def violations(self, tables: Any) -> Any:
        from pyspark.sql import DataFrame, SparkSession

        frames = []
        for table in tables:
            session = table.sparkSession()
            spark = SparkSession(SparkSession._getActiveSessionOrCreate().sparkContext, session)
            frames.append(DataFrame(table, spark))
        found: Any = self._function(*frames)
        return found._jdf

    class Java:
        """The interface, by the name that py4j looks for."""

        implements = ("io.anabranch.spark.gates.PythonGate",)
