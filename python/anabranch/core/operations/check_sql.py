"""CHECKs are kept in Spark's quoting: texts in ' or ", with backslashes, and names in backticks."""

from __future__ import annotations

import re

_QUOTED = r"""(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*")|`(?:[^`]|``)*`|--[^\n]*|/\*.*?\*/"""
_OF_DUCKDB = re.compile(_QUOTED, re.DOTALL)
_OF_SPARK = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")|(?P<name>`(?:[^`]|``)*`)|--[^\n]*|/\*.*?\*/""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_MEANT = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}


def kept(condition: str) -> str:
    """A condition in DuckDB's quoting, as it is kept."""

    def quoted(found: re.Match[str]) -> str:
        if found["text"]:
            return found["text"].replace("\\", "\\\\")
        name = found["name"]
        return "`" + name[1:-1].replace('""', '"').replace("`", "``") + "`" if name else found[0]

    return _OF_DUCKDB.sub(quoted, condition)


def for_duckdb(condition: str) -> str:
    """A condition that was kept, for DuckDB: there, a text in double quotes would be the name of a column."""

    def quoted(found: re.Match[str]) -> str:
        if found["name"]:
            return '"' + found["name"][1:-1].replace("``", "`").replace('"', '""') + '"'
        if not found["text"]:
            return found[0]
        return "'" + meant(found["text"]).replace("'", "''") + "'"

    return _OF_SPARK.sub(quoted, condition)


def meant(text: str) -> str:
    """What a text in Spark's quoting says."""
    mark = text[0]
    return _ESCAPE.sub(_escaped, text[1:-1].replace(mark * 2, mark))


def _escaped(escape: re.Match[str]) -> str:
    code = escape[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _MEANT.get(code, code)
