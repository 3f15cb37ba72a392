"""What is in the pages of the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def read(page: str) -> str:
    """The text of a page, by its path in the repository."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """The code of that language in a page, block by block."""
    return re.findall(rf"^```{language}\n(.*?)^```", read(page), re.MULTILINE | re.DOTALL)


def statements(page: str) -> Iterator[str]:
    """The statements of the SQL in a page."""
    for block in blocks(page, "sql"):
        for statement in re.sub(r" --.*", "", block).split(";"):
            if statement.strip():
                yield statement.strip()
