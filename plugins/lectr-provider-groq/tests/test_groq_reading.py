"""What is read out of Groq's answers: recorded shapes, in any pieces."""

from __future__ import annotations

import json
from collections.abc import Mapping

import attrs
import pytest
from lectr_provider_groq.reading import GroqEventReader, GroqReader, GroqTranscriptReader

from lectr_core import Reading, Share, Terms, Usage
from lectr_core.testing import check_reader

TIMES = {"queue_time": 0.0379, "prompt_time": 0.0006, "completion_time": 0.4627, "total_time": 0.4634}
COUNTS = {"prompt_tokens": 38, "completion_tokens": 79, "total_tokens": 117}
USAGE = {**TIMES, **COUNTS}
DETAILED = {
    **USAGE,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 70},
}
BREAKDOWN = {
    "models": [
        {
            "model": "openai/gpt-oss-120b",
            "usage": {**TIMES, "prompt_tokens": 30, "completion_tokens": 70, "total_tokens": 100},
        },
        {"model": "llama-3.3-70b-versatile", "usage": {"prompt_tokens": 8, "completion_tokens": 9, "total_tokens": 17}},
    ]
}
SHARES = (
    Share("openai/gpt-oss-120b", {"input": 30, "output": 70}),
    Share("llama-3.3-70b-versatile", {"input": 8, "output": 9}),
)
COMPOUND = Usage({}, USAGE | {"usage_breakdown": BREAKDOWN}, True, Terms(SHARES))


def whole(**more: object) -> bytes:
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "llama-3.3-70b-versatile",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "logprobs": None, "finish_reason": "stop"}
        ],
        "usage": DETAILED,
        "system_fingerprint": "fp_1",
        "x_groq": {"id": "req_1", "seed": 7, "usage": {"dram_cached_tokens": 3, "sram_cached_tokens": 5}},
        "service_tier": "on_demand",
    }
    return json.dumps(answer | more).encode()


def stream(*chunks: Mapping[str, object], done: bool = True) -> bytes:
    same = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "llama-3.3-70b-versatile"}
    lines = [b"data: " + json.dumps({**same, **chunk}).encode() + b"\n\n" for chunk in chunks]
    return b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


FIRST = {
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
    "x_groq": {"id": "req_1", "seed": 7},
}
PIECE = {"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": None}]}
LAST: dict[str, object] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}

READ = Reading(
    state="reported",
    usage=Usage({"input": 38, "output": 79}, USAGE, True),
    model="llama-3.3-70b-versatile",
    answer_id="req_1",
    finish_reason="stop",
    deltas=1,
    delta_chars=5,
)
ABSENT = attrs.evolve(READ, state="absent", usage=None)

WHOLE = {
    "the caches of the hardware are no usage": (
        whole(),
        attrs.evolve(
            READ,
            usage=Usage({"input": 30, "cache_read": 8, "reasoning": 70, "output": 9}, DETAILED, True),
            delta_chars=2,
        ),
    ),
    "a tier that changes the price": (
        whole(service_tier="flex", usage=USAGE),
        attrs.evolve(READ, variant="flex", delta_chars=2),
    ),
    "the performance tier": (
        whole(service_tier="performance", usage=USAGE),
        attrs.evolve(READ, variant="performance", delta_chars=2),
    ),
    "a compound system": (
        whole(usage=USAGE, usage_breakdown=BREAKDOWN),
        attrs.evolve(READ, usage=COMPOUND, delta_chars=2),
    ),
    "an extra of the wrong type": (
        whole(x_groq=["odd"], usage=USAGE, usage_breakdown="odd"),
        attrs.evolve(READ, answer_id="chatcmpl-1", delta_chars=2),
    ),
    "no extra": (
        whole(x_groq=None, usage=USAGE),
        attrs.evolve(READ, answer_id="chatcmpl-1", delta_chars=2),
    ),
}

STREAMS = {
    "usage without being asked": (stream(FIRST, PIECE, LAST | {"x_groq": {"id": "req_1", "usage": USAGE}}), READ),
    "usage in both places is one": (
        stream(
            FIRST | {"usage": None},
            PIECE | {"usage": None},
            LAST | {"usage": None, "x_groq": {"id": "req_1", "usage": USAGE}},
            {"choices": [], "usage": USAGE},
        ),
        READ,
    ),
    "usage in one chunk twice": (
        stream(FIRST, PIECE, LAST | {"usage": USAGE, "x_groq": {"id": "req_1", "usage": USAGE}}),
        READ,
    ),
    "no usage at all": (stream(FIRST, PIECE, LAST), ABSENT),
    "chunks without choices": (stream(FIRST, {"x_groq": {"id": "req_1"}}, PIECE, LAST | {"x_groq": {"usage": USAGE}}), READ),
    "stopped early": (
        stream(FIRST, PIECE, LAST | {"x_groq": {"id": "req_1", "error": "over capacity", "usage": USAGE}}),
        attrs.evolve(READ, error_category="in_band"),
    ),
    "an error event": (
        stream(FIRST, PIECE, done=False) + b'event: error\ndata: {"error": {"message": "x", "type": "internal"}}\n\n',
        attrs.evolve(ABSENT, finish_reason=None, error_category="in_band"),
    ),
    "a compound system": (
        stream(FIRST, PIECE, LAST | {"x_groq": {"id": "req_1", "usage": USAGE, "usage_breakdown": BREAKDOWN}}),
        attrs.evolve(READ, usage=COMPOUND),
    ),
    "an extra of the wrong type": (stream(FIRST, PIECE, LAST | {"usage": USAGE}, {"x_groq": 3}), READ),
}


@pytest.mark.parametrize(("body", "expected"), WHOLE.values(), ids=WHOLE)
def test_a_whole_answer_reads_the_same_in_any_pieces(body, expected):
    check_reader(GroqReader, body, expected)


@pytest.mark.parametrize(("body", "expected"), STREAMS.values(), ids=STREAMS)
def test_a_stream_reads_the_same_in_any_pieces(body, expected):
    check_reader(GroqEventReader, body, expected)


def test_a_stream_that_breaks_off_has_no_usage_yet():
    body = stream(FIRST, PIECE, done=False)
    check_reader(GroqEventReader, body, attrs.evolve(ABSENT, finish_reason=None), complete=False)


def test_usage_that_came_before_the_break_is_partial():
    body = stream(FIRST, PIECE, LAST | {"x_groq": {"id": "req_1", "usage": USAGE}}, done=False)
    check_reader(GroqEventReader, body, attrs.evolve(READ, state="partial"), complete=False)


@pytest.mark.parametrize("odd", [b"[" * 100_000, b"null", b'"text"', b"{}", b'{"id": 3, "usage": [], "error": null}'])
def test_an_odd_extra_loses_nothing_else(odd):
    body = b'{"model": "m", "usage": {"prompt_tokens": 1}, "x_groq": ' + odd + b"}"
    reader = GroqReader()
    reader.feed(body)
    expected = "unreadable" if odd.startswith(b"[") else "reported"
    assert reader.finish(complete=True).state == expected


def test_what_the_models_of_a_system_leave_is_the_systems_own():
    part = {"models": [BREAKDOWN["models"][0]]}
    usage = read(GroqReader(), whole(usage=USAGE, usage_breakdown=part)).usage
    assert usage is not None
    assert (usage.units, usage.terms) == ({"input": 8, "output": 9}, Terms(SHARES[:1]))


def test_models_that_took_more_than_the_sum_are_told():
    twice = {"models": BREAKDOWN["models"] * 2}
    usage = read(GroqReader(), whole(usage=USAGE, usage_breakdown=twice)).usage
    assert usage is not None
    assert (usage.units, usage.adds_up) == ({}, False)


@pytest.mark.parametrize(("duration", "billed"), [(3.2, 10), (10.0, 10), (10.01, 11), (61, 61)])
def test_a_transcript_is_billed_for_ten_seconds_at_least(duration, billed):
    body = json.dumps({"text": "x", "duration": duration, "x_groq": {"id": "req_1"}}).encode()
    usage = read(GroqTranscriptReader(), body).usage
    assert usage is not None
    assert usage.units == {"audio_seconds": billed}
    assert usage.raw == {"seconds": duration}


def read(reader, body):
    reader.feed(body)
    return reader.finish(complete=True)
