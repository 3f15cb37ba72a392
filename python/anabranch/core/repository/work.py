"""Changes of any number of tables that become one commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format.commits import Name
from anabranch.core.format.files import ROW_ID, ROW_PLACE, DataFile
from anabranch.core.format.names import Position, check_name, invalid_name
from anabranch.core.format.repository_info import check_features
from anabranch.core.format.tables import TableMetadata
from anabranch.core.log.replay import CatalogState, FileSet, TableState
from anabranch.core.operations import schemas
from anabranch.core.operations.changes import Changes, TableWork
from anabranch.core.operations.copy_on_write import copied
from anabranch.core.operations.engine import Parameters
from anabranch.core.operations.given import Given, released
from anabranch.core.operations.incoming import Aligned
from anabranch.core.operations.matching import Matches, matched
from anabranch.core.operations.properties import TableProperties
from anabranch.core.operations.pruning import prune
from anabranch.core.operations.reads import TableRead
from anabranch.core.operations.rewriting import Rewriter
from anabranch.core.operations.row_context import RowContext
from anabranch.core.operations.rows import Rows, Where, expression, has_subquery
from anabranch.core.operations.scan import PLACE_BITS, full_schema, numbered_files
from anabranch.core.operations.writing import RowWriter
from anabranch.core.repository.history import named, readable
from anabranch.core.repository.resolver import ResolvedRef
from anabranch.core.transaction.committer import CommitContext, Committer
from anabranch.errors import AnabranchError, error

if TYPE_CHECKING:
    from pyroaring import BitMap64

    from anabranch.core.repository.repository import Repository

MAX_TRIED_ROWS = 100_000
"""Of a file in which other rows came: of more it is not tried whether they would have been read."""


class Work:
    """The state that a transaction makes of the one that it began on.

    Nothing is seen of it before `commit`; what it reads is what it has written.
    """

    def __init__(self, repository: Repository, ref: ResolvedRef) -> None:
        self.repository = repository
        self.ref = ref
        self.branch = ref.writable
        self.base = self.state = ref.state
        self.lock = threading.RLock()  # one step after the other, whichever thread takes it
        self.operations: list[str] = []
        self._tables: dict[str, TableWork] = {}
        self._namespaces: dict[Name, Mapping[str, str] | None] = {}
        self._reads: dict[str, TableRead] = {}
        self._metrics: dict[str, int] = {}
        self._env = repository.env
        self._context = RowContext(repository.store, repository.states, repository.env)

    # --- the state

    def table(self, name: Name) -> TableState:
        """A table as it is by now."""
        return readable(named(self.state, name, self.ref.text))

    def _writable(self, name: Name) -> TableState:
        t = self.table(name)
        m = t.metadata
        check_features(f"table {t.full_name}", m.reader_features, m.writer_features, writing=True)
        return t

    def _set(self, table: TableState, **how: Any) -> None:
        old = self._tables.get(table.id) or TableWork(self.base.tables.get(table.id), None)
        self._tables[table.id] = replace(old, now=table, **how)
        self.state = replace(self.state, tables={**self.state.tables, table.id: table})

    def _files(self, t: TableState, files: Sequence[DataFile]) -> TableState:
        return replace(t, files=FileSet.of(files))

    def _counted(self, operation: str, **counts: int) -> None:
        self.operations.append(operation)
        for name, n in counts.items():
            self._metrics[name] = self._metrics.get(name, 0) + n

    def read(
        self,
        t: TableState,
        conditions: Sequence[Any],
        changes_too: bool,
        wanted: Callable[[Rows], bool] | None = None,
    ) -> None:
        """Remembers that rows of a table decided what is done.

        Args:
            t: the table.
            conditions: those that were pushed down.
            changes_too: whether rows that go since matter as well.
            wanted: whether one of some other rows would have been read: tried where bounds don't tell.
        """
        if t.id not in self.base.tables or not TableProperties.of(t.metadata.properties).serializable:
            return
        before = self._reads.get(t.id)

        def may_cover(file: DataFile, now: TableState) -> bool:
            if before is not None and before.may_cover(file, now):
                return True
            near = any(
                c is None or prune([file], c, t.metadata, full_schema(t)) for c in conditions or [None]
            )
            return near and (wanted is None or self._tried(file, now, wanted))

        changes = changes_too or (before is not None and before.changes_too)
        self._reads[t.id] = TableRead(t.id, may_cover, changes)

    def _tried(self, file: DataFile, now: TableState, wanted: Callable[[Rows], bool]) -> bool:
        if file.rows > MAX_TRIED_ROWS:
            return True
        try:
            return wanted(Rows(self.repository.store, replace(now, files=FileSet.of([file]))))
        except AnabranchError:  # it can't be told of these rows
            return True

    # --- namespaces and tables

    def create_namespace(self, name: Name, properties: Mapping[str, str], if_not_exists: bool) -> None:
        """A new namespace; its parent must be there."""
        check_name(name)
        if name in self.state.namespaces:
            if if_not_exists:
                return
            raise error("ANABRANCH_NAMESPACE.ALREADY_EXISTS", namespace=".".join(name), ref=self.ref.text)
        if len(name) > 1:
            self._must_be_namespace(name[:-1])
        self._set_namespace(name, dict(properties))
        self._counted("CREATE NAMESPACE")

    def drop_namespace(self, name: Name) -> None:
        """A namespace that is empty goes."""
        self._must_be_namespace(name)
        inside = [t for t in self.state.by_name if t[: len(name)] == name]
        inside += [n for n in self.state.namespaces if n != name and n[: len(name)] == name]
        if inside:
            raise error("ANABRANCH_NAMESPACE.NOT_EMPTY", namespace=".".join(name), count=len(inside))
        self._set_namespace(name, None)
        self._counted("DROP NAMESPACE")

    def _set_namespace(self, name: Name, properties: Mapping[str, str] | None) -> None:
        spaces = {n: p for n, p in self.state.namespaces.items() if n != name}
        if properties is not None:
            spaces[name] = properties
        self.state = replace(self.state, namespaces=spaces)
        self._namespaces[name] = properties

    def _must_be_namespace(self, name: Name) -> None:
        if name not in self.state.namespaces:
            raise error("ANABRANCH_NAMESPACE.NOT_FOUND", namespace=".".join(name), ref=self.ref.text)

    def create_table(self, name: Name, metadata: TableMetadata) -> None:
        """A new table without rows."""
        check_name(name)
        if len(name) < 2:
            raise invalid_name(".".join(name), "it has no namespace: default." + ".".join(name) + " has one")
        self._must_be_namespace(name[:-1])
        self._must_be_free(name)
        nowhere = Position(0, 0)
        self._set(TableState(self._env.new_id(), name, 0, nowhere, nowhere, metadata, FileSet.of(())))
        self._counted("CREATE TABLE")

    def _must_be_free(self, name: Name) -> None:
        if name in self.state.by_name:
            raise error("ANABRANCH_TABLE.ALREADY_EXISTS", table=".".join(name), ref=self.ref.text)

    def drop_table(self, name: Name) -> None:
        """The table goes; its past stays."""
        t = self.table(name)
        self._tables[t.id] = TableWork(self.base.tables.get(t.id), None, exact=True)
        self.state = replace(self.state, tables={i: o for i, o in self.state.tables.items() if i != t.id})
        self._counted("DROP TABLE")

    def rename_table(self, name: Name, to: Name) -> None:
        """Another name for a table."""
        check_name(to)
        self._must_be_namespace(to[:-1])
        self._must_be_free(to)
        self._set(replace(self.table(name), name=to), exact=True)
        self._counted("RENAME TABLE")

    def alter(self, name: Name, change: Callable[[TableMetadata, str], TableMetadata]) -> None:
        """Other columns or properties."""
        t = self._writable(name)
        metadata = change(t.metadata, t.full_name)
        if metadata != t.metadata:
            self._set(replace(t, metadata=metadata))
            self._counted("ALTER TABLE")

    def restore(self, name: Name, point: int | str | datetime) -> None:
        """An earlier state comes back, without copying."""
        t = self._writable(name)
        if t.id in self._tables:
            raise schemas.unsupported(
                t.full_name, "it was changed in this transaction already", "Restore it in one of its own."
            )
        there, past = self.repository.past.at(self.ref, t, point)
        if past.id != t.id:
            raise error("ANABRANCH_TABLE.ANOTHER_TABLE", table=t.full_name, ref=there.text)
        back = schemas.restored(past.metadata, t.metadata)
        now = replace(past, name=t.name, metadata=back)
        self._set(now, exact=True, adopt=there.state.id, adopted=past)
        counts = {"rows_before": t.files.rows, "rows_after": past.files.rows}
        self._counted("RESTORE", files_after=len(past.files.files), **counts)

    # --- rows

    def append(self, name: Name, data: Any, evolve: bool) -> int:
        """More rows; how many."""
        t, reader = self._given(name, data, evolve)
        added = self._written(t, reader)
        self._set(self._files(t, [*t.files.files.values(), *added]))
        count = sum(f.rows for f in added)
        self._counted("INSERT", rows_inserted=count)
        return count

    def overwrite(self, name: Name, data: Any, evolve: bool) -> int:
        """Other rows in the place of all that are there; how many."""
        t, reader = self._given(name, data, evolve)
        added = self._written(t, reader)
        count, gone = sum(f.rows for f in added), t.files.rows
        self._set(self._files(t, added), exact=True, clear=True)
        self._counted("OVERWRITE", rows_inserted=count, **({"rows_deleted": gone} if gone else {}))
        return count

    def _given(self, name: Name, data: Any, evolve: bool) -> tuple[TableState, pa.RecordBatchReader]:
        t = self._writable(name)
        reader = Given(t.full_name, t.metadata.columns).reader(data)
        with released(reader):
            metadata = schemas.evolved(t.metadata, t.full_name, reader.schema) if evolve else t.metadata
        if metadata != t.metadata:
            t = replace(t, metadata=metadata)
            self._set(t)
        return t, reader

    def _written(self, t: TableState, reader: pa.RecordBatchReader, lineage: bool = False) -> list[DataFile]:
        hidden = [ROW_ID] if lineage else []
        aligned = Aligned(t.full_name, t.metadata, hidden)
        writer = RowWriter(self.repository.store, t.id, t.metadata, self._env, hidden)
        return writer.write(aligned.batches(reader))

    def delete(self, name: Name, where: Where, parameters: Parameters) -> int:
        """Rows for which a condition is true go; how many."""
        t = self._writable(name)
        found = self._found(t, [ROW_PLACE], where, parameters)
        count = self._replaced(t, found.column(ROW_PLACE), [])
        self._counted("DELETE", rows_deleted=count)
        return count

    def update(
        self, name: Name, assignments: Mapping[str, Any], where: Where | None, parameters: Parameters
    ) -> int:
        """Rows for which a condition is true get new values; how many."""
        t = self._writable(name)
        exprs = {
            schemas.known(t.metadata, t.full_name, c).name: expression(x) for c, x in assignments.items()
        }
        if len(exprs) < len(assignments):
            raise schemas.unsupported(t.full_name, "a column would get two values", "Name each once.")
        if not exprs:
            raise schemas.unsupported(t.full_name, "no column would get a value", "Name one in `set`.")
        names = [c.name for c in t.metadata.columns]
        found = self._found(
            t, [*names, ROW_ID, ROW_PLACE], "true" if where is None else where, parameters, exprs
        )
        rows = found.drop_columns([ROW_PLACE])
        if pc.count_distinct(found.column(ROW_PLACE)).as_py() < rows.num_rows:  # as `unnest` makes of one
            reason = "a row would get several values"
            raise schemas.unsupported(t.full_name, reason, "Give an expression that has one value for a row.")
        added = self._written(t, rows.to_reader(), lineage=True) if rows.num_rows else []
        count = self._replaced(t, found.column(ROW_PLACE), added)
        self._counted("UPDATE", rows_updated=count)
        return count

    def _found(
        self,
        t: TableState,
        names: Sequence[str],
        where: Where,
        parameters: Parameters,
        exprs: Mapping[str, str] | None = None,
    ) -> pa.Table:
        def of(rows: Rows) -> tuple[pa.Table, Sequence[Any]]:
            return rows.select(names, where, parameters, exprs or {})

        found, pushed = of(self._rows(t))
        # a subquery is about other rows, too
        alone = not any(map(has_subquery, (where, *(exprs or {}).values())))
        self.read(t, pushed, False, (lambda rows: bool(of(rows)[0].num_rows)) if alone else None)
        return found

    def _rows(self, t: TableState) -> Rows:
        self.repository.permits.may_select(t, self.ref)
        return Rows(self.repository.store, t)

    def merge(
        self,
        name: Name,
        data: Any,
        on: Sequence[str],
        matched_rows: str | None,
        new_rows: str | None,
        evolve: bool,
    ) -> dict[str, int]:
        """Rows are changed, deleted and added by another table's; how many of each."""
        t, reader = self._given(name, data, evolve)
        source = Aligned(t.full_name, t.metadata).given(reader)
        found: Matches = matched(self._rows(t), t, source, on, matched_rows, new_rows)
        # rows that are matched and left alone may not go
        self.read(t, [found.condition], matched_rows is None, found.wanted)
        added = self._written(t, found.rows.to_reader(), lineage=True) if found.rows.num_rows else []
        gone = self._replaced(t, found.gone, added)
        counts = {
            "rows_inserted": found.inserted,
            "rows_updated": found.rows.num_rows - found.inserted,
            "rows_deleted": gone - (found.rows.num_rows - found.inserted),
        }
        self._counted("MERGE", **counts)
        return counts

    def _replaced(self, t: TableState, places: pa.ChunkedArray, added: Sequence[DataFile]) -> int:
        """Rows at some places go, and files come; how many rows went."""
        files = dict(t.files.files)
        count = 0
        for file, rows in _by_file(t, places):
            known = self._context.deleted(t, file)
            everything = known | rows
            count += len(everything) - len(known)
            if len(everything) >= file.rows:
                del files[file.id]
            else:
                files[file.id] = file.with_deletions(self._context.vector(everything))
        if count or added:
            files.update({f.id: f for f in added})
            self._set(self._files(t, list(files.values())))
        return count

    # --- the commit

    def _copy_on_write(self, id: str) -> None:
        """Where no row is to be marked, what is left in files of which rows went is written anew."""
        work = self._tables[id]
        t = work.now
        if t is None or not (settings := TableProperties.of(t.metadata.properties)).copies_on_write:
            return
        before = work.old_files
        found = copied(before, t.files.files, settings, Rewriter(self.repository.store, t, self._env))
        now = self._files(t, found.files)
        self._tables[id] = replace(work, now=now, rewritten={f.id: f for f in found.rewritten})
        if not work.clear and any(id not in now.files.files for id in before):
            self._metrics["rows_copied"] = self._metrics.get("rows_copied", 0) + found.rows

    def commit(self, committer: Committer, by: CommitContext) -> CatalogState:
        """Makes one commit of all that was done."""
        if not self._tables and not self._namespaces:
            return self.base
        for id in list(self._tables):
            self._copy_on_write(id)
        staged = {id: committer.stage(work.added()) for id, work in self._tables.items()}
        names = list(dict.fromkeys(self.operations))
        if names[:1] == ["CREATE TABLE"] and names[1:] == ["INSERT"]:
            names = ["CREATE TABLE AS SELECT"]
        intent = Changes(
            self.base,
            self._tables,
            staged,
            self._namespaces,
            list(self._reads.values()),
            names[0] if len(names) == 1 else "TRANSACTION",
            self._metrics,
            self._context,
            self.ref.text,
        )
        return committer.commit(self.branch, self.base, intent, by)


def _by_file(t: TableState, places: pa.ChunkedArray) -> Iterator[tuple[DataFile, BitMap64]]:
    """Places of rows, as files and positions."""
    from pyroaring import BitMap64

    numbers = pc.shift_right(places, PLACE_BITS)
    positions = pc.bit_wise_and(places, (1 << PLACE_BITS) - 1)
    files = numbered_files(t)
    for number in pc.unique(numbers).to_pylist():
        yield files[number], BitMap64(positions.filter(pc.equal(numbers, number)).to_pylist())
