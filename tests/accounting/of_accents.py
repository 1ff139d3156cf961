"""Hand-computed answers of servers that speak a dialect in words of their own, and of streams that repeat themselves."""

from __future__ import annotations

from typing import Final

from tests.accounting.case import SSE, events, whole
from tests.accounting.of_anthropic import message, stream
from tests.accounting.of_gemini import FLASH, frame, of
from tests.accounting.of_openai import RESPONSES, chat, chunks, counts, response, spent
from tests.accounting.of_others import accented, case

LARGE, CLAUDE = "gpt-4o", "anthropic/claude-sonnet-4.5"
THINKER = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 310} | {
    "completion_tokens_details": {"reasoning_tokens": 200}
}
OWN_KEY = {"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.0360795}}
LIFETIMES = {"ephemeral_5m_input_tokens": 3_000}
HEAD = {"id": "c", "model": LARGE}
PIECE = HEAD | {"choices": [{"index": 0, "delta": {"content": "ok"}}]}
STOP = HEAD | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
HIT = counts(35_227, 100, {"cached_tokens": 32_512})

PREVIEWED = response("gpt-4.1", spent(1_000, 100), tools=[{"type": "web_search_preview_2025_03_11"}],
    output=[{"type": "web_search_call", "action": {"type": "search"}}])  # fmt: skip
THOUGHT = response("gpt-5", spent(1_000, 100, 0, 64), tools=[{"type": "web_search_preview"}],
    output=[{"type": "web_search_call", "action": {"type": "search"}}])  # fmt: skip
TOOL = {
    "index": 0,
    "id": "$web_search:0",
    "type": "builtin_function",
    "function": {"name": "$web_search", "arguments": "{}"},
}
SEARCHING = {"id": "c", "model": "kimi-k2-0905-preview", "usage": counts(100, 10), "choices": [
    {"index": 0, "message": {"content": "", "tool_calls": [TOOL]}, "finish_reason": "tool_calls"}]}  # fmt: skip
CALLING = {"id": "c", "model": "kimi-k2-0905-preview", "choices": [{"index": 0, "delta": {"tool_calls": [TOOL]}}]}
CALLED = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls", "usage": counts(100, 10)}]}

CASES: Final = {
    "cached ones told in the singular": case("mistral", "mistral-small-latest",
        accented("mistral-small-latest", {"prompt_tokens": 801, "completion_tokens": 2, "total_tokens": 803,
            "prompt_token_details": {"cached_tokens": 768}}), (801, 2),
        (33, "0.15"), (768, "0.015"), (2, "0.60"), nanousd=17_670),
    "what was written to the cache, under its maker's name": case("openrouter", CLAUDE,
        accented(CLAUDE, counts(13_050, 100, {"cached_tokens": 10_000, "cache_creation_input_tokens": 3_000,
            "cache_creation": LIFETIMES})), (13_050, 100),
        (50, "3"), (10_000, "0.30"), (3_000, "3.75"), (100, "15"), nanousd=15_900_000),
    "the same, told twice, and within the prompt": case("openrouter", CLAUDE,
        accented(CLAUDE, counts(98_805, 5_120, {"cached_tokens": 66_360, "cache_creation_tokens": 32_435})
            | {"cache_read_input_tokens": 66_360, "cache_creation_input_tokens": 32_435}), (98_805, 5_120),
        (10, "3"), (66_360, "0.30"), (32_435, "3.75"), (5_120, "15"), nanousd=218_369_250),
    "more of it than the prompt, so beside it": case("openrouter", CLAUDE,
        accented(CLAUDE, counts(31, 467, {"cached_tokens": 0}) | {"cache_creation_input_tokens": 1_253,
            "cache_read_input_tokens": 0}), (1_284, 467),
        (31, "3"), (1_253, "3.75"), (467, "15"), nanousd=11_796_750),
    "reasoning beside the completion, of another's model": case("azure", "mine", accented("grok-4", THINKER), (100, 210),
        (100, "3"), (10, "15"), (200, "15"), nanousd=3_450_000, basis="fallback",
        path="/openai/deployments/mine/chat/completions"),
    "a response with the caller's own key": case("openrouter", "openai/gpt-5", whole({"id": "r", "object": "response",
        "status": "completed", "model": "openai/gpt-5", "usage": spent(9_171, 113) | OWN_KEY}), (9_171, 113),
        (1, "36079.5"), nanousd=36_079_500, basis="reported", path="/v1/responses"),
    "names of another dialect": case("openai", LARGE, accented(LARGE, {"input_tokens": 11, "output_tokens": 5,
        "total_tokens": 16}), (11, 5), (11, "2.50"), (5, "10"), nanousd=77_500),
    "the answer told by the total": case("openai", LARGE, accented(LARGE, {"prompt_tokens": 10, "completion_tokens": None,
        "total_tokens": 15}), (10, 5), (10, "2.50"), (5, "10"), nanousd=75_000),
    "the prompt told by the total": case("openai", LARGE, accented(LARGE, {"completion_tokens": 5, "total_tokens": 15}),
        (10, 5), (10, "2.50"), (5, "10"), nanousd=75_000),
    "usage twice, the fuller one last": case("openai", LARGE,
        events(PIECE, STOP | {"usage": counts(35_227, 100)}, HEAD | {"choices": [], "usage": HIT}, done=True), (35_227, 100),
        (2_715, "2.50"), (32_512, "1.25"), (100, "10"), nanousd=48_427_500, media_type=SSE),
    "usage twice, the fuller one first": case("openai", LARGE,
        events(PIECE, STOP | {"usage": HIT}, HEAD | {"choices": [], "usage": counts(35_227, 100)}, done=True), (35_227, 100),
        (2_715, "2.50"), (32_512, "1.25"), (100, "10"), nanousd=48_427_500, media_type=SSE),
    "usage, and nothing in the end": case("openai", LARGE,
        events(PIECE, STOP | {"usage": HIT}, HEAD | {"choices": [], "usage": NOTHING}, done=True), (35_227, 100),
        (2_715, "2.50"), (32_512, "1.25"), (100, "10"), nanousd=48_427_500, media_type=SSE),
    "usage, and null in the end": case("openai", LARGE,
        chunks(LARGE, HIT).replace(b"data: [DONE]", b'data: {"choices": [], "usage": null}\n\ndata: [DONE]'), (35_227, 100),
        (2_715, "2.50"), (32_512, "1.25"), (100, "10"), nanousd=48_427_500, media_type=SSE),
    "a prompt that is 0 in the end": case("anthropic", "claude-sonnet-4-5", stream("claude-sonnet-4-5",
        {"input_tokens": 25, "output_tokens": 1}, {"input_tokens": 0, "output_tokens": 15}), (25, 15),
        (25, "3"), (15, "15"), nanousd=300_000, media_type=SSE, path="/v1/messages", check=None),
    "a prompt that is 0 at first": case("anthropic", "claude-sonnet-4-5", stream("claude-sonnet-4-5",
        {"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0},
        {"input_tokens": 11, "cache_read_input_tokens": 7, "output_tokens": 5}), (18, 5),
        (11, "3"), (7, "0.30"), (5, "15"), nanousd=110_100, media_type=SSE, path="/v1/messages", check=None),
    "a prompt that was in the cache after all": case("anthropic", "claude-sonnet-4-5", stream("claude-sonnet-4-5",
        {"input_tokens": 3_602, "output_tokens": 1, "cache_read_input_tokens": 0},
        {"input_tokens": 0, "cache_read_input_tokens": 3_602, "output_tokens": 5}), (3_602, 5),
        (3_602, "0.30"), (5, "15"), nanousd=1_155_600, media_type=SSE, path="/v1/messages", check=None),
    # Some servers of the dialect count the whole prompt at first, and what of it was cached in the end.
    "a cache that is told in the end alone": case("anthropic", "claude-sonnet-4-5", stream("claude-sonnet-4-5",
        {"input_tokens": 3_602, "output_tokens": 1}, {"cache_read_input_tokens": 3_584, "output_tokens": 5}), (7_186, 5),
        (3_602, "3"), (3_584, "0.30"), (5, "15"), nanousd=11_956_200, media_type=SSE, path="/v1/messages", check=False,
        basis="fallback"),
    "writes whose lifetime nobody names": case("anthropic", "claude-sonnet-4-5", whole(message("claude-sonnet-4-5",
        {"input_tokens": 3, "cache_creation_input_tokens": 12_304, "cache_read_input_tokens": 0, "output_tokens": 550})),
        (12_307, 550), (3, "3"), (12_304, "3.75"), (550, "15"), nanousd=54_399_000, path="/v1/messages", check=None),
    "thoughts that only the total holds": case("gemini", FLASH, whole(frame(FLASH, {"promptTokenCount": 7_477,
        "candidatesTokenCount": 2_060, "totalTokenCount": 11_476})), (7_477, 3_999),
        (7_477, "0.30"), (2_060, "2.50"), (1_939, "2.50"), nanousd=12_240_600, path=of(FLASH), check=False),
    "a fee that is told with the cost alone": case("perplexity", "sonar", accented("sonar", counts(10, 100) | {
        "search_context_size": "low"}), (10, 100), (10, "1"), (100, "1"), nanousd=110_000, basis="fallback",
        is_bounded=False),
    "sources that are told with the cost alone": case("xai", "grok-3", whole(chat("grok-3", counts(108, 32) | {
        "num_sources_used": 12})), (108, 32), (108, "3"), (32, "15"), nanousd=804_000, is_bounded=False),
    "a model that searches before it answers": case("openai", "gpt-4o-search-preview", accented(
        "gpt-4o-search-preview-2025-03-11", counts(1_000, 100)), (1_000, 100),
        (1_000, "2.50"), (100, "10"), nanousd=3_500_000, is_bounded=False),
    "the same, streamed": case("openai", "gpt-4o-search-preview", chunks("gpt-4o-search-preview", counts(1_000, 100)),
        (1_000, 100), (1_000, "2.50"), (100, "10"), nanousd=3_500_000, is_bounded=False, media_type=SSE),
    # The preview costs 25 USD for 1,000 searches where the model does not reason, 10 where it does.
    "the preview of web search, by a model that does not reason": case("openai", "gpt-4.1", whole(PREVIEWED), (1_000, 100),
        (1_000, "2"), (100, "8"), (1, "10000"), nanousd=12_800_000, is_bounded=False, path=RESPONSES),
    "the preview of web search, by one that does": case("openai", "gpt-5", whole(THOUGHT), (1_000, 100),
        (1_000, "1.25"), (36, "10"), (64, "10"), (1, "10000"), nanousd=12_250_000, path=RESPONSES),
    "tokens that only the total holds": case("groq", "llama-3.3-70b-versatile", accented("llama-3.3-70b-versatile",
        {"prompt_tokens": 3, "completion_tokens": 7, "total_tokens": 298}), (3, 7),
        (3, "0.59"), (7, "0.79"), nanousd=7_300, is_bounded=False, check=False),
    "in a region that the path names": case("gemini", FLASH, whole(frame(FLASH, {"promptTokenCount": 7,
        "candidatesTokenCount": 205, "totalTokenCount": 212, "trafficType": "ON_DEMAND"})), (7, 205),
        (7, "0.30"), (205, "2.50"), nanousd=514_600, basis="fallback",
        path=f"/v1/projects/p/locations/europe-west4/publishers/google/models/{FLASH}:generateContent"),
    "anywhere, as the path says": case("gemini", FLASH, whole(frame(FLASH, {"promptTokenCount": 7,
        "candidatesTokenCount": 205, "totalTokenCount": 212})), (7, 205),
        (7, "0.30"), (205, "2.50"), nanousd=514_600,
        path=f"/v1/projects/p/locations/global/publishers/google/models/{FLASH}:generateContent"),
    "drawn and thought, in a chat": case("openrouter", "google/gemini-3-pro-image-preview", accented(
        "google/gemini-3-pro-image-preview", counts(10, 1_345, {"text_tokens": 10}, {"reasoning_tokens": 225,
        "text_tokens": 0, "image_tokens": 1_120}) | {"cost": 0.13442}), (10, 1_345),
        (1, "134420"), nanousd=134_420_000, basis="reported"),
    # 14 USD for 1,000 searches; the empty one and the second of the same are not billed.
    "searches that are told twice, and empty ones": case("gemini", "gemini-3-flash-preview", events(
        frame("gemini-3-flash-preview", {"promptTokenCount": 20}, groundingMetadata={"webSearchQueries": ["a", ""]}),
        frame("gemini-3-flash-preview", {"promptTokenCount": 20, "candidatesTokenCount": 30, "totalTokenCount": 50},
            groundingMetadata={"webSearchQueries": ["a", "", "b", "a"]})), (20, 30),
        (20, "0.50"), (30, "3"), (2, "14000"), nanousd=28_100_000, media_type=SSE,
        path=of("gemini-3-flash-preview", "streamGenerateContent")),
    "an answer on maps": case("gemini", FLASH, whole(frame(FLASH, {"promptTokenCount": 20, "candidatesTokenCount": 30,
        "totalTokenCount": 50}, groundingMetadata={"groundingChunks": [{"maps": {"uri": "x", "title": "y"}}]})), (20, 30),
        (20, "0.30"), (30, "2.50"), nanousd=81_000, path=of(FLASH), is_bounded=False),
    "an embedding that counts its tokens itself": case("gemini", "gemini-embedding-001", whole({"predictions": [
        {"embeddings": {"values": [0.5], "statistics": {"token_count": 70.0, "truncated": False}}},
        {"embeddings": {"values": [0.5], "statistics": {"token_count": 30}}}]}), (100, 0),
        (100, "0.15"), nanousd=15_000, path=of("gemini-embedding-001", "predict"), check=None),
    "an interaction on maps": case("gemini", FLASH, whole({"id": "int_2", "model": FLASH, "status": "completed", "usage": {
        "total_input_tokens": 20, "total_output_tokens": 30, "total_tokens": 50,
        "grounding_tool_count": [{"type": "google_maps", "count": 1}]}}), (20, 30),
        (20, "0.30"), (30, "2.50"), nanousd=81_000, path="/v1beta/interactions", is_bounded=False),
    "a cache that only timings tell": case("cerebras", "gpt-oss-120b", events(
        {"id": "c", "model": "gpt-oss-120b", "choices": [{"index": 0, "delta": {"content": "ok"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": counts(75, 31), "timings": {"cache_n": 60, "prompt_n": 15, "predicted_n": 31}}, done=True),
        (75, 31), (15, "0.35"), (60, "0.35"), (31, "0.75"), nanousd=49_500, media_type=SSE),
    "a search that is a call of the server's own tool": case("moonshot", "kimi-k2-0905-preview", whole(SEARCHING), (100, 10),
        (100, "0.60"), (10, "2.50"), nanousd=85_000, is_bounded=False),
    "a search that is such a call, streamed": case("moonshot", "kimi-k2-0905-preview",
        events(CALLING, CALLED, done=True), (100, 10),
        (100, "0.60"), (10, "2.50"), nanousd=85_000, is_bounded=False, media_type=SSE),
}  # fmt: skip
