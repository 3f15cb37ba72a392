"""The store on S3: what it promises, how many HTTP requests that costs, and what failures turn into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError

from s3.server import Proxy


def test_create_read_size_delete(store: Any) -> None:
    assert store.root().startswith("s3a://lake/")
    assert store.read("log/a") is None
    assert store.size("log/a") == -1
    assert store.create("log/a", b"one") == "won"
    assert store.create("log/a", b"two") == "lost"
    assert store.read("log/a") == b"one"
    assert store.size("log/a") == 3
    store.delete("log/a")
    store.delete("log/a")
    assert store.read("log/a") is None


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_sizes(store: Any, size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    assert store.create("a", content) == "won"
    assert store.read("a") == content


def test_list_in_order_with_limit(store: Any) -> None:
    assert store.listsInOrder()
    names = [f"{i:04d}" for i in range(5)]
    for name in reversed(names):
        store.create(f"log/{name}", b"x")
    store.create("log/sub/x", b"x")
    assert list(store.list("log", 3)) == [f"log/{n} 1" for n in names[:3]]
    assert list(store.list("log")) == [f"log/{n} 1" for n in names]
    assert list(store.folders("")) == ["log"]
    assert list(store.folders("log")) == ["sub"]
    assert list(store.list("nowhere")) == []


@pytest.mark.parametrize("name", ["a b", "100%25", "é:ü", "x=1+2", "feature%2Fa", "~1"])
def test_names_are_taken_literally(store: Any, name: str) -> None:
    assert store.create(f"refs/{name}/1", b"x") == "won"
    assert list(store.folders("refs")) == [name]
    assert list(store.list(f"refs/{name}")) == [f"refs/{name}/1 1"]
    assert store.read(f"refs/{name}/1") == b"x"


def test_exactly_one_of_racing_creates_wins(store: Any) -> None:
    for turn in range(5):
        outcomes = list(store.race(f"log/{turn}", 8, 5000))
        assert sorted(outcomes) == ["lost"] * 7 + ["won"]
        assert store.read(f"log/{turn}") == str(outcomes.index("won")).encode() * 5000


def test_the_probe_admits_it(store: Any) -> None:
    store.probe("_anabranch", "probe-1")
    assert list(store.list("_anabranch")) == []


def test_requests_of_each_method(store: Any, proxy: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    """The price list. A dearer one is a regression; a cheaper one is to be entered here."""
    methods: list[tuple[str, Callable[[], Any], dict[str, int]]] = [
        ("createIfAbsent, won", lambda: store.create("log/a", b"x"), {"PUT 200": 1}),
        ("createIfAbsent, lost", lambda: store.create("log/a", b"y"), {"PUT 412": 1}),
        ("read, missing", lambda: store.read("log/b"), {"HEAD 404": 1}),
        ("read, found", lambda: store.read("log/a"), {"HEAD 200": 1, "GET 206": 1}),
        ("size, found", lambda: store.size("log/a"), {"HEAD 200": 1}),
        ("size, missing", lambda: store.size("log/b"), {"HEAD 404": 1, "LIST 200": 1}),
        ("list, limit 1", lambda: store.list("log", 1), {"LIST 200": 1}),
        ("list, no such folder", lambda: store.list("none", 1), {"LIST 200": 2, "HEAD 404": 1}),
        ("folders", lambda: store.folders(""), {"LIST 200": 1}),
        ("delete", lambda: store.delete("log/a"), {"DELETE 204": 1}),
    ]
    store.read("warm-up")
    prices: dict[str, dict[str, int]] = {}
    for name, call, _ in methods:
        proxy.reset()
        call()
        prices[name] = dict(proxy.kinds())
    with capsys.disabled():
        print("\nHTTP requests of each method of the store on S3:")
        for name, price in prices.items():
            print(f"  {name:22} {sum(price.values())}  {', '.join(f'{n} x {k}' for k, n in price.items())}")
    assert prices == {name: price for name, _, price in methods}


def test_a_lost_answer_is_no_false_win(store: Any, proxy: Proxy) -> None:
    """S3A repeats the request and then loses against itself: the caller must read the object back."""
    proxy.lose_responses = 1
    assert store.create("log/a", b"x") in ("lost", "unknown")
    assert store.read("log/a") == b"x"


@pytest.mark.parametrize("status", [409, 500, 503])
def test_unclear_answers_are_unknown(store: Any, proxy: Proxy, status: int) -> None:
    proxy.refuse["PUT"] = status
    assert store.create("log/a", b"x") == "unknown"
    proxy.reset()
    assert store.read("log/a") is None


@pytest.mark.parametrize(
    ("status", "condition"),
    [(400, "STORE_FAILED"), (403, "NO_PERMISSION"), (404, "STORE_FAILED"), (501, "UNSAFE_STORE")],
)
def test_clear_refusals(store: Any, proxy: Proxy, status: int, condition: str) -> None:
    proxy.refuse["PUT"] = status
    with pytest.raises(Py4JJavaError) as caught:
        store.create("log/a", b"x")
    assert caught.value.java_exception.condition() == f"ANABRANCH_REPOSITORY.{condition}"


def test_no_permission_to_read(store: Any, proxy: Proxy) -> None:
    proxy.refuse.update({"HEAD": 403, "GET": 403, "DELETE": 403})
    for request in (store.read, store.size, store.list, store.delete):
        with pytest.raises(Py4JJavaError) as caught:
            request("log/a")
        assert caught.value.java_exception.condition() == "ANABRANCH_REPOSITORY.NO_PERMISSION"


def test_a_disabled_condition_is_refused(s3_jvm: Any, s3_configuration: Any) -> None:
    configuration = s3_jvm.org.apache.hadoop.conf.Configuration(s3_configuration)
    configuration.set("fs.s3a.create.conditional.enabled", "false")
    configuration.set("fs.s3a.impl.disable.cache", "true")
    store = s3_jvm.io.anabranch.test.StoreHandle.open("s3a://lake/unsafe", configuration)
    with pytest.raises(Py4JJavaError) as caught:
        store.create("a", b"x")
    assert caught.value.java_exception.condition() == "ANABRANCH_REPOSITORY.UNSAFE_STORE"
