"""A writer without Spark, as `tests/scala/CommitStorm.scala` is one in a JVM: native_writer.py root table writer commits."""

from __future__ import annotations

import sys

import anabranch


def main(root: str, name: str, writer: int, commits: int) -> None:
    repository = anabranch.open(root, author=f"writer-{writer}")
    for number in range(commits):
        with repository.transaction() as tx:
            tx.table(name).append({"writer": [writer], "number": [number]})
            print("ready", flush=True)
            sys.stdin.readline()
        print(tx.commit, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
