"""The probe admits only stores that keep the condition of a create; and faults happen as planned."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError


def test_a_good_store_is_admitted_and_left_clean(store: Any) -> None:
    store.probe("_anabranch", "probe-1")
    assert list(store.list("_anabranch")) == []


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ("PUT * ignore-condition", "a second create of the same name succeeded"),
        ("PUT 2 ignore-condition", "a second create of the same name succeeded"),
        ("PUT 2 replace-but-deny", "replaced the first object"),
    ],
)
def test_an_unsafe_store_is_refused(handles: Any, store: Any, plan: str, reason: str) -> None:
    with pytest.raises(Py4JJavaError) as caught:
        handles.faulty(store, plan).probe("_anabranch", "probe-1")
    error = caught.value.java_exception
    assert error.condition() == "ANABRANCH_REPOSITORY.UNSAFE_STORE"
    assert reason in error.getMessage()
    assert list(store.list("_anabranch")) == []


@pytest.mark.parametrize(
    "plan", ["PUT 1 lose-response", "PUT 2 lose-response", "PUT 1 lose-request", "any * delay-1"]
)
def test_a_lost_answer_does_not_refuse_a_good_store(handles: Any, store: Any, plan: str) -> None:
    handles.faulty(store, plan).probe("_anabranch", "probe-1")
    assert list(store.list("_anabranch")) == []


def test_a_store_that_never_answers(handles: Any, store: Any) -> None:
    with pytest.raises(Py4JJavaError) as caught:
        handles.faulty(store, "PUT * lose-request").probe("_anabranch", "probe-1")
    assert caught.value.java_exception.condition() == "ANABRANCH_REPOSITORY.STORE_FAILED"


@pytest.fixture
def memory(handles: Any) -> Any:
    return handles.memory(uuid.uuid4().hex, False)


@pytest.mark.parametrize(
    ("fault", "outcome", "stored"),
    [("lose-response", "unknown", b"x"), ("lose-request", "unknown", None), ("delay-1", "won", b"x")],
)
def test_faults_of_a_create(
    handles: Any, memory: Any, fault: str, outcome: str, stored: bytes | None
) -> None:
    faulty = handles.faulty(memory, f"PUT 2 {fault}")
    assert faulty.create("a", b"x") == "won"
    assert faulty.create("b", b"x") == outcome
    assert memory.read("b") == stored
    assert faulty.create("c", b"x") == "won"


@pytest.mark.parametrize(("fault", "stored"), [("kill-before", None), ("kill-after", b"x")])
def test_the_dead_send_nothing(handles: Any, memory: Any, fault: str, stored: bytes | None) -> None:
    faulty = handles.faulty(memory, f"any 2 {fault}")
    assert faulty.read("a") is None
    for path in ("a", "b"):
        with pytest.raises(Py4JJavaError, match="Killed"):
            faulty.create(path, b"x")
    assert memory.read("a") == stored
    assert memory.read("b") is None


def test_requests_are_counted(spark: Any, memory: Any) -> None:
    jvm = spark._jvm
    recording = jvm.io.anabranch.test.RecordingStore(memory.store(), 2)
    store = jvm.io.anabranch.test.StoreHandle(recording)
    store.read("_anabranch/log/0/1.json")
    store.create("_anabranch/log/0/1.json", b"x")
    store.create("_anabranch/log/0/1.json", b"x")
    store.read("_anabranch/log/0/1.json")
    kinds = ["GET", "GET miss", "GET hit", "PUT", "PUT won", "LIST"]
    assert [recording.count(kind) for kind in kinds] == [2, 1, 1, 2, 1, 0]
    assert recording.counts().size() == 4
    assert "(PUT won,log) -> 1" in recording.counts().toString()
    assert recording.rounds() == 4
    recording.reset()
    store.race("_anabranch/log/0/2.json", 8, 10)
    assert (recording.total(), recording.count("PUT won")) == (8, 1)
    assert recording.rounds() <= 3
