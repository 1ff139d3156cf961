"""Request bodies: what is read is what json reads, and a replaced model changes its own bytes and no other."""

from __future__ import annotations

import json
from random import Random
from typing import Any, Final

from lectr_core.wire.body import UNREADABLE, read_fields, replace_model
from tests.fuzz.mutate import spoilt, turns

MODELS: Final = (
    b'{"model":"gpt-4o","messages":[{"role":"user","content":"a \\"model\\": \\"x\\" \xc3\xa9"}],"stream":true}',
    b' {\n "stream" : false , "max_tokens": 7,\t"model" : "m\\u00e9\\\\" }\r\n',
    b'{"tools":[{"model":"inner"},{"a":{"model":{}}}],"model":"claude","max_completion_tokens":12}',
    b'{"generationConfig":{"maxOutputTokens":5},"model":"gemini","a":[1,-2.5e3,null,"\\ud83d\\ude00"]}',
    b'{"model":"","a\\"model":1,"max_output_tokens":3}',
)
MARKS: Final = (
    b'"model"', b'"model":', b'"model":"b",', b'"mod\\u0065l":"c",', b'"model" : null,', b'{"model":"d"}', b"{", b"}",
    b"[", b"]", b'"', b"\\", b'\\"', b"\\\\", b":", b",", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\\ud800", b"\\udc00",
    b"\0", b"\\u0000", b" ", b"\n", b"\xef\xbb\xbf", b"NaN", b"1e308", b"1e999", b"-1", b"9" * 400, b'"12"', b"true",
    b"null", b"[" * 1100, b'{"a":' * 1100, b'"stream":1,', b'"max_tokens":-1,', b'"max_tokens":1.5,', b"/", b"//",
    b"/* */", b"'", b"\x0b", b"\x7f", b"\xe2\x80\xa8",
)  # fmt: skip
NEW: Final = 'new-\u00e9"\\'
ENCODED: Final = json.dumps(NEW, ensure_ascii=False).encode()


class _Repeated(list[tuple[str, object]]):
    """An object's members in their order, so that repeated ones are seen."""


def tree_of(body: bytes) -> Any:  # Any: JSON
    """Errors: ValueError, RecursionError where json takes it for nothing."""
    return json.loads(
        body.decode(), object_pairs_hook=_Repeated, parse_int=_Number, parse_float=_Number, parse_constant=_refused
    )


class _Number(str):
    """A number's digits: an int of 10,000 of them is refused by Python, and is no business of ours."""


def _refused(word: str) -> None:
    raise ValueError(word)


def a_body(chance: Random) -> bytes:
    return spoilt(chance.choice(MODELS), MARKS, chance, 4)


def test_what_is_read_is_what_json_reads() -> None:
    readable = 0
    for chance in turns("bodies read", 4):
        body = a_body(chance)
        found = read_fields(body)
        try:
            tree = tree_of(body)
        except (ValueError, RecursionError):
            continue  # json is stricter about UTF-8 in text that nobody reads, and goes less deep
        if not isinstance(tree, _Repeated):
            assert found == UNREADABLE, body
            continue
        if not found.readable:
            assert b"\\u" in body or b"[" * 900 in body or b":" * 900 in body.replace(b'{"a"', b""), body
            continue
        readable += 1
        last = dict(tree)
        model, stream = last.get("model"), last.get("stream")
        if len(str(model)) < 300:  # no longer one is a name
            is_text = isinstance(model, str) and model and not isinstance(model, _Number)
            assert found.model == (model if is_text else None), body
        assert found.streamed is (stream if isinstance(stream, bool) else None), body
    assert readable


def test_only_the_bytes_of_the_model_change() -> None:
    replaced = 0
    for chance in turns("models replaced", 4):
        body = a_body(chance)
        made = replace_model(body, NEW)
        if made is None:
            continue
        replaced += 1
        places = [at for at in range(len(made)) if made.startswith(ENCODED, at)]
        assert len(places) == 1
        behind = len(made) - places[0] - len(ENCODED)
        assert made[: places[0]] == body[: places[0]], body
        assert made[len(made) - behind :] == body[len(body) - behind :], body
        old = body[places[0] : len(body) - behind]
        assert old[:1] == old[-1:] == b'"', "a whole text was taken out"
        try:
            before, after = tree_of(body), tree_of(made)
        except (ValueError, RecursionError):
            continue
        assert isinstance(before, _Repeated)
        assert [name for name, _ in before].count("model") == 1, body
        assert after == [(name, NEW if name == "model" else value) for name, value in before], body
    assert replaced
