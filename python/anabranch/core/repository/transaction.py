"""Changes of any number of tables that become one commit, as users make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from anabranch.core.repository.names import TableName, listed, must_be_texts, parts
from anabranch.core.repository.work import Work
from anabranch.core.transaction.committer import CommitContext

if TYPE_CHECKING:
    import pyarrow as pa

    from anabranch.core.repository.repository import Repository
    from anabranch.core.repository.table import Table


class Transaction:
    """Changes of any number of tables; `Repository.transaction` begins one.

    What it reads is what it has written. Leaving the ``with`` makes the commit; an exception leaves nothing
    behind but objects that nobody sees. `commit` is the id of the commit, afterwards.
    """

    def __init__(self, repository: Repository, branch: str | None, by: CommitContext) -> None:
        self._repository = repository
        self._by = by
        self.work = Work(repository, repository.resolved(branch))
        self.commit: str | None = None

    def __enter__(self) -> Transaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with self.work.lock:
                self.commit = str(self._repository.finish(self.work, self._by).id)

    def table(self, name: TableName) -> Table:
        """A table as it is by now. What is written to it is a part of the transaction."""
        from anabranch.core.repository.table import Table

        return Table(self._repository, self.work.ref, self.work.table(parts(name)), self.work)

    def tables(self) -> list[str]:
        """Full names of the tables, sorted."""
        return sorted(".".join(name) for name in self.work.state.by_name)

    def create_table(
        self,
        name: TableName,
        rows: pa.Schema | Any,
        *,
        partition_by: str | Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        checks: Mapping[str, str] | None = None,
        primary_key: str | Sequence[str] = (),
        if_not_exists: bool = False,
    ) -> Table:
        """Creates a table; see `Repository.create_table`."""
        import pyarrow as pa

        from anabranch.core.format.arrow import arrow_schema
        from anabranch.core.operations.given import Given, released
        from anabranch.core.operations.incoming import Aligned
        from anabranch.core.operations.schemas import new_table

        full = parts(name)
        with self.work.lock:
            if if_not_exists and full in self.work.state.by_name:
                return self.table(full)
        reader = None if isinstance(rows, pa.Schema) else Given(".".join(full)).reader(rows)
        schema = rows if reader is None else reader.schema
        with released(reader):
            metadata = new_table(
                ".".join(full),
                schema,
                listed(partition_by),
                properties or {},
                checks or {},
                listed(primary_key),
                self._repository.env.now(),
            )
            must_be_texts("a table property", *metadata.properties, *metadata.properties.values())
            Aligned(".".join(full), metadata).check(arrow_schema(metadata.columns).empty_table())
        with self.work.lock:
            with released(reader):
                self.work.create_table(full, metadata)
            if reader is not None:
                self.work.append(full, reader, evolve=False)
        return self.table(full)

    def drop_table(self, name: TableName) -> None:
        """Drops a table; its past stays."""
        with self.work.lock:
            self.work.drop_table(parts(name))

    def rename_table(self, name: TableName, to: TableName) -> None:
        """Gives a table another name."""
        with self.work.lock:
            self.work.rename_table(parts(name), parts(to))

    def create_namespace(
        self, name: TableName, properties: Mapping[str, str] | None = None, *, if_not_exists: bool = False
    ) -> None:
        """Creates a namespace; its parent must be there."""
        with self.work.lock:
            self.work.create_namespace(parts(name), properties or {}, if_not_exists)

    def drop_namespace(self, name: TableName) -> None:
        """Drops an empty namespace."""
        with self.work.lock:
            self.work.drop_namespace(parts(name))
