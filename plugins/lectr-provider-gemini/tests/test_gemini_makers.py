"""Other makers' models on the provider's cloud: asked in their own dialects under a path that names maker and place."""

from __future__ import annotations

import json

import pytest
from lectr_provider_gemini.provider import GeminiProvider

from lectr_core import Answer, Call, Reading, Terms, UnbilledReader, units

CLOUD = GeminiProvider("gemini", "https://us-east5-aiplatform.googleapis.com")
PLACE = "/v1/projects/p/locations/us-east5/publishers"
CLAUDE = f"{PLACE}/anthropic/models/claude-sonnet-4-5@20250929"


def read(path: str, media_type: str, body: bytes) -> Reading:
    reader = CLOUD.reader(Call("POST", path), Answer(200, {"content-type": media_type}))
    assert reader is not None
    reader.feed(body)
    return reader.finish(complete=True)


MESSAGE = {
    "id": "msg_vrtx_1",
    "type": "message",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "four"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 30, "output_tokens": 5},
}
STREAM = (
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "four"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
)
EVENTS = b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in STREAM)


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        (f"{CLAUDE}:rawPredict", "application/json", json.dumps(MESSAGE).encode()),
        (f"{CLAUDE}:rawPredict", "text/event-stream", EVENTS),
        (f"{CLAUDE}:streamRawPredict", "text/event-stream; charset=utf-8", EVENTS),
    ],
)
def test_messages_are_read_and_their_place_is_kept(path: str, media_type: str, body: bytes) -> None:
    found = read(path, media_type, body)
    assert (found.state, found.model) == ("reported", "claude-sonnet-4-5-20250929")
    assert found.usage is not None
    assert dict(found.usage.units) == {units.INPUT: 10, units.CACHE_READ: 30, units.OUTPUT: 5}
    assert found.usage.terms == Terms(region="us-east5")


def test_a_chat_completion_of_another_maker_is_read() -> None:
    body = {"model": "mistral-large", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    found = read(f"{PLACE}/mistralai/models/mistral-large:rawPredict", "application/json", json.dumps(body).encode())
    assert found.usage is not None
    assert dict(found.usage.units) == {units.INPUT: 7, units.OUTPUT: 2}


def test_counting_is_not_billed_and_a_maker_nobody_knows_is_not_read() -> None:
    told = Answer(200, {"content-type": "application/json"})
    counting = CLOUD.reader(Call("POST", f"{PLACE}/anthropic/models/count-tokens:rawPredict"), told)
    assert isinstance(counting, UnbilledReader)
    assert CLOUD.reader(Call("POST", f"{PLACE}/somebody/models/one:rawPredict"), told) is None


def test_the_model_and_the_stream_stand_in_the_path() -> None:
    path = f"{CLAUDE}:streamRawPredict"
    assert (CLOUD.model_in_path(path), CLOUD.streams_in_path(path)) == ("claude-sonnet-4-5@20250929", True)
    assert not CLOUD.streams_in_path(f"{CLAUDE}:rawPredict")
    assert CLOUD.locate(Call("POST", path)) == path
    assert CLOUD.endpoint(path) == "/v1/projects/{id}/{id}/{id}/{id}/{id}/models/{id}", "nothing that a client chose"
