"""Messages at endpoints that speak them beside their own dialect: found on either path, read, and believed as elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lectr_provider_compatible.offer import providers_of
from lectr_provider_compatible.settings import CompatibleSettings

from lectr_core import Answer, Call, GatewaySettings, Reader, Reading, Settings, Terms, UnbilledReader, units
from lectr_core.testing import check_reader

SECTIONS = {"provider.ollama": CompatibleSettings()}
OFFERED = {one.id: one for one in providers_of(Settings(GatewaySettings(), SECTIONS, "v", {}))}
JSON, EVENTS = "application/json", "text/event-stream"
Tree = dict[str, Any]  # Any: JSON

PLACES = [
    ("deepseek", "/anthropic/v1/messages", "https://api.deepseek.com/anthropic/v1/messages"),
    ("moonshot", "/anthropic/v1/messages", "https://api.moonshot.ai/anthropic/v1/messages"),
    ("openrouter", "/v1/messages", "https://openrouter.ai/api/v1/messages"),
    ("ollama", "/v1/messages", "http://127.0.0.1:11434/v1/messages"),
]


@pytest.mark.parametrize(("id", "path", "target"), PLACES)
def test_they_are_found_where_the_endpoint_has_them(id: str, path: str, target: str) -> None:
    provider = OFFERED[id]
    assert f"{provider.origin}{provider.locate(Call('POST', path))}" == target
    assert provider.endpoint(path) == "/v1/messages"
    counting = f"{path}/count_tokens"
    assert provider.endpoint(counting) == "/v1/messages/count_tokens"
    assert isinstance(provider.reader(Call("POST", counting), Answer(200, {"content-type": JSON})), UnbilledReader)


def test_no_name_that_a_client_chose_is_kept_of_such_a_path() -> None:
    assert OFFERED["deepseek"].endpoint("/anthropic/v1/messages/my-secret") == "/v1/messages/{id}"
    assert OFFERED["deepseek"].endpoint("/anthropic/v1/my-secret") == "/v1/{path}"
    assert OFFERED["deepseek"].endpoint("/anthropic/my-secret") == "/{path}"


def reader(id: str, media_type: str) -> Reader:
    found = OFFERED[id].reader(Call("POST", "/v1/messages"), Answer(200, {"content-type": media_type}))
    assert found is not None
    return found


def read(id: str, media_type: str, body: bytes) -> Reading:
    one = reader(id, media_type)
    one.feed(body)
    found = one.finish(complete=True)
    check_reader(lambda: reader(id, media_type), body, found)
    return found


def message(**usage: Any) -> bytes:  # Any: JSON
    content = [{"type": "text", "text": "four"}]
    tree = {"id": "msg_1", "type": "message", "model": "m", "content": content, "stop_reason": "end_turn", "usage": usage}
    return json.dumps(tree).encode()


def stream(first: Tree, last: Tree) -> bytes:
    events: list[Tree] = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": first}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "four"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)


COUNTS = {units.INPUT: 10, units.CACHE_READ: 30, units.OUTPUT: 5}
USAGE = {"input_tokens": 10, "cache_read_input_tokens": 30, "output_tokens": 5}


@pytest.mark.parametrize("id", [id for id, _, _ in PLACES])
def test_a_prompts_cached_part_stands_beside_the_rest(id: str) -> None:
    for media_type, body in ((JSON, message(**USAGE)), (EVENTS, stream({**USAGE, "output_tokens": 1}, USAGE))):
        found = read(id, media_type, body)
        assert (found.state, found.model, found.finish_reason) == ("reported", "m", "end_turn")
        assert found.usage is not None
        assert dict(found.usage.units) == COUNTS


def test_a_cost_is_believed_of_endpoints_that_bill_what_they_tell() -> None:
    told = {**USAGE, "cost": 0.95, "is_byok": True, "cost_details": {"upstream_inference_cost": 19}}
    for id, terms in (("openrouter", Terms(cost_nanousd=19_950_000_000)), ("deepseek", None)):
        for media_type, body in ((JSON, message(**told)), (EVENTS, stream({**USAGE, "output_tokens": 1}, told))):
            found = read(id, media_type, body).usage
            assert found is not None
            assert (dict(found.units), found.terms) == (COUNTS, terms)
