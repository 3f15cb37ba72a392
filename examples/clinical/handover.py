"""From Spark to the process without it: what Spark's settings say about the store, in the client's words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

PROGRAM = Path(__file__).with_name("without_spark.py")
_SECRETS = {
    "access.key": "AWS_ACCESS_KEY_ID",
    "secret.key": "AWS_SECRET_ACCESS_KEY",
    "session.token": "AWS_SESSION_TOKEN",
}


def command(repository: str, tag: str, conf: Mapping[str, str], into: Path) -> list[str]:
    """The command line that looks at a repository without Spark; no secret stands in it."""
    options = storage_options(repository, conf)
    told = [part for key, value in options.items() for part in ("--option", f"{key}={value}")]
    return [sys.executable, str(PROGRAM), repository, tag, "--into", str(into), *told]


def environment(repository: str, conf: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with the credentials that Spark was given by its settings."""
    known = {variable: _s3a(repository, conf, name) for name, variable in _SECRETS.items()}
    return {**os.environ, **{variable: value for variable, value in known.items() if value}}


def storage_options(repository: str, conf: Mapping[str, str]) -> dict[str, str]:
    """What `anabranch.open` has to know of Spark's settings for S3; nothing for other stores."""
    endpoint = _s3a(repository, conf, "endpoint")
    options = {}
    if endpoint:
        plain = _s3a(repository, conf, "connection.ssl.enabled") == "false"
        url = endpoint if "://" in endpoint else f"{'http' if plain else 'https'}://{endpoint}"
        options["endpoint"] = url
        if url.startswith("http://"):
            options["allow_http"] = "true"
    region = _s3a(repository, conf, "endpoint.region") or ("us-east-1" if endpoint else None)
    if region:
        options["region"] = region
    if "Anonymous" in (_s3a(repository, conf, "aws.credentials.provider") or ""):
        options["skip_signature"] = "true"
    return options


def _s3a(repository: str, conf: Mapping[str, str], name: str) -> str | None:
    """A setting of hadoop-aws; one for the bucket counts before one for all."""
    place = urlsplit(repository)
    if place.scheme not in ("s3", "s3a", "s3n"):
        return None
    start = "spark.hadoop.fs.s3a"
    return conf.get(f"{start}.bucket.{place.netloc}.{name}") or conf.get(f"{start}.{name}")


def look_without_spark(repository: str, tag: str, conf: Mapping[str, str], into: Path) -> None:
    """Runs without_spark.py, which goes on telling the story.

    Raises:
        SystemExit: if it fails; it has said why.
    """
    run = subprocess.run(
        command(repository, tag, conf, into), env=environment(repository, conf), check=False, timeout=600
    )
    if run.returncode != 0:
        raise SystemExit(run.returncode)
