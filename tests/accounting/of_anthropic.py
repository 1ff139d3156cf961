"""Hand-computed answers of Anthropic."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.accounting.case import SSE, Case, Document, events, lines, whole

MESSAGES = "/v1/messages"
HAIKU, SONNET, OPUS = "claude-haiku-4-5-20251001", "claude-sonnet-4-5-20250929", "claude-opus-4-6"


def spent(asked: int, given: int, read: int = 0, short: int = 0, long: int = 0, **more: Any) -> Document:  # Any: JSON
    lifetimes = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
    cached = {"cache_read_input_tokens": read, "cache_creation_input_tokens": short + long, "cache_creation": lifetimes}
    return {"input_tokens": asked, **cached, "output_tokens": given, "service_tier": "standard"} | more


def turn(kind: str, asked: int, given: int, read: int = 0, **more: Any) -> Document:  # Any: JSON
    cached = {"cache_read_input_tokens": read, "cache_creation_input_tokens": 0}
    return {"type": kind, "input_tokens": asked, **cached, "output_tokens": given, **more}


def message(model: str, usage: Document) -> Document:
    content = [{"type": "text", "text": "ok"}]
    basic = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content}
    return basic | {"stop_reason": "end_turn", "stop_sequence": None, "usage": usage}


def stream(model: str, first: Document, last: Document) -> bytes:
    start = message(model, first) | {"content": [], "stop_reason": None}
    return events(
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ok"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": last},
        {"type": "message_stop"},
    )


def result(model: str, usage: Document) -> Document:
    return {"custom_id": "c", "result": {"type": "succeeded", "message": message(model, usage)}}


def case(
    model: str | None,
    body: bytes,
    tokens: tuple[int, int],
    *rates: tuple[int, str],
    **more: Any,  # Any: fields of Case
) -> Case:
    usual = {"provider": "anthropic", "path": MESSAGES, "model": model, "body": body, "tokens": tokens, "rates": rates}
    return Case(**usual | more)


CONTAINER = {"id": "container_1", "expires_at": "2026-11-20T13:00:00Z"}
RAN = stream(SONNET, spent(900, 1), {"input_tokens": 900, "output_tokens": 300}).replace(
    b'"delta": {"stop_reason"', f'"delta": {{"container": {json.dumps(CONTAINER)}, "stop_reason"'.encode()
)

COMPACTED = [turn("compaction", 20_000, 1_800, 160_000), turn("message", 900, 40)]
ADVISED = [turn("message", 300, 35), turn("advisor_message", 420, 700, model=OPUS), turn("message", 40, 60, 310)]
FELL = [turn("message", 500, 2, model="claude-fable-5"), turn("fallback_message", 500, 40, model="claude-opus-4-8")]
TWICE = [turn("message", 150_000, 10), turn("message", 150_000, 10)]

CASES: Final = {
    "message, code ran in a container": case(SONNET, whole(message(SONNET, spent(900, 300)) | {"container": CONTAINER}),
        (900, 300), (900, "3"), (300, "15"), nanousd=7_200_000, is_bounded=False),
    "message, streamed, code ran in a container": case(SONNET, RAN, (900, 300),
        (900, "3"), (300, "15"), nanousd=7_200_000, media_type=SSE, is_bounded=False),
    "message, none ran": case(SONNET, whole(message(SONNET, spent(900, 300)) | {"container": None}),
        (900, 300), (900, "3"), (300, "15"), nanousd=7_200_000),
    "message": case(SONNET, whole(message(SONNET, spent(1_000, 200))), (1_000, 200),
        (1_000, "3"), (200, "15"), nanousd=6_000_000),
    "message, caches of both lifetimes": case(SONNET, whole(message(SONNET, spent(50, 100, 10_000, 2_000, 1_000))),
        (13_050, 100), (50, "3"), (10_000, "0.30"), (2_000, "3.75"), (1_000, "6"), (100, "15"), nanousd=18_150_000),
    "message, over 200,000 tokens with its cache": case(SONNET, whole(message(SONNET, spent(150_000, 100, 60_000))),
        (210_000, 100), (150_000, "6"), (60_000, "0.60"), (100, "22.50"), nanousd=938_250_000),
    "message, streamed, thinking": case(HAIKU, stream(HAIKU, spent(300, 1),
        {"output_tokens": 500, "output_tokens_details": {"thinking_tokens": 400}}), (300, 500),
        (300, "1"), (100, "5"), (400, "5"), nanousd=2_800_000, media_type=SSE),
    "message, streamed, caches told at first alone": case(SONNET, stream(SONNET, spent(50, 1, 10_000, 2_000, 1_000),
        {"input_tokens": 50, "cache_read_input_tokens": 10_000, "output_tokens": 100}), (13_050, 100),
        (50, "3"), (10_000, "0.30"), (2_000, "3.75"), (1_000, "6"), (100, "15"), nanousd=18_150_000, media_type=SSE),
    "message, web searches": case(HAIKU, whole(message(HAIKU, spent(1_000, 50,
        server_tool_use={"web_search_requests": 3, "web_fetch_requests": 0}))), (1_000, 50),
        (1_000, "1"), (50, "5"), (3, "10000"), nanousd=31_250_000),
    "message, fast": case("claude-opus-4-8", whole(message("claude-opus-4-8", spent(1_000, 100, speed="fast"))),
        (1_000, 100), (1_000, "10"), (100, "50"), nanousd=15_000_000, basis="variant"),
    "message, kept in the US": case(OPUS, whole(message(OPUS, spent(1_000, 100, inference_geo="us"))), (1_000, 100),
        (1_000, "5.5"), (100, "27.5"), nanousd=8_250_000, basis="variant"),
    "message, anywhere": case(OPUS, whole(message(OPUS, spent(1_000, 100, inference_geo="global"))), (1_000, 100),
        (1_000, "5"), (100, "25"), nanousd=7_500_000),
    "compaction, beside the totals": case(HAIKU, stream(HAIKU, spent(900, 1), spent(900, 40, iterations=COMPACTED)),
        (180_900, 1_840), (20_900, "1"), (160_000, "0.10"), (1_840, "5"), nanousd=46_100_000, media_type=SSE),
    "adviser, at its own price": case(HAIKU, whole(message(HAIKU, spent(300, 95, iterations=ADVISED))), (1_070, 795),
        (340, "1"), (310, "0.10"), (95, "5"), (420, "5"), (700, "25"), nanousd=20_446_000),
    "another model stepped in": case("claude-fable-5", whole(message("claude-opus-4-8", spent(500, 42, iterations=FELL))),
        (1_000, 42), (500, "5"), (40, "25"), (500, "10"), (2, "50"), nanousd=8_600_000),
    "two prompts, each below 200,000 tokens": case(SONNET, whole(message(SONNET, spent(300_000, 20, iterations=TWICE))),
        (300_000, 20), (300_000, "3"), (20, "15"), nanousd=900_300_000),
    "batch, its results": case(None, lines(result(HAIKU, spent(100, 30, 20)), result(HAIKU, spent(50, 5)),
        {"custom_id": "d", "result": {"type": "expired"}}), (170, 35), (150, "0.50"), (20, "0.05"), (35, "2.50"),
        nanousd=163_500, method="GET", path="/v1/messages/batches/msgbatch_1/results", media_type="application/x-jsonl",
        basis="variant"),
}  # fmt: skip
