"""Events that are like one already parsed are counted without being parsed, and come to the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.dialects.alike import Alike
from lectr_core.dialects.completions import CompletionsEventReader
from lectr_core.dialects.reading import EventReader
from lectr_core.dialects.responses import ResponsesEventReader
from lectr_core.model.reading import Reading

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from([":", ",", '"', "\\", "content", '","', '":"', "null", "delta", "\n", "{", "}", "", "é", "obfuscation"]),
)
NOISE = st.none() | st.text("abcXYZ09", max_size=8)


def chunk(text: object, noise: str | None, reason: str | None, extra: dict[str, object]) -> dict[str, object]:
    """A chunk of a chat completion, as providers send it."""
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": reason}
    event: dict[str, object] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "acme-5",
        **extra,
        "choices": [choice],
    }
    return event if noise is None else {**event, "obfuscation": noise}


CHUNKS = st.builds(
    chunk,
    TEXTS | st.none() | st.integers(),
    NOISE,
    st.sampled_from([None, None, None, "stop"]),
    st.sampled_from(
        [{}, {}, {}, {"usage": None}, {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, {"model": "other"}]
    ),
)


def delta(text: str, number: int, noise: str | None, kind: str) -> dict[str, object]:
    """A piece of a response."""
    event = {"type": f"response.{kind}.delta", "sequence_number": number, "item_id": "msg_1", "delta": text, "logprobs": []}
    return event if noise is None else {**event, "obfuscation": noise}


DELTAS = st.builds(delta, TEXTS, st.integers(0, 300), NOISE, st.sampled_from(["output_text", "output_text", "audio"]))
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": ")])


def sent(events: list[dict[str, object]], separators: tuple[str, str], *, ascii_only: bool, named: bool) -> bytes:
    lines = [json.dumps(event, separators=separators, ensure_ascii=ascii_only) for event in events]
    names = [f"event: {event['type']}\n" if named else "" for event in events]
    return "".join(f"{name}data: {line}\n\n" for name, line in zip(names, lines, strict=True)).encode(errors="replace")


def parsed(reader: EventReader, stream: bytes) -> Reading:
    """What it reads where each event is parsed."""
    reader._alike.tries = 0
    reader.feed(stream)
    return reader.finish(complete=True)


def read(reader: EventReader, stream: bytes, size: int) -> Reading:
    for at in range(0, len(stream), size):
        reader.feed(stream[at : at + size])
    return reader.finish(complete=True)


@given(st.lists(CHUNKS, max_size=12), SEPARATORS, st.booleans(), st.integers(1, 500))
def test_chunks_come_to_the_same(
    events: list[dict[str, object]], separators: tuple[str, str], ascii_only: bool, size: int
) -> None:
    stream = sent(events, separators, ascii_only=ascii_only, named=False)
    assert read(CompletionsEventReader(), stream, size) == parsed(CompletionsEventReader(), stream)


@given(st.lists(DELTAS, max_size=12), SEPARATORS, st.booleans(), st.booleans(), st.integers(1, 500))
def test_deltas_of_a_response_come_to_the_same(
    events: list[dict[str, object]], separators: tuple[str, str], ascii_only: bool, named: bool, size: int
) -> None:
    stream = sent(events, separators, ascii_only=ascii_only, named=named)
    assert read(ResponsesEventReader(), stream, size) == parsed(ResponsesEventReader(), stream)


@pytest.mark.parametrize(
    ("learnt", "text", "event", "chars"),
    [
        (b'{"a":"x1","c":"word"}', b'"word"', b'{"a":"x1","c":" other"}', 6),
        (b'{"a":"x1","c":"word"}', b'"word"', b'{"a":"x2","c":" other"}', 0),
        (b'{"a":"x1","c":"word"}', b'"word"', b'{"a":"x1","c":"say \\"no\\""}', 0),  # left to the parser
        (b'{"a":"x1","c":"word"}', b'"word"', b'{"a":"x1","c":"b","d":1}', 0),
        (b'{"a":"x1","c":"word"}', b'"word"', b'{"a":"x1","c":""}', 0),
        (b'{"a":"x1","c":"word"}', b'"word"', b'{"a":"x1","c":"cut', 0),
        (b'{"a":"word","c":"word"}', b'"word"', b'{"a":"word","c":"x"}', 0),  # which of the two it was is not known
        (b'{"c":":"}', b'":"', b'{"c":":"}', 0),  # what stands between name and value looks like it
        (b'{"c":"word","obfuscation":"ab"}', b'"word"', b'{"c":"x","obfuscation":"abcdef"}', 1),
        (b'{"c":"word","obfuscation":"ab"}', b'"word"', b'{"c":"x","obfuscation":"ab","d":2}', 0),
        (b'{"sequence_number":4,"c":"word"}', b'"word"', b'{"sequence_number":15,"c":"x"}', 1),
        (b'{"sequence_number":4,"c":"word"}', b'"word"', b'{"sequence_number":"5","c":"x"}', 0),
    ],
)
def test_an_event_is_alike_if_it_differs_in_its_text_alone(learnt: bytes, text: bytes, event: bytes, chars: int) -> None:
    alike = Alike()
    alike.learn(b"", learnt, text)
    assert alike.chars(b"", event) == chars
    assert alike.chars(b"another name", event) == 0
