"""Responses, whole and as typed events, read the same however their bytes arrive."""

from __future__ import annotations

import json

import pytest

from lectr_core import Reading, ResponsesEventReader, ResponsesReader, Share, Terms, Usage, response_usage, units
from lectr_core.testing import check_reader

USED = {
    "input_tokens": 50,
    "input_tokens_details": {
        "cached_tokens": 10,
        "cache_write_tokens": 12,
        "cache_write_tokens_details": {"ttl_30m_tokens": 5, "ttl_12h_tokens": 4},
    },
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 80,
}
UNITS = {
    units.INPUT: 28,
    units.CACHE_READ: 10,
    units.CACHE_WRITE: 3,
    units.CACHE_WRITE_30M: 5,
    units.CACHE_WRITE_12H: 4,
    units.REASONING: 20,
    units.OUTPUT: 10,
}
KEPT = Usage(UNITS, USED, True)
SEARCHED = Usage(
    {**UNITS, units.WEB_SEARCH: 2}, {**USED, "tool_usage": {"web_search": {"num_requests": 2}, "image_gen": {}}}, True
)


def test_lifetimes_beyond_what_was_written_are_said() -> None:
    written = {"cache_write_tokens": 3, "cache_write_tokens_details": {"ttl_30m_tokens": 5}}
    usage = response_usage({"input_tokens": 10, "input_tokens_details": written, "total_tokens": 10})
    assert usage.units == {units.CACHE_WRITE_30M: 5, units.INPUT: 5}
    assert usage.adds_up is False


def test_parts_beyond_the_whole_are_cut_and_said() -> None:
    usage = response_usage({"output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 9}, "total_tokens": 5})
    assert usage.units == {units.REASONING: 5}
    assert usage.adds_up is False


def response(**changes: object) -> dict[str, object]:
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "acme-5",
        "error": None,
        "incomplete_details": None,
        "output": [{"type": "message", "content": [{"text": "Hello"}]}],
        "usage": USED,
        "service_tier": "default",
    } | changes


WHOLE: list[tuple[dict[str, object], Reading]] = [
    (response(), Reading("reported", KEPT, "acme-5", None, "resp_1", "completed")),
    (
        response(tool_usage={"web_search": {"num_requests": 2}, "image_gen": {}}, service_tier="priority"),
        Reading("reported", SEARCHED, "acme-5", "priority", "resp_1", "completed"),
    ),
    (
        response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        Reading("reported", KEPT, "acme-5", None, "resp_1", "max_output_tokens"),
    ),
    (
        response(status="incomplete", incomplete_details="strange"),
        Reading("reported", KEPT, "acme-5", None, "resp_1", "incomplete"),
    ),
    (response(status="queued", usage=None), Reading("open", None, "acme-5", None, "resp_1", "queued")),
    (
        response(status="failed", usage=None, error={"code": "server_error", "message": "x"}),
        Reading("absent", None, "acme-5", None, "resp_1", "failed", "in_band"),
    ),
]


@pytest.mark.parametrize(("document", "expected"), WHOLE)
def test_a_whole_response_reads_the_same_in_any_pieces(document: dict[str, object], expected: Reading) -> None:
    check_reader(ResponsesReader, json.dumps(document).encode(), expected)


def event(kind: str, *, named: bool = True, **members: object) -> bytes:
    name = f"event: {kind}\n" if named else ""
    return f"{name}data: {json.dumps({'type': kind, 'sequence_number': 1} | members)}\n\n".encode()


@pytest.mark.parametrize("named", [True, False])
def test_a_stream_of_events_reads_the_same_with_and_without_names(named: bool) -> None:
    begun = response(status="in_progress", usage=None)
    body = b"".join(
        [
            event("response.created", named=named, response=begun),
            event("response.output_item.added", named=named, item={"type": "message"}),
            event("response.reasoning_summary_text.delta", named=named, delta="hmm"),
            event("response.output_text.delta", named=named, delta="Hel", obfuscation="abc"),
            event("response.output_text.delta", named=named, delta="lo\n"),
            event("response.function_call_arguments.delta", named=named, delta='{"'),
            event("response.audio.delta", named=named, delta="AAAA"),
            event("response.output_text.done", named=named, text="Hello\n"),
            event("response.completed", named=named, response=response()),
        ]
    )
    expected = Reading("reported", KEPT, "acme-5", None, "resp_1", "completed", deltas=4, delta_chars=3 + 3 + 4 + 3)
    check_reader(ResponsesEventReader, body, expected)
    # A client may leave as soon as it has the last event.
    check_reader(ResponsesEventReader, body, expected, complete=False)
    check_reader(ResponsesEventReader, body + b"data: [DONE]\n\n", expected)


ENDS: list[tuple[bytes, bool, Reading]] = [
    (
        event(
            "response.incomplete", response=response(status="incomplete", incomplete_details={"reason": "content_filter"})
        ),
        True,
        Reading("reported", KEPT, "acme-5", None, "resp_1", "content_filter"),
    ),
    (
        event("response.failed", response=response(status="failed", error={"code": "x"})),
        True,
        Reading("reported", KEPT, "acme-5", None, "resp_1", "failed", "in_band"),
    ),
    (event("error", code="x", message="y"), True, Reading("absent", error_category="in_band")),
    (
        event("response.in_progress", response=response(status="in_progress")),
        False,
        Reading("partial", KEPT, "acme-5", None, "resp_1", "in_progress"),
    ),
    (
        event("response.created", response=response(status="in_progress", usage=None)),
        False,
        Reading("absent", None, "acme-5", None, "resp_1", "in_progress"),
    ),
    (event("response.completed", response=[1]), True, Reading("unreadable")),
    (event("response.completed"), True, Reading("unreadable")),
]


@pytest.mark.parametrize(("body", "complete", "expected"), ENDS)
def test_a_stream_says_how_it_ended(body: bytes, complete: bool, expected: Reading) -> None:
    check_reader(ResponsesEventReader, body, expected, complete=complete)


def test_the_first_token_is_the_first_delta() -> None:
    reader = ResponsesEventReader()
    reader.feed(event("response.created", response=response(usage=None)))
    assert not reader.first_token_seen
    reader.feed(event("response.output_text.delta", delta="x"))
    assert reader.first_token_seen


def test_images_that_a_tool_drew_are_priced_at_the_tools_model() -> None:
    drawn = {"input_tokens": 50, "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}, "output_tokens": 100}
    drawn = drawn | {"total_tokens": 150, "output_tokens_details": {"image_tokens": 100, "text_tokens": 0}}
    tools = [{"type": "web_search"}, {"type": "image_generation", "model": "draw-1"}]
    body = response(tools=tools, tool_usage={"image_gen": drawn, "web_search": {"num_requests": 0}})
    reader = ResponsesReader()
    reader.feed(json.dumps(body).encode())
    usage = reader.finish(complete=True).usage
    assert usage is not None
    assert usage.terms == Terms((Share("draw-1", {"input": 10, "input_image": 40, "output_image": 100}),))
    assert "web_search" not in usage.units


def test_calls_that_cost_by_the_call_are_counted_where_the_provider_does_not() -> None:
    output = [
        {"type": "web_search_call", "action": {"type": "search", "query": "x"}},
        {"type": "web_search_call", "action": {"type": "open_page"}},
        {"type": "web_search_call"},
        {"type": "file_search_call", "queries": ["x"]},
        {"type": "message", "content": [{"type": "output_text", "text": 'a "web_search_call"'}]},
    ]
    reader = ResponsesReader()
    reader.feed(json.dumps(response(tools=[{"type": "web_search"}], output=output)).encode())
    usage = reader.finish(complete=True).usage
    assert usage is not None
    assert (usage.units["web_search"], usage.units["file_search"]) == (2, 1)
    told = response(tools=[{"type": "web_search"}], output=output, tool_usage={"web_search": {"num_requests": 1}})
    reader = ResponsesReader()
    reader.feed(json.dumps(told).encode())
    usage = reader.finish(complete=True).usage
    assert usage is not None
    assert usage.units["web_search"] == 1, "what the provider bills goes before what is seen"
