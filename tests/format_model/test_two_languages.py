"""Two languages, same bytes: the vectors, and random input, through both halves."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anabranch.core.format import values
from anabranch.core.format.canonical import MAX_INTEGER, canonical, salted
from anabranch.core.format.commits import decode_commit
from anabranch.errors import AnabranchError
from format_model import FUNCTIONS
from format_model.functions import describe

Core = Callable[[str, Any], Any]
VECTORS = Path(__file__).parent.parent / "vectors"
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['name']}")
    for file in sorted(VECTORS.glob("*.json"))
    for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
    # Arrow knows no bounds of prefixes: files are read that need not be
    if case["function"] in FUNCTIONS and case["input"].get("where", {}).get("is") != "starts with"
]
texts = st.text(max_size=40)
scalars = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
)
whole = st.integers(-(2**63), 2**63 - 1).map(lambda n: values.Value("whole", n))
decimals = st.decimals(-(10**20), 10**20, places=3).map(lambda d: values.Value("decimal", d))
floats = st.floats().map(lambda x: values.Value("floating", x))
strings = st.text(max_size=80).map(lambda s: values.Value("text", s))
binaries = st.binary(max_size=80).map(lambda b: values.Value("bytes", b))
anything = (
    whole | decimals | floats | strings | binaries | st.booleans().map(lambda b: values.Value("bool", b))
)
pairs = st.one_of(*(st.tuples(kind, kind) for kind in (whole, decimals, floats, strings, binaries)))


def both(core: Core, function: str, given: Any) -> Any:
    """The answer of the core, which is that of the Python half."""
    answer = core(function, given)
    assert FUNCTIONS[function](given) == answer
    return answer


@pytest.mark.parametrize("case", CASES)
def test_the_python_half_agrees_with_every_vector(case: dict[str, Any]) -> None:
    function = FUNCTIONS[case["function"]]
    if "error" in case:
        with pytest.raises(AnabranchError) as caught:
            function(case["input"])
        assert caught.value.condition == case["error"]
        told = caught.value.parameters
        assert {name: told.get(name) for name in case.get("parameters", {})} == case.get("parameters", {})
    else:
        assert function(case["input"]) == case["output"]


@pytest.mark.proves("JSON-1")
@given(tree=trees)
def test_canonical_bytes_of_any_value(core: Core, tree: Any) -> None:
    spelled = json.dumps(tree, indent=random.Random(0).choice([None, 2]))
    assert both(core, "json.canonical", {"text": spelled}).encode("utf-8") == canonical(tree)


@pytest.mark.proves("VAL-1")
@given(value=anything)
@example(values.Value("floating", -0.0))
def test_any_value_is_written_and_read_alike(core: Core, value: values.Value) -> None:
    plain = describe(value)
    encoded = both(core, "value.encode", plain)
    assert both(core, "value.decode", {"value": encoded}) == plain


@pytest.mark.proves("VAL-2")
@given(pair=pairs)
def test_any_two_values_compare_alike(core: Core, pair: tuple[values.Value, values.Value]) -> None:
    both(core, "value.compare", {"a": values.encode(pair[0]), "b": values.encode(pair[1])})


@pytest.mark.proves("STAT-1", "STAT-2")
@given(value=anything)
def test_bounds_stay_bounds(core: Core, value: values.Value) -> None:
    encoded = values.encode(value)
    found = both(core, "stats.bounded", {"min": encoded, "max": encoded, "nulls": 0})
    if "min" in found:
        assert core("value.compare", {"a": found["min"], "b": encoded}) <= 0
    if "max" in found:
        assert core("value.compare", {"a": found["max"], "b": encoded}) >= 0


@pytest.mark.proves("PART-1")
@given(value=whole | decimals | strings | binaries, parameter=st.integers(1, 2**31 - 1))
def test_any_bucket(core: Core, value: values.Value, parameter: int) -> None:
    types = {"whole": "long", "decimal": "decimal(38,3)", "text": "string", "bytes": "binary"}
    given = {"value": values.encode(value), "type": types[value.kind], "parameter": parameter}
    both(core, "transform.apply", given | {"transform": "bucket"})


@pytest.mark.proves("PART-1")
@given(micros=st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_any_time(core: Core, micros: int) -> None:
    for name in ("years", "months", "days", "hours"):
        given = {"transform": name, "value": values.encode(values.Value("whole", micros))}
        both(core, "transform.apply", given | {"type": "timestamp"})


@pytest.mark.proves("DV-1")
@given(positions=st.sets(st.integers(0, 2**36) | st.integers(0, 500) | st.integers(60_000, 70_000)))
def test_any_deletion_vector_is_read_by_both(core: Core, positions: set[int]) -> None:
    written = core("dv.write", {"positions": sorted(positions)})
    assert both(core, "dv.read", {"bytes": written}) == sorted(positions)


salts = st.binary(min_size=16, max_size=16).map(bytes.hex)
string_maps = st.dictionaries(texts, texts, max_size=3)


@st.composite
def written_commits(draw: st.DrawFn) -> dict[str, Any]:
    """Commits as any writer may write them, with members that nobody knows."""
    body = {
        "ordinal": f"{draw(st.integers(0, 2**24 - 1)):06x}",
        "seq": draw(st.integers(0, 2**39 - 1)),
        "parents": [],
        "time": draw(st.integers(0, 2**50)),
        "txn": draw(salts),
        "author": draw(texts),
        "operation": draw(texts),
        "metrics": draw(st.dictionaries(texts, st.integers(0, MAX_INTEGER), max_size=2)),
        "unknown": draw(trees),
    }
    parts: dict[str, tuple[str, Any]] = {
        "message": (draw(salts), draw(st.text(min_size=1, max_size=40))),
        "metadata": (draw(salts), draw(string_maps)),
        "parameters": (draw(salts), draw(string_maps)),
    }
    digests = {name: salted(salt, value) for name, (salt, value) in parts.items()}
    commit = {
        "body": body | {"digests": digests},
        "parts": {name: {"salt": salt, "value": value} for name, (salt, value) in parts.items()},
    }
    for erased in draw(st.sets(st.sampled_from(sorted(parts)))):
        del commit["parts"][erased]
    return commit


@pytest.mark.proves("COM-1", "COM-2", "COM-3")
@given(commit=written_commits())
def test_any_commit_has_one_id(core: Core, commit: dict[str, Any]) -> None:
    answer = both(core, "commit.read", {"written": commit})
    assert answer["id"] == str(decode_commit(commit, "it").id)
    assert [name for name in commit["parts"] if not answer[name]] == [
        name for name, part in commit["parts"].items() if not part["value"]
    ]


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, list[int]]]:
    """Histories: commits in order, each a position and the numbers of its parents."""
    graph: list[tuple[str, list[int]]] = [("000000-0", [])]
    heads = {0: 0}  # log -> number of its newest commit
    for _ in range(draw(st.integers(0, 25))):
        log = draw(st.sampled_from(sorted(heads)))
        what = draw(st.sampled_from(["commit", "fork", "merge"]))
        other = heads[draw(st.sampled_from(sorted(heads)))]
        if what == "fork":
            log = len(heads)
            graph.append((f"{log:06x}-0", [other]))
        else:
            seq = int(graph[heads[log]][0].split("-")[1]) + 1
            parents = [heads[log]] + ([other] if what == "merge" and other != heads[log] else [])
            graph.append((f"{log:06x}-{seq}", parents))
        heads[log] = len(graph) - 1
    return graph


def ancestors(graph: list[tuple[str, list[int]]]) -> list[set[int]]:
    """Of each commit, itself and all that it can reach: by walking, not by vectors."""
    found: list[set[int]] = []
    for number, (_, parents) in enumerate(graph):
        found.append({number}.union(*(found[p] for p in parents)))
    return found


def vector(graph: list[tuple[str, list[int]]], known: set[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for number in known:
        ordinal, seq = graph[number][0].split("-")
        found[ordinal] = max(int(seq), found.get(ordinal, -1))
    return found


def common_positions(a: dict[str, int], b: dict[str, int]) -> list[str]:
    return [f"{o}-{min(a[o], b[o])}" for o in a.keys() & b.keys()]


@pytest.mark.proves("VEC-1", "MRG-1")
@given(graph=graphs(), data=st.data())
def test_merge_bases_by_vectors_are_those_of_the_graph(
    core: Core, graph: list[tuple[str, list[int]]], data: st.DataObject
) -> None:
    reach = ancestors(graph)
    numbers = st.integers(0, len(graph) - 1)
    one, other = data.draw(numbers), data.draw(numbers)
    common = reach[one] & reach[other]
    expected = sorted(graph[n][0] for n in common if not any(n in reach[m] for m in common if m != n))
    vectors = {graph[n][0]: vector(graph, reach[n]) for n in range(len(graph))}
    a, b = vector(graph, reach[one]), vector(graph, reach[other])
    first = [graph[one][0][:6], graph[other][0][:6]]
    given = {"a": a, "b": b, "vectors": {p: vectors[p] for p in common_positions(a, b)}, "first": first}
    assert both(core, "merge.bases", given) == expected


contents = st.sampled_from(["1", "2", "3"])
names = st.sampled_from([["db", "t"], ["db", "u"], ["other", "t"]])
catalogs = st.builds(
    lambda tables, spaces: {
        "tables": tables,
        "namespaces": [{"name": [n], "properties": p} for n, p in spaces.items()],
    },
    st.dictionaries(
        st.sampled_from("abc"), st.fixed_dictionaries({"name": names, "content": contents}), max_size=3
    ),
    st.dictionaries(
        st.sampled_from(["db", "other"]), st.dictionaries(st.sampled_from("xy"), contents, max_size=2)
    ),
)


@pytest.mark.proves("MRG-2")
@given(base=catalogs, ours=catalogs, theirs=catalogs)
def test_any_three_way_merge(core: Core, base: Any, ours: Any, theirs: Any) -> None:
    answer = both(core, "merge.three_way", {"base": base, "ours": ours, "theirs": theirs})
    swapped = core("merge.three_way", {"base": base, "ours": theirs, "theirs": ours})
    assert swapped["merged"]["tables"] == answer["merged"]["tables"], "no side comes first"
