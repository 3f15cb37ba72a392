"""Names of refs, tables, columns and objects: sections 1, 3, 4 and 9 of SPEC.md."""

from __future__ import annotations

import re

from .canonical import Refused

TOP = 999_999_999_999
PLAIN = re.compile(rb"[A-Za-z0-9_-]")


def encoded(name: str) -> str:
    data = name.encode("utf-8")
    return "".join(
        chr(b) if PLAIN.match(bytes([b])) or (b == ord(".") and i) else f"%{b:02X}"
        for i, b in enumerate(data)
    )


def numbered(folder: str, number: int) -> str:
    return f"{folder}/{TOP - number:012d}.json"


def number_of(path: str) -> int | None:
    name = path.rsplit("/", 1)[-1]
    return TOP - int(name[:12]) if re.fullmatch(r"[0-9]{12}\.json", name) else None


def object_of(kind: str, position: str) -> str:
    ordinal, seq = position.split("-")
    return numbered(f"_anabranch/{kind}/{ordinal}", int(seq))


def parse_position(text: str) -> str | None:
    found = re.fullmatch(r"[0-9a-f]{6}-(0|[1-9][0-9]*)", text, re.ASCII)
    return text if found and int(found[1]) < 2**39 else None


def parse_commit_id(text: str) -> str | None:
    place, _, digest = text.rpartition("-")
    return text if parse_position(place) and re.fullmatch(r"[0-9a-f]{64}", digest) else None


def packed(position: str) -> int:
    ordinal, seq = position.split("-")
    return int(ordinal, 16) << 39 | int(seq)


def unpacked(number: int) -> str:
    return f"{number >> 39:06x}-{number & (1 << 39) - 1}"


def physical(name: str, used: list[str]) -> str:
    taken = {u.lower() for u in used}
    candidate, i = name, 0
    while candidate.lower() in taken:
        i += 1
        candidate = f"{name}~{i}"
    return candidate


def ref_allowed(name: str) -> bool:
    """The rules of git-check-ref-format, and ours."""
    parts = name.split("/")
    return not (
        any(not p or p.startswith(".") or p.endswith(".lock") for p in parts)
        or ".." in name
        or name.endswith(".")
        or name.startswith("-")
        or any(c < " " or c == "\x7f" or c in " ~^:?*[\\@`'\"" for c in name)
        or len(encoded(name)) > 200
        or re.fullmatch(r"[0-9]+", name)
        or re.fullmatch(r"[0-9a-f]{6}-[0-9]+(-[0-9a-f]*)?", name)
    )


def check_name(parts: list[str]) -> bool:
    for part in parts:
        control = any(c < " " or "\x7f" <= c <= "\x9f" for c in part)
        if not part or control or "@" in part or len(part.encode("utf-8")) > 255:
            raise Refused(part)
    return True
