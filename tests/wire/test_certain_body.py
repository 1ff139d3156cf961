"""What a body asks for is certain only where everybody must read the same out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.wire.body import is_certain, read_fields

CERTAIN = [
    b"{}",
    b'{"model":"m"}',
    b'{"model":"m","stream":true}',
    b'{"model":null,"stream":null}',
    b'{ "stream" : false , "model" : "m\\u00e9" }',
    b'{"model":"m","metadata":{"model":"x","stream":1},"tools":[{"model":{"model":2}}]}',
    b'{"metadata":{"model":"x"},"model":"m","a":{"stream":true}}',
    b'{"model":"m","messages":[{"content":"say \\"model\\": and \\"stream\\":"}]}',
    b'{"messages":"\xff","model":"m"}',
    b'{"metadata":{"model":"x"}}',
]
UNCERTAIN = [
    b"",
    b"[]",
    b'{"model":"m"',
    b'\xef\xbb\xbf{"model":"m"}',
    b'{"model":"a","model":"b"}',
    b'{"model":"a","model":"a"}',
    b'{"model":"a","mod\\u0065l":"b"}',
    b'{"mod\\u0065l":"b"}',
    b'{"model":"a","x":{"model":"c"},"model":"b"}',
    b'{"stream":true,"stream":false,"model":"m"}',
    b'{"stream":true,"str\\u0065am":false}',
    b'{"model":7}',
    b'{"model":["m"]}',
    b'{"model":""}',
    b'{"model":"m","stream":"true"}',
    b'{"model":"m","stream":1}',
    b'{"model":"' + b"x" * 2000 + b'"}',
    b'{"model":"m","a":' + b"[" * 100_000,
    b'{"model":"m","a":"\\ud800"}',
]


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("body", CERTAIN)
def test_one_meaning_is_certain(body: bytes, kind: type) -> None:
    assert is_certain(kind(body))


@pytest.mark.parametrize("body", UNCERTAIN)
def test_more_than_one_meaning_is_not(body: bytes) -> None:
    assert not is_certain(body)


def _object(members: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f'"{name}":{value}' for name, value in members) + "}"


def _array(items: list[str]) -> str:
    return f"[{','.join(items)}]"


NAMES = st.sampled_from(["model", "stream", "mod\\u0065l", "messages", "MODEL"])
VALUES = st.recursive(
    st.sampled_from(['"m"', '"n"', "true", "false", "null", "1", '"\\"model\\":"']),
    lambda inner: st.lists(st.tuples(NAMES, inner), max_size=3).map(_object) | st.lists(inner, max_size=2).map(_array),
    max_leaves=6,
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=5))
def test_it_agrees_with_a_parser_that_keeps_what_stands_twice(members: list[tuple[str, str]]) -> None:
    text = _object(members)
    top: list[tuple[str, Any]] = []  # Any: JSON

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: JSON
        top[:] = pairs  # the outermost object is the last one to end
        return dict(pairs)

    json.loads(text, object_pairs_hook=keep)
    said = [[value for name, value in top if name == wanted] for wanted in ("model", "stream")]
    if is_certain(text.encode()):
        assert all(len(values) < 2 for values in said)
        fields = read_fields(text.encode())
        assert [fields.model] == (said[0] or [None])
        assert [fields.streamed] == (said[1] or [None])
    else:
        is_odd = any(len(values) > 1 for values in said) or "\\u0065" in text
        is_odd = is_odd or any(not isinstance(value, str | None) for value in said[0])
        assert is_odd or any(not isinstance(value, bool | None) for value in said[1])
