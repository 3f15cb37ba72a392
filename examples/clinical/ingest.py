"""From a FHIR bulk export (NDJSON, one file a resource type) to one table a resource type."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lake import Lake
from resources import columns, json_schema, select_list, table_name

FILES_TABLE = "source_file"
"""Says of every table which file it was made from, and is versioned with them."""

_ONE_FILE_BYTES = 16 << 20
_PARTITIONED = {"Observation": "category"}


@dataclass(frozen=True)
class SourceFile:
    """A file of an export, and what was delivered in it."""

    resource_type: str
    path: Path

    @property
    def table(self) -> str:
        return table_name(self.resource_type)

    @cached_property
    def content(self) -> tuple[int, int, str]:
        """Bytes, lines and SHA-256 of the file."""
        data = self.path.read_bytes()
        return len(data), data.count(b"\n"), hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Export:
    """A bulk export: a folder with the manifest that its server gave, and the files named there."""

    folder: Path

    @cached_property
    def files(self) -> list[SourceFile]:
        manifest = json.loads((self.folder / "manifest.json").read_text())
        found = [SourceFile(entry["type"], self.folder / entry["url"]) for entry in manifest["output"]]
        return sorted(found, key=lambda file: file.resource_type)

    @property
    def snapshot(self) -> str:
        """The day up to which the export reports, ISO 8601."""
        metadata = json.loads((self.folder / "_generator_metadata.json").read_text())
        return str(metadata["cif_metadata"]["snapshot_date"])

    def changed_since(self, earlier: Export) -> list[SourceFile]:
        """The files whose bytes are not those of the earlier export's."""
        known = {file.resource_type: file.content for file in earlier.files}
        return [file for file in self.files if known.get(file.resource_type) != file.content]


Received = Callable[[SourceFile], str]
"""Gives the SQL expression over ``value``, a line of the file, for what was received of it."""


def as_delivered(file: SourceFile) -> str:
    """What was received is what stands in the file."""
    return "value"


def resources_of(file: SourceFile, received: Received = as_delivered) -> str:
    """A query that gives a file's resources as rows of their table.

    The JSON is parsed once, and only the parts that have a column. A line that isn't JSON becomes a row
    without an id, for the checks to find.
    """
    hint = "/*+ COALESCE(1) */ " if file.content[0] < _ONE_FILE_BYTES else ""
    lines = f"SELECT {hint}{received(file)} AS line FROM text.`{file.path.resolve().as_uri()}`"
    parsed = f"SELECT line, from_json(line, '{json_schema(file.resource_type)}') AS r FROM ({lines})"
    return f"SELECT {select_list(file.resource_type, 'r', 'line')} FROM ({parsed})"


def create_tables(lake: Lake, export: Export) -> None:
    """The first load: one table a resource type of the manifest, and the table of source files."""
    lake.run(f"CREATE NAMESPACE IF NOT EXISTS {lake.namespace}")
    for file in export.files:
        partition = _PARTITIONED.get(file.resource_type)
        by = f" PARTITIONED BY ({partition})" if partition else ""
        comment = f"FHIR R4 {file.resource_type}, one row a resource; resource: the JSON as received"
        lake.run(f"CREATE TABLE {lake.table(file.table)}{by} COMMENT '{comment}' AS {resources_of(file)}")
    comment = "the file that each table was made from"
    lake.run(f"CREATE TABLE {lake.table(FILES_TABLE)} COMMENT '{comment}' AS {_file_rows(export)}")


def replace_content(
    lake: Lake, export: Export, files: Iterable[SourceFile], received: Received = as_delivered
) -> None:
    """A later load. An export is the whole state, so it takes the place of what the tables held."""
    for file in files:
        lake.run(f"INSERT OVERWRITE {lake.table(file.table)} {resources_of(file, received)}")
    lake.run(f"INSERT OVERWRITE {lake.table(FILES_TABLE)} {_file_rows(export)}")


def _file_rows(export: Export) -> str:
    rows = [
        f"('{file.table}', '{file.path.name}', DATE'{export.snapshot}', {size}L, {lines}L, '{digest}')"
        for file in export.files
        for size, lines, digest in [file.content]
    ]
    names = "table, file, snapshot, bytes, lines, sha256"
    return f"SELECT /*+ COALESCE(1) */ * FROM VALUES {', '.join(rows)} AS t({names})"


@dataclass(frozen=True)
class Comparison:
    """Two states of a table compared by resource id, as counts of resources."""

    table: str
    both: int
    differ: int
    new: int
    gone: int


def compare(lake: Lake, tables: Iterable[str], old: str, new: str) -> list[Comparison]:
    """Compares tables between two refs: same id and another JSON text is a resource that differs. One job."""
    sides = [
        f"SELECT '{table}' AS name, id, '{side}' AS side, sha2(resource, 256) AS hash"
        f" FROM {lake.table(table, ref)}"
        for table in tables
        for side, ref in (("old", old), ("new", new))
    ]
    pairs = (
        "SELECT name, id, max(hash) FILTER (WHERE side = 'old') AS a,"
        " max(hash) FILTER (WHERE side = 'new') AS b"
        f" FROM ({' UNION ALL '.join(sides)}) GROUP BY name, id"
    )
    found = lake.rows(
        "SELECT name, count_if(a IS NOT NULL AND b IS NOT NULL) AS both, count_if(a <> b) AS differ,"
        f" count_if(a IS NULL) AS new, count_if(b IS NULL) AS gone FROM ({pairs}) GROUP BY name ORDER BY name"
    )
    return [Comparison(row.name, row.both, row.differ, row.new, row.gone) for row in found]


def flat_columns(resource_type: str) -> list[str]:
    """The columns of a type's table without the raw JSON."""
    return ["id", *(f"`{column.name}`" for column in columns(resource_type))]
