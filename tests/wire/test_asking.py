"""Usage is asked for with one insertion, or not at all; no other byte of the request changes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.wire.body import ask_for_usage

ASKED = b'"stream_options":{"include_usage":true},'

CASES: list[tuple[bytes, bytes | None]] = [
    (b'{"stream":true}', b"{" + ASKED + b'"stream":true}'),
    (b' {\n "model":"m", "stream" : true }\n', b" {" + ASKED + b'\n "model":"m", "stream" : true }\n'),
    (b'{"a":{"stream_options":1},"stream":true}', b"{" + ASKED + b'"a":{"stream_options":1},"stream":true}'),
    (b'{"a":"\\"stream_options\\":1","stream":true}', b"{" + ASKED + b'"a":"\\"stream_options\\":1","stream":true}'),
    (b'{"stream":true,"stream_options":{"include_usage":false}}', None),
    (b'{"stream":true,"stream_options":null}', None),
    (b'{"stream":true,"stream\\u005foptions":{}}', None),
    (b'{"stream":false}', None),
    (b'{"stream":null}', None),
    (b'{"stream":"true"}', None),
    (b'{"stream":true,"stream":false}', None),
    (b'{"stream":false,"stream":true}', None),
    (b'{"model":1,"stream":true}', None),
    (b"{}", None),
    (b"[true]", None),
    (b'{"stream":true', None),
    (b"", None),
]


@pytest.mark.parametrize(("body", "expected"), CASES)
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_usage_is_asked_for_only_where_that_is_certainly_right(body: bytes, expected: bytes | None, kind: type) -> None:
    assert ask_for_usage(kind(body)) == expected


@given(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=8) | st.lists(st.integers()), max_size=5))
def test_everything_else_stays_as_it_is(around: dict[str, object]) -> None:
    document = {**{name: value for name, value in around.items() if name not in ("stream", "model")}, "stream": True}
    body = json.dumps(document).encode()
    asked = ask_for_usage(body)
    if "\\ud" in body.decode():
        return  # a lone surrogate is no JSON for the parser: left as it is
    assert asked is not None
    assert asked.replace(ASKED, b"", 1) == body
    assert json.loads(asked) == {**document, "stream_options": {"include_usage": True}}


@given(st.binary(max_size=200))
def test_no_body_makes_it_raise(body: bytes) -> None:
    assert ask_for_usage(body) is None or ASKED in (ask_for_usage(body) or b"")
