"""What endpoints say that they bill: dollars, ticks, sums; theirs alone, and never guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lectr_provider_compatible.billing import (
    BillingEventReader,
    BillingImagesReader,
    BillingReader,
    BillingResponsesReader,
)
from lectr_provider_compatible.costs import told_cost
from lectr_provider_compatible.offer import providers_of
from lectr_provider_compatible.reading import CompatibleLinesReader, CompatibleReader

from lectr_core import Answer, Call, GatewaySettings, Reading, Settings, Terms, units
from lectr_core.testing import check_reader

COUNTS = {"prompt_tokens": 194, "completion_tokens": 2, "total_tokens": 196}
Tree = dict[str, Any]  # Any: JSON

COSTS: list[tuple[Tree, bool, int | None]] = [
    ({"cost": 0.00014}, False, 140_000),
    ({"cost": 0.95, "cost_details": {"upstream_inference_cost": 19}}, False, 950_000_000),
    ({"cost": 0.95, "cost_details": {"upstream_inference_cost": 19}}, True, 19_950_000_000),
    ({"cost": 0.95}, True, None),
    ({"cost": 0}, False, 0),
    ({"cost": {"input_tokens_cost": 0.0, "request_cost": 0.005, "total_cost": 0.005242}}, False, 5_242_000),
    ({"cost_in_usd_ticks": 37_756_000}, False, 3_775_600),
    ({"cost_in_usd_ticks": 5}, False, 0),
    ({"cost_in_usd_ticks": 15}, False, 2),
    ({"cost": -1}, False, None),
    ({"cost": "free"}, False, None),
    ({"cost": True}, False, None),
    ({"cost": 1e15}, False, None),
    ({}, False, None),
]


@pytest.mark.parametrize(("tree", "is_own_key", "nanousd"), COSTS)
def test_a_cost_is_taken_to_the_nano_dollar(tree: Tree, is_own_key: bool, nanousd: int | None) -> None:
    assert told_cost(tree, is_own_key=is_own_key) == nanousd


def answer(**usage: Any) -> bytes:  # Any: JSON
    choices = [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]
    return json.dumps({"id": "gen-1", "model": "m", "choices": choices, "usage": COUNTS | usage}).encode()


def chunks(**usage: Any) -> bytes:  # Any: JSON
    piece = {"id": "gen-1", "model": "m", "choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}
    last = {"id": "gen-1", "model": "m", "choices": [], "usage": COUNTS | usage}
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in (piece, last)) + b"data: [DONE]\n\n"


def read(reader: Any, body: bytes) -> Reading:  # Any: a reader
    reader.feed(body)
    reading: Reading = reader.finish(complete=True)
    return reading


@pytest.mark.parametrize(("make", "body"), [(BillingReader, answer), (BillingEventReader, chunks)])
def test_an_answer_tells_its_cost_and_whose_key_was_used(make: Any, body: Any) -> None:  # Any: classes and functions
    own = body(cost=0.5, is_byok=True, cost_details={"upstream_inference_cost": 1.5})
    for sent, cost in ((body(cost=0.5, is_byok=False), 500_000_000), (own, 2_000_000_000)):
        reading = read(make(), sent)
        assert reading.usage is not None
        assert reading.usage.terms == Terms(cost_nanousd=cost)
        check_reader(make, sent, reading)


def test_another_endpoints_cost_is_not_believed() -> None:
    usage = read(CompatibleReader(), answer(cost=0.5)).usage
    assert usage is not None
    assert usage.terms is None
    assert usage.raw["cost"] == 0.5


def test_a_response_and_its_tools() -> None:
    calls = {"web_search_calls": 3, "x_search_calls": 2, "code_interpreter_calls": 1, "mcp_calls": 9}
    usage = {"input_tokens": 5, "output_tokens": 6, "total_tokens": 11, "cost_in_usd_ticks": 10}
    body = json.dumps({"id": "r", "status": "completed", "usage": usage | {"server_side_tool_usage_details": calls}})
    found = read(BillingResponsesReader(), body.encode()).usage
    assert found is not None
    assert found.terms == Terms(cost_nanousd=1)
    assert {unit: found.units.get(unit) for unit in (units.WEB_SEARCH, units.SOCIAL_SEARCH, units.CODE_EXECUTION)} == {
        units.WEB_SEARCH: 3,
        units.SOCIAL_SEARCH: 2,
        units.CODE_EXECUTION: 1,
    }


def test_images_that_say_what_they_cost_and_nothing_else_are_counted() -> None:
    body = json.dumps({"data": [{"url": "https://host/x.png"}], "usage": {"cost_in_usd_ticks": 200_000_000}})
    found = read(BillingImagesReader(), body.encode()).usage
    assert found is not None
    assert (dict(found.units), found.terms) == ({units.IMAGES: 1}, Terms(cost_nanousd=20_000_000))


def test_a_batchs_results_are_read_with_the_accent() -> None:
    body = {"model": "m", "usage": {"prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 4, "completion_tokens": 1}}
    line = json.dumps({"response": {"status_code": 200, "body": body}}).encode()
    found = read(CompatibleLinesReader("file-1"), line).usage
    assert found is not None
    assert dict(found.units) == {units.INPUT: 4, units.CACHE_READ: 6, units.OUTPUT: 1}


def test_only_endpoints_that_are_known_to_bill_what_they_tell_are_believed() -> None:
    offered = {one.id: one for one in providers_of(Settings(GatewaySettings(), {}, "v", {}))}
    asked, told = Call("POST", "/v1/chat/completions"), Answer(200, {"content-type": "application/json"})
    billing = {id for id, one in offered.items() if isinstance(one.reader(asked, told), BillingReader)}
    assert billing == {"openrouter", "perplexity", "xai"}
