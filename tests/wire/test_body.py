"""Fields are read and the model is replaced without touching, or choking on, anything else in a body."""

from __future__ import annotations

import json
import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.wire.body import UNREADABLE, Fields, read_fields, replace_model

FIELDS: list[tuple[bytes, Fields]] = [
    (b"{}", Fields(True)),
    (b'{"model":"m","stream":true,"max_tokens":5}', Fields(True, "m", True, 5)),
    (b' { "stream" : false , "model" : "m\\u00e9" } ', Fields(True, "mé", False)),
    (b'{"model":"m","max_tokens":1,"max_completion_tokens":2}', Fields(True, "m", None, 2)),
    (b'{"model":"m","max_output_tokens":3}', Fields(True, "m", None, 3)),
    (b'{"generationConfig":{"maxOutputTokens":7,"topK":1}}', Fields(True, max_tokens=7)),
    (b'{"generation_config":{"max_output_tokens":8}}', Fields(True, max_tokens=8)),
    (b'{"generationConfig":[7],"model":"m"}', Fields(True, "m", choices=None)),
    (b'{"model":"m","n":4,"max_tokens":5}', Fields(True, "m", None, 5, 4)),
    (b'{"model":"m","n":2,"best_of":3}', Fields(True, "m", choices=3)),
    (b'{"generationConfig":{"candidateCount":2,"maxOutputTokens":7}}', Fields(True, max_tokens=7, choices=2)),
    (b'{"max_tokens":9,"generation_config":{"candidate_count":2,"max_output_tokens":7}}', Fields(True, None, None, 9, 2)),
    (b'{"model":"m","n":0,"best_of":null}', Fields(True, "m")),
    (b'{"model":"m","n":"4","generationConfig":{"candidateCount":[3]}}', Fields(True, "m", choices=None)),
    (b'{"model":3,"stream":true}', Fields(True, None, True)),
    (b'{"model":"m","stream":"yes"}', Fields(True, "m")),
    (b'{"model":"m","stream":1,"max_tokens":"5"}', Fields(True, "m")),
    (b'{"model":"m","max_tokens":-1}', Fields(True, "m")),
    (b'{"model":"m","max_tokens":1.5}', Fields(True, "m")),
    (b'{"model":"m","max_tokens":99999999999999999999}', Fields(True, "m")),
    (b'{"model":null,"stream":null,"max_tokens":null}', Fields(True)),
    (b'{"model":{"model":"x"}}', Fields(True)),
    (b'{"model":"","stream":true}', Fields(True, None, True)),
    (b'{"model":"\xff\xfe","stream":true}', Fields(True, None, True)),
    (b'{"messages":"\xff","model":"m"}', Fields(True, "m")),
    (b'{"model":"a","model":"b"}', Fields(True, "b")),
    (b'{"mod\\u0065l":"m"}', Fields(True, "m")),
    (b'{"model":"' + b"x" * 2000 + b'"}', Fields(True)),
    (b"", UNREADABLE),
    (b"[]", UNREADABLE),
    (b"null", UNREADABLE),
    (b'"model"', UNREADABLE),
    (b'{"model":"m"', UNREADABLE),
    (b'{"model":"m"} {}', UNREADABLE),
    (b'\xef\xbb\xbf{"model":"m"}', UNREADABLE),
    (b"\x00\xff", UNREADABLE),
    (b"[" * 100_000, UNREADABLE),
    (b'{"a":' * 100_000, UNREADABLE),
    (b'{"model":' + b"[" * 100_000, UNREADABLE),
]


@pytest.mark.parametrize(("body", "fields"), FIELDS)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_field_of_the_wrong_type_loses_no_other(body: bytes, fields: Fields, kind: type) -> None:
    assert read_fields(kind(body)) == fields


def test_a_long_configuration_is_left_unread() -> None:
    body = b'{"generationConfig":{"maxOutputTokens":7,"responseSchema":"' + b"x" * 70_000 + b'"},"model":"m"}'
    assert read_fields(body) == Fields(True, "m", choices=None)


@given(st.binary(max_size=200))
def test_no_body_makes_it_raise(body: bytes) -> None:
    assert isinstance(read_fields(body), Fields)
    assert isinstance(read_fields(b'{"model":' + body), Fields)
    assert isinstance(replace_model(body, "m"), bytes | None)


def test_a_prompt_never_becomes_an_object() -> None:
    body = b'{"messages":[{"content":"' + b"secret " * 1_000_000 + b'"}],"model":"m"}'
    tracemalloc.start()
    try:
        assert read_fields(body).model == "m"
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 100_000


REPLACED: list[tuple[bytes, bytes | None]] = [
    (b'{"model":"old"}', b'{"model":"new"}'),
    (b' {\n "model" :\t"old" } ', b' {\n "model" :\t"new" } '),
    (b'{"a":{"model":"x"},"model":"old"}', b'{"a":{"model":"x"},"model":"new"}'),
    (b'{"model":"old","a":[{"model":"x"}]}', b'{"model":"new","a":[{"model":"x"}]}'),
    (b'{"a":"\\"model\\":\\"x\\"","model":"old"}', b'{"a":"\\"model\\":\\"x\\"","model":"new"}'),
    (b'{"a\\"model":1,"model":"old"}', b'{"a\\"model":1,"model":"new"}'),
    (b'{"a":"\\\\","model":"o\\"ld"}', b'{"a":"\\\\","model":"new"}'),
    (b'{"a":["model","x"],"model":"old"}', b'{"a":["model","x"],"model":"new"}'),
    (b'{"model":"old","a":"\xff\xfe"}', b'{"model":"new","a":"\xff\xfe"}'),
    (b'{"model":"","n":1}', b'{"model":"new","n":1}'),
    (b'{"a":{"model":"x"}}', None),
    (b'{"model":"a","model":"b"}', None),
    (b'{"model":"a","x":{"model":1},"model":"b"}', None),
    (b'{"model":"a","mod\\u0065l":"b"}', None),
    (b'{"mod\\u0065l":"a"}', None),
    (b'{"model":null}', None),
    (b'{"model":["old"]}', None),
    (b"{}", None),
    (b'["model"]', None),
    (b'{"model":"old"', None),
    (b"", None),
]


@pytest.mark.parametrize(("body", "expected"), REPLACED)
def test_exactly_the_top_level_model_is_replaced_or_nothing(body: bytes, expected: bytes | None) -> None:
    assert replace_model(body, "new") == expected


names = st.sampled_from(["model", "a", 'a"model', "model:", "mödel", "MODEL"]) | st.text(max_size=4)
values = st.recursive(
    st.none() | st.integers() | st.sampled_from(["model", '"model":"x"', '\\"model\\":', "é"]) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(names, values, max_size=6), st.text(max_size=8), st.text(max_size=8), st.data())
def test_only_the_value_changes_whatever_stands_around_it(
    around: dict[str, object], old: str, new: str, data: st.DataObject
) -> None:
    members = [*((name, value) for name, value in around.items() if name != "model"), ("model", old)]
    members = data.draw(st.permutations(members))
    ascii_only = data.draw(st.booleans())
    document = json.dumps(dict(members), ensure_ascii=ascii_only, indent=data.draw(st.sampled_from([None, 1])))
    if "\\ud" in document or any(0xD800 <= ord(char) < 0xE000 for char in document + new):
        return  # the parser refuses lone surrogates, as promised for `read_fields`
    replaced = replace_model(document.encode(), new)
    assert replaced is not None
    assert json.loads(replaced) == {**dict(members), "model": new}
    before, after = json.dumps(old, ensure_ascii=ascii_only).encode(), msgspec.json.encode(new)
    places = (at for at in range(len(replaced)) if replaced.startswith(after, at))
    put_back = (replaced[:at] + before + replaced[at + len(after) :] for at in places)
    assert document.encode() in put_back, "a byte outside the value has changed"


def test_nested_models_in_great_number_cost_little_and_too_many_are_left() -> None:
    tools = b",".join(b'{"properties":{"model":"x"}}' for _ in range(9_000))
    body = b'{"tools":[' + tools + b'],"model":"old","more":[' + b'{"model":"y"}' + b"]}"
    assert replace_model(body, "new") == body.replace(b'"old"', b'"new"')
    many = b'{"model":"old","tools":[' + b",".join(b'{"model":1}' for _ in range(10_000)) + b"]}"
    assert replace_model(many, "new") is None


def test_a_model_that_is_no_text_replaces_nothing() -> None:
    assert replace_model(b'{"model":"old"}', "\ud800") is None
