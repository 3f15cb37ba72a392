"""Names in statements stay names, whatever is in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import _sql


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("t", ["t"]),
        ("db.t", ["db", "t"]),
        ("`a.b`.t", ["a.b", "t"]),
        ("db.`t@feature/x`", ["db", "t@feature/x"]),
        ("`a``b`", ["a`b"]),
        ("db.odd name", ["db", "odd name"]),
    ],
)
def test_split(name: str, parts: list[str]) -> None:
    assert _sql.split(name) == parts


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b", "`a", "``", "`a`b", "a`b`"])
def test_split_refuses(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a table"):
        _sql.split(name)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_quoted_names_come_back(parts: list[str]) -> None:
    assert _sql.split(".".join(_sql.quote(part) for part in parts)) == parts
    assert _sql.split(_sql.join(parts)) == parts


def test_table() -> None:
    assert _sql.table("lake", "db.t") == "`lake`.`db`.`t`"
    assert _sql.table("lake", ["d.b", "t; DROP TABLE x"]) == "`lake`.`d.b`.`t; DROP TABLE x`"
    for wrong in ([], [""], ["a", ""]):
        with pytest.raises(ValueError, match="empty part"):
            _sql.table("lake", wrong)


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a.b", "a b", "é"])
def test_catalog_names(name: str) -> None:
    assert _sql.check_catalog("lake_2") == "lake_2"
    with pytest.raises(ValueError, match="can't be the name of a catalog"):
        _sql.check_catalog(name)
