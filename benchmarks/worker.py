"""A process with a Spark session of one system, which carries out steps on request.

Requests come as lines of JSON, `{"step": name, "args": {...}}`; each is answered by one line,
`{"result": …}` or `{"error": text}`. So the systems can be measured in turns, with warm sessions.

    python worker.py NAME FOLDER CONF      CONF: a JSON object of Spark settings
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main(name: str, folder: str, conf: dict[str, str]) -> None:
    # answers go to what stdout was; whatever else is printed, by Spark's start for one, goes to stderr
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from engines import ENGINES
    from pyspark.sql import SparkSession
    from steps import Steps

    builder = SparkSession.builder.appName(f"benchmark-{name}")
    for key, value in conf.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    steps = Steps(ENGINES[name](spark, Path(folder)))
    print(json.dumps({"result": spark.version}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(steps, json.loads(line))), file=answers, flush=True)
    spark.stop()


def answer(steps: Any, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": getattr(steps, request["step"])(**request["args"])}
    except Exception as e:  # the other side decides what a failure means
        traceback.print_exc()
        return {"error": f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
