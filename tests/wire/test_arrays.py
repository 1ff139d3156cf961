"""Elements of a JSON array do not depend on how its bytes arrive."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.wire.arrays import ArrayCutter, ItemTooLong

CASES: list[tuple[bytes, list[bytes]]] = [
    (b"", []),
    (b"  ", []),
    (b"[]", []),
    (b" [ ] ", []),
    (b'[{"a":1}]', [b'{"a":1}']),
    (b' [ {"a":1} ,\r\n{"b":[1,2]}\n]\n', [b'{"a":1}', b'{"b":[1,2]}']),
    (b'[{"a":"]}\\"[,"},{"b":"\\\\"}]', [b'{"a":"]}\\"[,"}', b'{"b":"\\\\"}']),
    (b'[1,"a,b",null,[2,3]]', [b"1", b'"a,b"', b"null", b"[2,3]"]),
    (b'[{"a":1},{"b"', [b'{"a":1}']),
    (b'{"a":[1,{"b":"}"}]}', [b'{"a":[1,{"b":"}"}]}']),
    (b' {"a":1} {"b":2}', [b'{"a":1}']),
    (b'[{"a":1}] [{"b":2}]', [b'{"a":1}']),
    (b"[,{}]", [b"{}"]),
    (b"<html>[1]</html>", []),
]


def fed(sent: bytes, step: int) -> list[bytes]:
    cutter = ArrayCutter(1000)
    return [item for at in range(0, len(sent), step) for item in cutter.feed(sent[at : at + step])]


@pytest.mark.parametrize(("sent", "items"), CASES)
@pytest.mark.parametrize("step", [1, 2, 3, 4096])
def test_elements_do_not_depend_on_how_bytes_arrive(sent: bytes, items: list[bytes], step: int) -> None:
    assert fed(sent, step) == items


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(values, max_size=6), st.booleans(), st.data())
def test_any_split_of_any_array_gives_its_elements(items: list[object], spaced: bool, data: st.DataObject) -> None:
    sent = json.dumps(items, indent=2 if spaced else None, ensure_ascii=data.draw(st.booleans())).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    cutter = ArrayCutter(1_000_000)
    got = [json.loads(item) for a, b in pairwise([0, *cuts, len(sent)]) for item in cutter.feed(sent[a:b])]
    assert got == items
    assert cutter.ended
    assert not cutter.is_alien


@given(st.text(alphabet='[]{},"\\a1 ', max_size=40), st.data())
def test_any_split_of_anything_gives_the_same(text: str, data: st.DataObject) -> None:
    sent = text.encode()
    cut = data.draw(st.integers(0, len(sent)))
    limit = data.draw(st.integers(1, 20))
    assert outcome([sent[:cut], sent[cut:]], limit) == outcome([sent], limit)


def outcome(pieces: list[bytes], limit: int) -> tuple[list[bytes], bool]:
    cutter, items = ArrayCutter(limit), []
    for piece in pieces:
        try:
            items += cutter.feed(piece)
        except ItemTooLong as exc:
            return items + exc.finished, True
    return items, False


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_an_element_over_the_limit_raises_and_gives_those_before(step: int) -> None:
    sent = b'[{"a":1},"' + b"x" * 100 + b'"]'
    pieces = [sent[at : at + step] for at in range(0, len(sent), step)]
    assert outcome(pieces, 50) == ([b'{"a":1}'], True)
    assert outcome(pieces, 102) == ([b'{"a":1}', b'"' + b"x" * 100 + b'"'], False)


@pytest.mark.parametrize("step", [997, 10**6])
def test_an_array_nested_beyond_use_is_given_up(step: int) -> None:
    sent = b'[{"a":1},' + b"[" * 100_000
    cutter = ArrayCutter(10**6)
    assert [item for at in range(0, len(sent), step) for item in cutter.feed(sent[at : at + step])] == [b'{"a":1}']
    assert cutter.ended
    assert cutter.is_alien


def test_what_is_no_array_says_so_and_takes_no_memory() -> None:
    cutter = ArrayCutter(10)
    assert cutter.feed(b"event: x") == []
    assert cutter.is_alien
    assert cutter.feed(b"y" * 1000) == []
