"""Positions, commit ids, names of refs and tables, and where objects lie: sections 1, 3, 4 and 9."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from anabranch.errors import AnabranchError, error

SEQ_BITS = 39
MAX_SEQ = 2**SEQ_BITS - 1
MAIN = "main"
MAIN_ORDINAL = 0
ORDINAL_LIMIT = 1 << 24
MAX_REF_BYTES = 200
MAX_NAME_BYTES = 255

_TOP = 999_999_999_999
_POSITION = re.compile("([0-9a-f]{6})-(0|[1-9][0-9]{0,11})")
_NUMBERED = re.compile(r"[0-9]{12}\.json")
_LIKE_A_COMMIT = re.compile("[0-9a-f]{6}-[0-9]+(-[0-9a-f]*)?")
_FORBIDDEN = " ~^:?*[\\@`'\""


class Position(NamedTuple):
    """The place of a commit: its log and its number in it."""

    ordinal: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ordinal:06x}-{self.seq}"

    @property
    def packed(self) -> int:
        """The value of ``_row_commit`` for rows that this commit wrote."""
        return self.ordinal << SEQ_BITS | self.seq

    @staticmethod
    def unpacked(value: int) -> Position:
        """The position that `packed` gave."""
        return Position(value >> SEQ_BITS, value & MAX_SEQ)

    @staticmethod
    def parse(text: str) -> Position | None:
        """The position that is written so; None if none is."""
        found = _POSITION.fullmatch(text)
        if found is None or int(found[2]) > MAX_SEQ:
            return None
        return Position(int(found[1], 16), int(found[2]))


class CommitId(NamedTuple):
    """A commit id: where to look, and what must be found there."""

    position: Position
    sha256: str

    def __str__(self) -> str:
        return f"{self.position}-{self.sha256}"

    @property
    def short(self) -> str:
        """As long as people need it: 12 digits of the hash."""
        return f"{self.position}-{self.sha256[:12]}"

    @staticmethod
    def parse(text: str) -> CommitId | None:
        """The id that is written so; None if none is."""
        place, _, digest = text.rpartition("-")
        at = Position.parse(place)
        return CommitId(at, digest) if at and re.fullmatch("[0-9a-f]{64}", digest) else None


def parse_ordinal(text: str) -> int | None:
    """The number of a log from its six hexadecimal digits."""
    return int(text, 16) if re.fullmatch("[0-9a-f]{6}", text) else None


REPOSITORY = "_anabranch/repository.json"
BRANCHES = "_anabranch/refs/branches"
TAGS = "_anabranch/refs/tags"
MERGES = "_anabranch/merges"
PROBES = "_anabranch/probes"
LOGS = "_anabranch/log"
DATA = "data"
VECTORS = "_anabranch/dv"
VACUUMS = "_anabranch/vacuums"


def numbered(folder: str, number: int) -> str:
    """An object whose name is the complement of its number, so that newer ones sort first."""
    return f"{folder}/{_TOP - number:012d}.json"


def number_of(path: str) -> int | None:
    """The number of an object that `numbered` named; None for any other."""
    name = path.rsplit("/", 1)[-1]
    return _TOP - int(name[:12]) if _NUMBERED.fullmatch(name) else None


def log_folder(ordinal: int) -> str:
    """Where the entries of a log lie."""
    return f"{LOGS}/{ordinal:06x}"


def log_object(at: Position) -> str:
    """The object of an entry that is the first, or only one, in it."""
    return numbered(log_folder(at.ordinal), at.seq)


def checkpoint_folder(ordinal: int) -> str:
    """Where the checkpoints of a log lie."""
    return f"_anabranch/checkpoints/{ordinal:06x}"


def checkpoint(at: Position) -> str:
    """The checkpoint of a commit."""
    return numbered(checkpoint_folder(at.ordinal), at.seq)


def checkpoint_files(id: str) -> str:
    """A list of files that a checkpoint names."""
    return f"_anabranch/checkpoints/files/{id}.parquet"


def manifest(id: str) -> str:
    """A list of files that a commit names."""
    return f"_anabranch/manifests/{id}.parquet"


def deletion_vector(id: str) -> str:
    """A deletion vector too large for a commit."""
    return f"{VECTORS}/{id}.bin"


def table_data(table: str) -> str:
    """The folder of a table's data files."""
    return f"{DATA}/{table}"


def data_file(table: str, file: str) -> str:
    """A data file."""
    return f"{table_data(table)}/{file}"


def branch(name: str) -> str:
    """The folder that tells which log carries a branch."""
    return f"{BRANCHES}/{encoded(name)}"


def tag(name: str) -> str:
    """The folder that tells which commit a tag names."""
    return f"{TAGS}/{encoded(name)}"


def merge(branch: str) -> str:
    """The folder of the unfinished merges into a branch."""
    return f"{MERGES}/{encoded(branch)}"


def encoded(name: str) -> str:
    """Percent-encoding of a ref name as one part of a path."""
    return "".join(
        chr(byte) if _plain(byte) or (byte == ord(".") and i) else f"%{byte:02X}"
        for i, byte in enumerate(name.encode("utf-8"))
    )


def _plain(byte: int) -> bool:
    return byte < 128 and (chr(byte).isalnum() or chr(byte) in "-_")


def decoded(name: str) -> str:
    """The ref name that `encoded` gave."""
    return unquote(name, errors="strict")


def ref_problem(name: str) -> str | None:
    """Why a name can't be that of a branch or tag, or None if it can: git's rules, and ours."""
    parts = name.split("/")
    forbidden = next((c for c in name if c in _FORBIDDEN), None)
    checks: list[tuple[bool, str]] = [
        (not name, "it is empty"),
        (any(c < " " or c == "\x7f" for c in name), "it holds a control character"),
        (forbidden is not None, f"it holds '{forbidden}'"),
        (not all(parts), "a '/' stands at its start or end, or twice in a row"),
        (any(p.startswith(".") for p in parts), "a part starts with '.'"),
        (any(p.endswith(".lock") for p in parts), "a part ends with '.lock'"),
        (".." in name or name.endswith("."), "it holds '..' or ends with '.'"),
        (name.startswith("-"), "it starts with '-'"),
        (re.fullmatch("[0-9]+", name) is not None, "a number alone means a table version"),
        (_LIKE_A_COMMIT.fullmatch(name) is not None, "it looks like a commit id"),
    ]
    problem = next((reason for wrong, reason in checks if wrong), None)
    if problem is None and len(encoded(name)) > MAX_REF_BYTES:
        problem = f"it is longer than {MAX_REF_BYTES} bytes when percent-encoded"
    return problem


def must_be_unicode(what: str, *texts: str) -> None:
    """Refuses texts with half a surrogate pair, as Python makes of bytes that are no UTF-8.

    Raises:
        ClientInvalidText: for the first of these.
    """
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise error("ANABRANCH_CLIENT.INVALID_TEXT", what=what, text=ascii(text)) from None


def check_ref(name: str) -> None:
    """Refuses what can't be the name of a branch or tag.

    Raises:
        RefInvalidName: with the reason.
        ClientInvalidText: for what is no Unicode.
    """
    must_be_unicode("a name of a ref", name)
    problem = ref_problem(name)
    if problem is not None:
        raise error("ANABRANCH_REF.INVALID_NAME", ref=name, reason=problem)


def check_name(name: Sequence[str]) -> None:
    """Refuses what can't be the name of a table or namespace.

    Raises:
        TableInvalidName: with the part and the reason.
    """
    for part in name:
        problem = _name_problem(part)
        if problem is not None:
            raise invalid_name(part, problem)


def _name_problem(part: str) -> str | None:
    if not part:
        return "it is empty"
    if len(part.encode("utf-8")) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES} bytes"
    if "@" in part:
        return "'@' stands between a table and a ref"
    if any(c < " " or "\x7f" <= c <= "\x9f" for c in part):
        return "it holds a control character"
    return None


def invalid_name(name: str, reason: str) -> AnabranchError:
    """The error for a name that no table can have."""
    return error("ANABRANCH_TABLE.INVALID_NAME", name=name, reason=reason)


def physical_name(name: str, used: Iterable[str]) -> str:
    """A physical name for a new column: its own, or ``name~1``, ``name~2``, … where that was used.

    Without dots, which join the parts of paths.
    """
    taken = {u.lower() for u in used}
    plain = name.replace(".", "~")
    candidate, i = plain, 0
    while candidate.lower() in taken:
        i += 1
        candidate = f"{plain}~{i}"
    return candidate
