"""docs/sql.md has each statement as the parser knows it, with the columns of its result, and its examples run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from docs.pages import read, statements

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PAGE = "docs/sql.md"


@dataclass(frozen=True)
class Entry:
    """A statement as the page has it."""

    usage: str
    columns: list[str]

    @property
    def opening(self) -> str:
        """Its first words, which tell it from all others."""
        words = re.sub(r"\[[^]]*\]", "", self.usage).split()
        first = next(i for i, w in enumerate([*words, "."]) if not w.replace("|", "").isupper())
        return " ".join(w.split("|")[0] for w in words[:first])


def entries() -> Iterator[Entry]:
    for block in re.findall(r"(?:^    .+\n)+", read(PAGE), re.MULTILINE):
        usage, _, columns = " ".join(block.split()).partition(" -> ")
        yield Entry(usage, columns.split(", ") if columns else [])


ENTRIES = list(entries())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.opening)
def test_a_statement_is_what_the_parser_says_of_it(spark: SparkSession, entry: Entry, refused: Any) -> None:
    with refused("ANABRANCH_SQL.SYNTAX", f"The statement reads: {entry.usage}"):
        spark.sql(f"{entry.opening} %")


def test_the_examples_run_and_return_these_columns(new_lake: Any, spark: SparkSession) -> None:
    lake, shown = new_lake(), set()
    before = spark.catalog.currentCatalog()
    try:
        for statement in statements(PAGE):
            found = spark.sql(re.sub(r"\blake\b", lake.name, statement))
            found.collect()
            for entry in ENTRIES:
                if statement.startswith(entry.opening):
                    shown.add(entry.opening)
                    more = re.search(" DRY RUN| KEEP CONFLICTS| GRAPH", statement)
                    columns = [c for c in found.columns if not more or c in entry.columns]
                    assert columns == entry.columns, statement
    finally:
        spark.catalog.setCurrentCatalog(before)
    assert shown == {entry.opening for entry in ENTRIES}
    left = lake.rows("SELECT id, string(price) FROM {lake}.shop.orders WHERE item = 'ink' ORDER BY id")
    assert left == [(2, "7.20"), (7, "7.00")]


def test_all_procedures_are_there_with_their_arguments(new_lake: Any, spark: Any) -> None:
    lake, jvm = new_lake(), spark._jvm
    catalog = spark._jsparkSession.sessionState().catalogManager().catalog(lake.name)

    def arguments(name: str) -> str:
        namespace = spark._sc._gateway.new_array(jvm.String, 1)
        namespace[0] = "system"
        ident = jvm.org.apache.spark.sql.connector.catalog.Identifier.of(namespace, name)
        found = catalog.loadProcedure(ident).bind(None).parameters()
        return ", ".join(
            f"`{p.name()}`" + (f" = {p.defaultValue().getSql()}" if p.defaultValue() else "") for p in found
        )

    names = [row[-1] for row in lake.rows("SHOW PROCEDURES IN {lake}.system")]
    told = re.findall(r"^\| `(\w+)` \| (.*?) \|", read(PAGE).partition("## Procedures")[2], re.MULTILINE)
    assert sorted(told) == sorted((name, arguments(name)) for name in names)
