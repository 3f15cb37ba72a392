"""Random statements on random tables: Anabranch, Delta and DuckDB must tell the same rows after each one.

DuckDB is quick, so it sees most histories; Delta runs in a session of its own, since its jars must be on the
classpath from the start. `pytest --histories 500` draws 500 new histories for each.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from s3.server import Unavailable
from s3.session import RemoteSession, remote_session

from rows import lineage, peer
from rows.statements import (
    DUCK_MACRO,
    Columns,
    duck,
    plain,
    rows,
    spark,
    statements,
    tables,
    unsigned,
    values,
)
from rows.tables import MODES, in_mode

if TYPE_CHECKING:
    from conftest import Lake

ROOT = Path(__file__).resolve().parents[2]
HISTORIES_WITH_DELTA = 3  # without --histories; a statement takes Delta more than a second
STATEMENTS_WITH_DELTA = 3
STATEMENTS = 8
TAILS = [
    "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')",
    "TBLPROPERTIES ('anabranch.write.inline-rows' = '2')",
    "",
    "PARTITIONED BY (k) TBLPROPERTIES ('anabranch.write.inline-rows' = '0')",
    "PARTITIONED BY (bucket(3, k)) TBLPROPERTIES ('anabranch.write.inline-rows' = '0')",
]
_numbers = itertools.count(1)


def tails(columns: Columns) -> st.SearchStrategy[str]:
    """What ends a CREATE TABLE, in either mode of writing."""
    bucketable = columns.kinds["k"] != "DOUBLE"
    forms = st.sampled_from([t for t in TAILS if bucketable or "bucket" not in t])
    return st.tuples(forms, st.sampled_from(MODES)).map(lambda t: in_mode(f"CREATE TABLE  {t[0]}", t[1])[13:])


@given(data=st.data())
def test_duckdb_tells_the_same(new_lake: Callable[..., Lake], data: st.DataObject) -> None:
    lake = new_lake()
    columns = data.draw(tables())
    tail = data.draw(tails(columns))
    table = f"{lake.name}.default.t"
    start = f"INSERT INTO {{t}} {values(data.draw(rows(columns, 2, 6)))}"
    with duckdb.connect() as other:
        other.execute(DUCK_MACRO)
        other.execute(duck(f"CREATE TABLE t ({columns.ddl})", "t", columns))
        lake.sql(f"CREATE TABLE {table} ({columns.ddl}) {tail}")
        note(f"CREATE TABLE t ({columns.ddl}) {tail}")
        for n in range(data.draw(st.integers(1, STATEMENTS))):
            statement = (
                data.draw(statements(columns, "PARTITIONED" not in tail, all_forms=True)) if n else start
            )
            note(spark(statement, "t"))
            lake.sql(spark(statement, table))
            other.execute(duck(statement, "t", columns))
            ours = lake.rows(f"SELECT {columns.select('unix_micros')} FROM {table}")
            theirs = other.execute(f"SELECT {columns.select('epoch_us')} FROM t").fetchall()
            assert sorted(map(unsigned, ours)) == sorted(map(unsigned, theirs)), statement
    lineage.check(lake.rows, lake.name, lake.path)


@pytest.fixture(scope="session")
def beside_delta(jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RemoteSession, Path]]:
    """A session that has Anabranch as catalog ``lake``, in a folder, and Delta as ``spark_catalog``."""
    try:
        jars = peer.delta_jars(ROOT / ".cache")
    except Unavailable as e:
        pytest.skip(str(e))
    folder = tmp_path_factory.mktemp("delta")
    shared = {
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.ui.enabled": "false",
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC",
    }
    repository = folder / "lake"
    with remote_session(
        repository.as_uri(), {**shared, **peer.SETTINGS}, jars, folder / "spark.log"
    ) as session:
        yield session, repository


def test_delta_tells_the_same(beside_delta: tuple[RemoteSession, Path], pytestconfig: pytest.Config) -> None:
    session, repository = beside_delta
    histories = pytestconfig.getoption("--histories") or HISTORIES_WITH_DELTA

    @settings(max_examples=histories)
    @given(data=st.data())
    def history(data: st.DataObject) -> None:
        number = next(_numbers)
        columns = data.draw(tables())
        tail = data.draw(tails(columns))
        ours, theirs = f"lake.default.t{number}", f"spark_catalog.default.t{number}"
        session.rows(f"CREATE TABLE {ours} ({columns.ddl}) {tail}")
        session.rows(f"CREATE TABLE {theirs} ({columns.ddl}) USING delta")
        note(f"CREATE TABLE t ({columns.ddl}) {tail}")
        start = f"INSERT INTO {{t}} {values(data.draw(rows(columns, 2, 6)))}"
        for n in range(data.draw(st.integers(2, STATEMENTS_WITH_DELTA + 1))):
            statement = data.draw(statements(columns, "PARTITIONED" not in tail)) if n else start
            note(spark(statement, "t"))
            found = []
            for table in (ours, theirs):
                session.rows(spark(statement, table))
                found.append(session.rows(f"SELECT {columns.select('unix_micros')} FROM {table}"))
            assert sorted(plain(tuple(r)) for r in found[0]) == sorted(plain(tuple(r)) for r in found[1]), (
                statement
            )
        lineage.check(session.rows, "lake", repository, only=f"default.t{number}")

    history()
