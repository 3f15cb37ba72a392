"""The input: TPC-H's lineitem with a unique id, as plain Parquet."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import duckdb
from peers import environment

FILES = 8
TOOL = "tpchgen-cli==4.0.0"


def lineitem(cache: Path, scale: float) -> Path:
    """A folder with lineitem at a scale factor (1 is 6,001,215 rows) as 8 files in order of `id`.

    Made once, and kept in `cache`.
    """
    folder = cache / "data" / f"lineitem-{scale:g}"
    if (folder / "_SUCCESS").is_file():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"generating lineitem at scale {scale:g} …", flush=True)
    tool = environment(cache / "tpchgen", TOOL).parent / "tpchgen-cli"
    command = [str(tool), "parquet", "-s", f"{scale:g}", "--tables", "lineitem"]
    raw = folder / "_raw"
    subprocess.run([*command, "--output-dir", str(raw)], check=True)
    with duckdb.connect() as db:
        db.execute("SET preserve_insertion_order = true")
        db.execute(
            "CREATE TABLE lineitem AS SELECT row_number() OVER () - 1 AS id, * FROM read_parquet(?)",
            [str(raw / "**" / "*.parquet")],
        )
        [[rows]] = db.execute("SELECT count(*) FROM lineitem").fetchall()
        for i in range(FILES):
            low, high = rows * i // FILES, rows * (i + 1) // FILES
            db.execute(
                f"COPY (SELECT * FROM lineitem WHERE id >= {low} AND id < {high} ORDER BY id) "
                f"TO '{folder}/part-{i}.parquet' (FORMAT parquet, COMPRESSION snappy)"
            )
    shutil.rmtree(raw)
    (folder / "_SUCCESS").touch()
    return folder
