"""Tells what happens, in plain text that fits a terminal of 110 columns."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence

_LABEL = 24


class Story:
    """Prints chapters with the seconds that they took."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._number = 0

    @property
    def seconds(self) -> float:
        """Since the story began."""
        return time.monotonic() - self._began

    def chapter(self, title: str) -> None:
        self._number += 1
        print(f"\n{self._number}. {title}  [{self.seconds:.0f} s]", flush=True)

    def fact(self, label: str, text: str) -> None:
        print(f"   {label:<{_LABEL}} {text}", flush=True)

    def statement(self, sql: str) -> None:
        """A statement that the reader could type as well."""
        print(textwrap.fill(sql, 105, initial_indent="   > ", subsequent_indent="     "), flush=True)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Columns as wide as they need to be; numbers to the right, with separators."""
        texts = [[_cell(value) for value in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]
        right = [all(isinstance(row[i], int) for row in rows) for i in range(len(heads))]
        for line in ([list(heads)], texts):
            for row in line:
                cells = (
                    f"{text:>{width}}" if to_right else f"{text:<{width}}"
                    for text, width, to_right in zip(row, widths, right, strict=True)
                )
                print("   " + "  ".join(cells).rstrip(), flush=True)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
