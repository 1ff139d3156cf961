"""Hand-computed answers of Groq and of endpoints that speak the dialect with an accent."""

from __future__ import annotations

from typing import Any, Final

from tests.accounting.case import SSE, Case, Document, events, whole
from tests.accounting.of_openai import chat, counts, spent

CHAT = "/v1/chat/completions"
LLAMA = "llama-3.3-70b-versatile"
OSS = "openai/gpt-oss-120b"


def case(
    provider: str,
    model: str,
    body: bytes,
    tokens: tuple[int, int],
    *rates: tuple[int, str],
    **more: Any,  # Any: fields of Case
) -> Case:
    usual = {"provider": provider, "path": CHAT, "model": model, "body": body, "tokens": tokens, "rates": rates}
    return Case(**usual | more)


def accented(model: str, usage: Document) -> bytes:
    return whole(chat(model, usage))


QUICK = events(
    {"id": "c", "model": OSS, "choices": [{"index": 0, "delta": {"content": "ok"}}], "x_groq": {"id": "req_1"}},
    {"id": "c", "model": OSS, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "x_groq": {
        "id": "req_1", "usage": counts(500, 300, {"cached_tokens": 200}, {"reasoning_tokens": 250})}},
    done=True,
)  # fmt: skip
PARTS = [{"model": OSS, "usage": counts(30, 70)}, {"model": LLAMA, "usage": counts(8, 9)}]
COMPOUND = chat("groq/compound", counts(38, 79), usage_breakdown={"models": PARTS})
HITS = {"prompt_cache_hit_tokens": 94_464, "prompt_cache_miss_tokens": 7_592}
DEEP = {"prompt_tokens": 20, "completion_tokens": 1_000, "total_tokens": 1_020, "reasoning_tokens": 3_000}
SEARCHED = {"citation_tokens": 500, "num_search_queries": 4}

CASES: Final = {
    "groq": case("groq", LLAMA, accented(LLAMA, counts(1_000, 100) | {"queue_time": 0.01}), (1_000, 100),
        (1_000, "0.59"), (100, "0.79"), nanousd=669_000),
    "groq, streamed, usage in x_groq": case("groq", OSS, QUICK, (500, 300),
        (300, "0.15"), (200, "0.075"), (50, "0.60"), (250, "0.60"), nanousd=240_000, media_type=SSE),
    "groq, a system of models": case("groq", "groq/compound", whole(COMPOUND), (38, 79),
        (30, "0.15"), (70, "0.60"), (8, "0.59"), (9, "0.79"), nanousd=58_330),
    # 0.04 USD an hour are 100/9 USD for a million seconds.
    "groq, a transcript": case("groq", "whisper-large-v3-turbo", whole({"text": "ok", "duration": 35.2}), (0, 0),
        (36, "100/9"), nanousd=400_000, path="/v1/audio/transcriptions", check=None),
    # 0.111 USD an hour; ten seconds at least: 10 × 111,000,000 / 3,600 = 308,333.3
    "groq, a short transcript": case("groq", "whisper-large-v3", whole({"text": "ok", "duration": 3.2}), (0, 0),
        (10, "185/6"), nanousd=308_333, path="/v1/audio/transcriptions", check=None),
    "deepseek, hits and misses": case("deepseek", "deepseek-chat", accented("deepseek-chat", counts(102_056, 252) | HITS),
        (102_056, 252), (94_464, "0.07"), (7_592, "0.27"), (252, "1.10"), nanousd=8_939_520, basis="fallback"),
    "moonshot, cached beside the counts": case("moonshot", "kimi-k2-0905-preview",
        accented("kimi-k2-0905-preview", counts(1_000, 100) | {"cached_tokens": 600}), (1_000, 100),
        (400, "0.60"), (600, "0.15"), (100, "2.50"), nanousd=580_000),
    "mistral": case("mistral", "mistral-small-latest", accented("mistral-small-latest", counts(100, 50)), (100, 50),
        (100, "0.15"), (50, "0.60"), nanousd=45_000),
    "together": case("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        accented("meta-llama/Llama-3.3-70B-Instruct-Turbo", counts(1_000, 100)), (1_000, 100),
        (1_000, "0.88"), (100, "0.88"), nanousd=968_000),
    "fireworks": case("fireworks", "accounts/fireworks/models/llama-v3p1-8b-instruct",
        accented("accounts/fireworks/models/llama-v3p1-8b-instruct", counts(1_000, 50)), (1_000, 50),
        (1_000, "0.20"), (50, "0.20"), nanousd=210_000),
    "cerebras": case("cerebras", "llama-3.3-70b", accented("llama-3.3-70b", counts(100, 10)), (100, 10),
        (100, "0.85"), (10, "1.20"), nanousd=97_000),
    "zai, cached": case("zai", "glm-4.6", accented("glm-4.6", counts(100, 10, {"cached_tokens": 50})), (100, 10),
        (50, "0.60"), (50, "0.11"), (10, "2.20"), nanousd=57_500),
    "perplexity, searches, citations and reasoning beside": case("perplexity", "sonar-deep-research",
        accented("sonar-deep-research", DEEP | SEARCHED), (20, 4_000),
        (20, "2"), (1_000, "8"), (3_000, "3"), (500, "2"), (4, "5000"), nanousd=38_040_000),
    # What these bill they tell: the arithmetic is one dollar figure.
    "perplexity, its own account": case("perplexity", "sonar", accented("sonar", counts(10, 100) | {
        "cost": {"request_cost": 0.005, "total_cost": 0.00511}}), (10, 100),
        (1, "5110"), nanousd=5_110_000, basis="reported"),
    "openrouter, its own account": case("openrouter", "openai/gpt-4o-mini",
        accented("openai/gpt-4o-mini", counts(194, 2) | {"cost": 0.0000303, "is_byok": False}), (194, 2),
        (1, "30.3"), nanousd=30_300, basis="reported"),
    "xai, its own account": case("xai", "grok-4", accented("grok-4-0709", counts(100, 10, None, {"reasoning_tokens": 5})
        | {"cost_in_usd_ticks": 37_756_000}), (100, 10), (1, "3775.6"), nanousd=3_775_600, basis="reported"),
    "xai, reasoning beside the completion": case("xai", "grok-3-mini", accented("grok-3-mini", {"prompt_tokens": 100,
        "completion_tokens": 10, "total_tokens": 310, "completion_tokens_details": {"reasoning_tokens": 200}}), (100, 210),
        (100, "0.30"), (10, "0.50"), (200, "0.50"), nanousd=135_000),
    "a response of another's": case("groq", OSS, whole({"id": "r", "object": "response", "status": "completed", "model": OSS,
        "usage": spent(100, 20)}), (100, 20), (100, "0.15"), (20, "0.60"), nanousd=27_000, path="/v1/responses"),
}  # fmt: skip
