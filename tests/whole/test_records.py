"""Each request leaves one row, and the row says what the provider said."""

from __future__ import annotations

import base64
import json
from typing import Any

import attrs
import pytest

from tests.whole import answers
from tests.whole.answers import CACHED, INPUT, OUTPUT, REASONING, chunk, event, stream_head, whole
from tests.whole.gateway import Gateway, until
from tests.whole.upstream import Upstream, send, wait
from tests.whole.wire_client import request, wire

PNG = "iVBORw0KGgoAAAANSUhEUg"
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
MESSAGE = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
GENERATE = {"contents": [{"parts": [{"text": "hello"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]}]}
STREAM = {"stream": True}
USAGE = {"stream_options": {"include_usage": True}}


@attrs.frozen
class Case:
    """One endpoint, and what its row must say."""

    target: str
    asked: dict[str, Any]  # Any: JSON
    provider: str
    model: str
    """As the answer names it."""
    output: int = OUTPUT
    cached: int = CACHED
    reasoning: int = REASONING

    @property
    def is_streamed(self) -> bool:
        """Whether the answer comes in pieces."""
        return "stream" in self.asked or "streamGenerate" in self.target


CHATS = "/v1/chat/completions"
GEMINI = "/v1beta/models/gemini-2.5-flash"
CASES = {
    "chat": Case(CHATS, CHAT, "openai", "gpt-4o-mini"),
    "chat streamed": Case(CHATS, CHAT | STREAM | USAGE, "openai", "gpt-4o-mini"),
    "responses": Case("/v1/responses", {"model": "gpt-4.1", "input": "x"}, "openai", "gpt-4.1"),
    "responses streamed": Case("/v1/responses", {"model": "gpt-4.1", "input": "x"} | STREAM, "openai", "gpt-4.1"),
    "embeddings": Case(
        "/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"}, "openai", "text-embedding-3-small", 0, 0, 0
    ),
    "messages": Case("/v1/messages", MESSAGE, "anthropic", "claude-haiku-4-5", reasoning=0),
    "messages streamed": Case("/v1/messages", MESSAGE | STREAM, "anthropic", "claude-haiku-4-5", reasoning=0),
    "quick": Case("/groq/openai" + CHATS, CHAT | {"model": "llama-3.1-8b-instant"}, "groq", "llama-3.1-8b-instant"),
    "generate": Case(GEMINI + ":generateContent", GENERATE, "gemini", "gemini-2.5-flash"),
    "generate events": Case(GEMINI + ":streamGenerateContent?alt=sse", GENERATE, "gemini", "gemini-2.5-flash"),
    "generate array": Case(GEMINI + ":streamGenerateContent", GENERATE, "gemini", "gemini-2.5-flash"),
}


def ask(gateway: Gateway, name: str, target: str, tree: dict[str, Any], *fields: tuple[str, str]) -> int:  # Any: JSON
    """Send one request and read its answer to the end. Returns the status."""
    usual = (
        ("X-Lectr-Key", gateway.key),
        ("X-Lectr-Feature", name),
        ("x-standin", name),
        ("Content-Type", "application/json"),
    )
    with wire(gateway.url) as line:
        line.send(request("POST", target, *usual, *fields, body=json.dumps(tree).encode()))
        return line.get().status


@pytest.mark.parametrize(
    ("name_of_case", "coding"),
    [(found, None) for found in CASES]
    + [(found, coding) for found in CASES for coding in answers.CODINGS if not CASES[found].is_streamed],
)
def test_the_row_holds_what_the_provider_counted(
    name_of_case: str, coding: str | None, upstream: Upstream, holding: Gateway, name: str
) -> None:
    case = CASES[name_of_case]
    if coding:
        upstream.script(name, send(_packed(case, coding)))
    assert ask(holding, name, case.target, case.asked) == 200
    (row,) = holding.stored(1, "feature = ?", name)
    assert (row["provider"], row["outcome"], row["status"]) == (case.provider, "ok", 200)
    assert row["model_actual"] == case.model
    assert row["tokens_source"] == "reported"
    assert row["input_tokens"] == row["input_tokens_low"] == row["input_tokens_high"] == INPUT
    assert row["output_tokens"] in ({case.output} if case.output else {None, 0})
    assert (row["cached_input_tokens"] or 0) == case.cached
    assert (row["reasoning_tokens"] or 0) == case.reasoning
    assert row["cost_usd"] > 0
    assert row["price_source"].startswith("genai-prices ")
    assert row["cost_basis"] == "exact"
    assert row["org"] == "acme"
    assert row["attempts"] == 1
    assert row["streamed"] == case.is_streamed
    assert row["duration_ms"] >= row["ttfb_ms"] >= 0


def _packed(case: Case, coding: str) -> bytes:
    """The stand-in's usual answer in a content coding."""
    (step,) = answers.by_default(f"POST {case.target} HTTP/1.1\r\n\r\n".encode(), json.dumps(case.asked).encode())
    return whole(base64.b64decode(step["send"]).partition(b"\r\n\r\n")[2], coding=coding)


def test_a_stream_without_usage_is_never_shown_as_exact(upstream: Upstream, holding: Gateway, name: str) -> None:
    assert ask(holding, name, "/v1/chat/completions", CHAT | STREAM) == 200
    (row,) = holding.stored(1, "feature = ?", name)
    assert row["streamed"] == 1
    assert row["tokens_source"] in ("measured", "estimated")
    for way in ("input", "output"):
        assert row[f"{way}_tokens_low"] <= row[f"{way}_tokens"] <= row[f"{way}_tokens_high"]
        assert row[f"{way}_tokens_low"] < row[f"{way}_tokens_high"]
        assert f"{way}" in row["tokens_note"]
    assert row["cost_low_nanousd"] < row["cost_nanousd"] < row["cost_high_nanousd"]


def test_an_unknown_model_has_no_price_rather_than_none_to_pay(upstream: Upstream, holding: Gateway, name: str) -> None:
    assert ask(holding, name, "/v1/chat/completions", CHAT | {"model": "gpt-unheard-of"}) == 200
    (row,) = holding.stored(1, "feature = ?", name)
    assert row["cost_usd"] is None
    assert row["cost_basis"] == "unknown"
    assert row["input_tokens"] == INPUT


@pytest.mark.parametrize(
    ("status", "category"),
    [
        ("401 Unauthorized", "auth"),
        ("404 Not Found", "client"),
        ("429 Too Many Requests", "rate_limit"),
        ("500 Oh", "server"),
        ("503 Busy", "overload"),
    ],
)
def test_a_providers_error_is_on_the_row(
    status: str, category: str, upstream: Upstream, holding: Gateway, name: str
) -> None:
    upstream.script(name, send(whole(b'{"error":{"message":"a secret text"}}', status=status)))
    assert ask(holding, name, "/v1/chat/completions", CHAT) == int(status[:3])
    (row,) = holding.stored(1, "feature = ?", name)
    assert (row["outcome"], row["error_source"], row["error_category"]) == ("provider_error", "provider", category)
    assert "a secret text" not in str(row)


def test_a_stream_that_the_client_leaves_keeps_what_was_counted(upstream: Upstream, holding: Gateway, name: str) -> None:
    begun = {
        "type": "message_start",
        "message": {"model": "claude-haiku-4-5", "usage": {"input_tokens": 7, "output_tokens": 1}},
    }
    upstream.script(name, send(stream_head() + chunk(event(begun, "message_start"))), wait(name))
    usual = (
        ("X-Lectr-Key", holding.key),
        ("X-Lectr-Feature", name),
        ("x-standin", name),
        ("Content-Type", "application/json"),
    )
    with wire(holding.url) as line:
        line.send(request("POST", "/v1/messages", *usual, body=json.dumps(MESSAGE | STREAM).encode()))
        line.until(b"\r\n\r\n")
        line.chunk()
    (row,) = holding.stored(1, "feature = ?", name)
    assert row["outcome"] == "client_disconnected"
    assert row["input_tokens_low"] == 7
    assert (row["output_tokens_low"], row["output_tokens_high"]) == (0, 9), "from what came to what was allowed"
    assert row["cost_low_nanousd"] < row["cost_high_nanousd"]


def test_feature_and_task_are_kept_and_a_long_feature_is_cut(upstream: Upstream, holding: Gateway, name: str) -> None:
    long = name + "x" * 200
    assert ask(holding, name, "/v1/chat/completions", CHAT, ("X-Lectr-Task", "extraction")) == 200
    (row,) = holding.stored(1, "feature = ?", name)
    assert row["task"] == "extraction"
    usual = (("X-Lectr-Key", holding.key), ("X-Lectr-Feature", long), ("Content-Type", "application/json"))
    with wire(holding.url) as line:
        line.send(request("POST", "/v1/chat/completions", *usual, body=json.dumps(CHAT).encode()))
        assert line.get().status == 200
    assert holding.stored(1, "feature = ?", long[:100])


def test_a_thousand_requests_are_a_thousand_rows(upstream: Upstream, holding: Gateway, name: str) -> None:
    usual = (("X-Lectr-Key", holding.key), ("X-Lectr-Feature", name), ("Content-Type", "application/json"))
    sent = request("POST", "/v1/chat/completions", *usual, body=json.dumps(CHAT).encode())
    with wire(holding.url) as line:
        for _ in range(1000):
            line.send(sent)
            assert line.get().status == 200
    rows = holding.stored(1000, "feature = ?", name)
    assert len({row["id"] for row in rows}) == len(rows) == 1000
    until(lambda: holding.lectr("verify", check=False).returncode == 0, what="lectr verify is content")
