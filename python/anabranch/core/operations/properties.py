"""What the properties of a table say about writing; ``docs/configuration.md`` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anabranch.errors import AnabranchError, error

ISOLATION = "anabranch.commit.isolation"
MODE = "anabranch.write.mode"
TARGET_BYTES = "anabranch.write.target-file-bytes"
INLINE_ROWS = "anabranch.write.inline-rows"
STATS_COLUMNS = "anabranch.stats.columns"
DELETED_PERCENT = "anabranch.optimize.deleted-percent"

MAX_FILE_BYTES = 128 * 1024 * 1024  # where the store is no folder, a file is put together in memory
MAX_INLINE_ROWS = 100
DEFAULT_STATS_COLUMNS = 32
DEFAULT_DELETED_PERCENT = 5


@dataclass(frozen=True)
class TableProperties:
    """What is set, or the default where nothing is.

    Attributes:
        serializable: what is read must not be changed by commits that are not seen.
        copies_on_write: whether files of which rows go are written anew, and no row is ever marked.
        target_bytes: a data file is closed when it has grown to about so many bytes.
        inline_rows: up to so many rows of one write stand in the commit.
        stats_columns: bounds are kept for the first so many columns.
        deleted_percent: a compaction writes a file anew when at least so many of 100 rows are deleted.
    """

    serializable: bool
    copies_on_write: bool
    target_bytes: int
    inline_rows: int
    stats_columns: int
    deleted_percent: int

    @staticmethod
    def of(properties: Mapping[str, str]) -> TableProperties:
        """Those of a table.

        Raises:
            WriteOption: if one of them is none of its values.
        """
        return TableProperties(
            _one_of(properties, ISOLATION, "serializable", "snapshot") == "serializable",
            _one_of(properties, MODE, "merge-on-read", "copy-on-write") == "copy-on-write",
            max(1, min(_number(properties, TARGET_BYTES, MAX_FILE_BYTES), MAX_FILE_BYTES)),
            min(_number(properties, INLINE_ROWS, MAX_INLINE_ROWS), MAX_INLINE_ROWS),
            _number(properties, STATS_COLUMNS, DEFAULT_STATS_COLUMNS),
            _number(properties, DELETED_PERCENT, DEFAULT_DELETED_PERCENT),
        )


def _one_of(properties: Mapping[str, str], name: str, default: str, other: str) -> str:
    text = properties.get(name, default)
    found = text.lower() if name == ISOLATION else text
    if found not in (default, other):
        raise _wrong(name, f"'{text}' is neither {default} nor {other}", f"Set {default} or {other}.")
    return found


def _number(properties: Mapping[str, str], name: str, default: int) -> int:
    text = properties.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        advice = "Set the table property to a whole number."
        raise _wrong(name, f"'{text}' is not a number from 0 up", advice)
    return int(text)


def _wrong(name: str, reason: str, advice: str) -> AnabranchError:
    return error("ANABRANCH_WRITE.OPTION", option=name, reason=reason, advice=advice)
