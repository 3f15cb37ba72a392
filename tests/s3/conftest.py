"""Fixtures of the S3 tests: a server, a counting proxy before it, and a JVM of their own with hadoop-aws.

That JVM has no Spark session and is only started for these tests: hadoop-aws brings 600 MB, which no other
test should load.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import py4j.java_gateway
import py4j.protocol
import pytest
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

import build
from s3 import server
from s3.session import RemoteSession, remote_session

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def aws_jars() -> list[Path]:
    try:
        return server.hadoop_aws_jars(ROOT / ".cache")
    except server.Unavailable as e:
        pytest.skip(str(e))


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an S3 server with the bucket server.BUCKET."""
    try:
        running = server.weed(tmp_path_factory.mktemp("weed"))
        endpoint = running.__enter__()
    except server.Unavailable as e:
        pytest.skip(str(e))
    try:
        yield endpoint
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def s3_proxy(s3_server: str) -> Iterator[server.Proxy]:
    with server.counting_proxy(s3_server) as proxy:
        yield proxy


@pytest.fixture
def proxy(s3_proxy: server.Proxy) -> Iterator[server.Proxy]:
    """The proxy, with nothing recorded and nothing broken."""
    s3_proxy.reset()
    yield s3_proxy
    s3_proxy.reset()


@pytest.fixture(scope="session")
def s3_jvm(aws_jars: list[Path], jar: Path, test_jar: Path) -> Iterator[Any]:
    jars = server.pyspark_jars()
    classpath = os.pathsep.join([str(jars / "*"), *map(str, [jar, test_jar, *aws_jars])])
    port = launch_gateway(
        classpath=classpath,
        die_on_exit=True,
        jarpath=str(next(jars.glob("py4j-*.jar"))),
        java_path=str(build.find_java()),
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auto_convert=True))
    yield gateway.jvm
    gateway.shutdown()


@pytest.fixture(autouse=True)
def exceptions_of_their_own_jvm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a Spark session was made, pyspark asks its own JVM about the exceptions of any other, which it doesn't have."""
    monkeypatch.setattr(py4j.java_gateway, "get_return_value", py4j.protocol.get_return_value)


@pytest.fixture(scope="session")
def s3_configuration(s3_jvm: Any, s3_proxy: server.Proxy) -> Any:
    """A Hadoop configuration that reaches the server through the proxy."""
    configuration = s3_jvm.org.apache.hadoop.conf.Configuration()
    for name, value in server.s3a_settings(s3_proxy.endpoint).items():
        configuration.set(name, value)
    return configuration


@pytest.fixture
def store(s3_jvm: Any, s3_configuration: Any, proxy: server.Proxy) -> Any:
    """An empty store in the bucket, as tests/scala/StoreHandle.scala."""
    location = f"s3://{server.BUCKET}/{uuid.uuid4().hex}"
    return s3_jvm.io.anabranch.test.StoreHandle.open(location, s3_configuration)


@pytest.fixture(scope="session")
def s3_location() -> str:
    """The repository of `s3_session`."""
    return f"s3a://{server.BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def s3_session(
    s3_server: str,
    aws_jars: list[Path],
    jar: Path,
    s3_location: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RemoteSession]:
    """A Spark session in a process of its own, set up by `anabranch.configure` on a new repository."""
    folder = tmp_path_factory.mktemp("s3-session")
    settings = {f"spark.hadoop.{key}": value for key, value in server.s3a_settings(s3_server).items()}
    settings |= {
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC",
    }
    with remote_session(s3_location, settings, aws_jars, folder / "spark.log") as session:
        yield session
