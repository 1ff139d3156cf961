"""Answers without a type, or as plain text, are read as what they are."""

from __future__ import annotations

import json

import pytest

from lectr_core import Answer, Call, CompletionsEventReader, CompletionsReader, DialectProvider, Reading, units
from lectr_core.dialects.unlabelled import UnlabelledReader
from lectr_core.ports import Reader
from lectr_core.testing import check_reader

USED = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
CHOICE = {"index": 0, "finish_reason": "stop"}
WHOLE = json.dumps({"model": "m", "choices": [CHOICE | {"message": {"content": "Hello"}}], "usage": USED}).encode()
EVENTS = (
    b"data: " + json.dumps({"model": "m", "choices": [CHOICE | {"delta": {"content": "Hello"}}], "usage": USED}).encode()
)
EVENTS += b"\n\ndata: [DONE]\n\n"


def make() -> UnlabelledReader:
    return UnlabelledReader(CompletionsReader, CompletionsEventReader)


def expected(reader: Reader, body: bytes) -> Reading:
    reader.feed(body)
    return reader.finish(complete=True)


def test_json_is_read_whole_and_all_else_as_events() -> None:
    whole, events = expected(CompletionsReader(), WHOLE), expected(CompletionsEventReader(), EVENTS)
    assert whole.usage is not None
    assert whole.usage.units == {units.INPUT: 9, units.OUTPUT: 4}
    check_reader(make, WHOLE, whole)
    check_reader(make, b" \r\n" + WHOLE, whole)
    check_reader(make, EVENTS, events)
    check_reader(make, b"\n\n: wait\n\n" + EVENTS, events)
    check_reader(make, b"", Reading())
    check_reader(make, b" \n", Reading())


def test_the_first_token_is_the_chosen_readers() -> None:
    reader = make()
    assert isinstance(reader, Reader)
    reader.first_token_seen = True
    reader.feed(b"\n")
    assert not reader.first_token_seen
    reader.feed(b": wait\n\n")
    assert not reader.first_token_seen
    reader.feed(EVENTS)
    assert reader.first_token_seen
    reader.first_token_seen = False
    assert not reader.first_token_seen


@pytest.mark.parametrize("media_type", ["", "text/plain", "text/plain; charset=utf-8"])
def test_only_routes_that_answer_in_json_are_looked_into(media_type: str) -> None:
    provider = DialectProvider("p", "https://p.example")
    answer = Answer(200, {"content-type": media_type} if media_type else {})
    assert isinstance(provider.reader(Call("POST", "/v1/chat/completions"), answer), UnlabelledReader)
    assert provider.reader(Call("POST", "/v1/audio/transcriptions"), answer) is None
    assert provider.reader(Call("POST", "/v1/chat/completions"), Answer(200, {"content-type": "text/html"})) is None
