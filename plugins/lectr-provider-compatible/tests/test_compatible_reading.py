"""Usage as the many report it: recorded shapes, fed in any pieces, each with the counts it stands for."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_provider_compatible.reading import CompatibleEventReader, CompatibleReader, compatible_usage

from lectr_core import Reading, Terms, Usage
from lectr_core.testing import check_reader

USAGES: dict[str, tuple[dict[str, object], dict[str, int], bool | None]] = {
    "plain": (
        {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        {"input": 10, "output": 5},
        True,
    ),
    "deepseek": (
        {
            "prompt_tokens": 102056,
            "completion_tokens": 252,
            "total_tokens": 102308,
            "prompt_cache_hit_tokens": 94464,
            "prompt_cache_miss_tokens": 7592,
            "completion_tokens_details": {"reasoning_tokens": 44},
        },
        {"cache_read": 94464, "input": 7592, "reasoning": 44, "output": 208},
        True,
    ),
    "deepseek, hits in both places": (
        {
            "prompt_tokens": 100,
            "completion_tokens": 5,
            "total_tokens": 105,
            "prompt_tokens_details": {"cached_tokens": 64},
            "prompt_cache_hit_tokens": 64,
            "prompt_cache_miss_tokens": 36,
        },
        {"cache_read": 64, "input": 36, "output": 5},
        True,
    ),
    "hits and misses alone": (
        {"prompt_cache_hit_tokens": 10, "prompt_cache_miss_tokens": 5, "completion_tokens": 20},
        {"cache_read": 10, "input": 5, "output": 20},
        None,
    ),
    "openrouter": (
        {
            "prompt_tokens": 194,
            "completion_tokens": 2,
            "total_tokens": 196,
            "cost": 0.00095,
            "cost_details": {"upstream_inference_cost": 0.0009},
            "prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 100, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        {"cache_read": 50, "cache_write": 100, "input": 44, "output": 2},
        True,
    ),
    "xai, reasoning beside the completion": (
        {
            "prompt_tokens": 89705,
            "completion_tokens": 917,
            "total_tokens": 91186,
            "prompt_tokens_details": {"text_tokens": 89705, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 128},
            "completion_tokens_details": {"reasoning_tokens": 564, "audio_tokens": 0},
            "num_sources_used": 0,
            "cost_in_usd_ticks": 1156993500,
        },
        {"cache_read": 128, "input": 89577, "reasoning": 564, "output": 917},
        True,
    ),
    "xai, reasoning alone": (
        {
            "prompt_tokens": 9,
            "completion_tokens": 0,
            "total_tokens": 109,
            "completion_tokens_details": {"reasoning_tokens": 100},
        },
        {"input": 9, "reasoning": 100},
        True,
    ),
    "perplexity": (
        {
            "prompt_tokens": 14,
            "completion_tokens": 300,
            "total_tokens": 314,
            "search_context_size": "low",
            "cost": {"input_tokens_cost": 0.000014, "request_cost": 0.005, "total_cost": 0.0053},
        },
        {"input": 14, "output": 300},
        True,
    ),
    "perplexity, deep research": (
        {
            "prompt_tokens": 33,
            "completion_tokens": 7163,
            "total_tokens": 7196,
            "citation_tokens": 20016,
            "num_search_queries": 28,
            "reasoning_tokens": 95305,
        },
        {"input": 33, "output": 7163, "reasoning": 95305, "citation": 20016, "web_search": 28},
        True,
    ),
    "mistral": (
        {
            "prompt_tokens": 40,
            "completion_tokens": 8,
            "total_tokens": 48,
            "prompt_audio_seconds": 30,
            "num_cached_tokens": 16,
        },
        {"cache_read": 16, "input": 24, "output": 8, "audio_seconds": 30},
        True,
    ),
    "mistral, without audio": (
        {"prompt_tokens": 4, "completion_tokens": 8, "total_tokens": 12, "prompt_audio_seconds": {}},
        {"input": 4, "output": 8},
        True,
    ),
    "moonshot": (
        {"prompt_tokens": 19, "completion_tokens": 13, "total_tokens": 32, "cached_tokens": 10},
        {"cache_read": 10, "input": 9, "output": 13},
        True,
    ),
    "embeddings": ({"prompt_tokens": 7, "total_tokens": 7}, {"input": 7}, True),
    "a total that does not fit": (
        {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 70},
        {"input": 7, "output": 1},
        False,
    ),
    "more cached than asked": (
        {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8, "prompt_cache_hit_tokens": 9},
        {"cache_read": 7, "output": 1},
        False,
    ),
}
RAW = {name: {field: value for field, value in tree.items() if value != {}} for name, (tree, _, _) in USAGES.items()}
RAW["mistral, without audio"]["prompt_audio_seconds"] = {}
BEYOND = {"a total that does not fit": Terms(untold="tokens that only the total holds")}
READINGS = {
    name: Reading(state="reported", usage=Usage(counted, RAW[name], fits, BEYOND.get(name)), model="m", answer_id="gen-1")
    for name, (_, counted, fits) in USAGES.items()
}


def event(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


SAME = {"id": "gen-1", "model": "m", "object": "chat.completion.chunk"}
PIECE = event(SAME | {"choices": [{"index": 0, "delta": {"content": "Hello"}}]})
DONE = b"data: [DONE]\n\n"
TALKED = attrs.evolve(READINGS["plain"], deltas=1, delta_chars=5)
PLAIN = RAW["plain"]


@pytest.mark.parametrize("name", USAGES)
def test_a_whole_answer_is_counted_in_any_pieces(name):
    body = json.dumps({"id": "gen-1", "model": "m", "choices": [], "usage": USAGES[name][0]}).encode()
    check_reader(CompatibleReader, body, READINGS[name])


@pytest.mark.parametrize("name", [name for name in USAGES if name != "embeddings"])
def test_a_stream_is_counted_in_any_pieces(name):
    body = PIECE + event(SAME | {"choices": [], "usage": USAGES[name][0]}) + DONE
    check_reader(CompatibleEventReader, body, attrs.evolve(READINGS[name], deltas=1, delta_chars=5))


STREAMS = {
    "comments while waiting": (b": OPENROUTER PROCESSING\n\n" * 3 + PIECE + event(SAME | {"usage": PLAIN}) + DONE, TALKED),
    "usage in each chunk, growing": (
        event(SAME | {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}})
        + PIECE
        + event(SAME | {"choices": [], "usage": PLAIN}),
        TALKED,
    ),
    "usage within the last choice": (
        PIECE + event(SAME | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": PLAIN}]}) + DONE,
        attrs.evolve(TALKED, finish_reason="stop"),
    ),
    "usage in both places is one": (
        PIECE + event(SAME | {"choices": [{"index": 0, "delta": {}, "usage": PLAIN}], "usage": PLAIN}) + DONE,
        TALKED,
    ),
    "an error after the head": (
        PIECE
        + event(
            SAME
            | {
                "error": {"code": "server_error", "message": "gone"},
                "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
            }
        ),
        attrs.evolve(TALKED, state="absent", usage=None, finish_reason="error", error_category="in_band"),
    ),
    "a text that looks like usage": (
        event(SAME | {"choices": [{"index": 0, "delta": {"content": '"usage":{'}}]}) + DONE,
        attrs.evolve(TALKED, state="absent", usage=None, delta_chars=len(r"\"usage\":{")),
    ),
    "timings in place of usage": (
        PIECE
        + event(SAME | {"choices": [], "timings": {"cache_n": 236, "prompt_n": 1, "prompt_ms": 30.9, "predicted_n": 35}})
        + DONE,
        attrs.evolve(
            TALKED,
            usage=Usage(
                {"input": 1, "cache_read": 236, "output": 35},
                {"cache_n": 236, "prompt_n": 1, "prompt_ms": 30.9, "predicted_n": 35},
            ),
        ),
    ),
    "timings that leave out what was cached": (
        PIECE + event(SAME | {"choices": [], "timings": {"prompt_n": 1, "predicted_n": 35}}) + DONE,
        attrs.evolve(TALKED, state="absent", usage=None),
    ),
    "timings of a strange kind": (
        PIECE + event(SAME | {"choices": [], "timings": {"cache_n": -1, "prompt_n": "9", "predicted_n": None}}) + DONE,
        attrs.evolve(TALKED, state="absent", usage=None),
    ),
    "timings beside the usage": (
        PIECE + event(SAME | {"choices": [], "usage": PLAIN, "timings": {"predicted_ms": 4.5}, "time_info": {"queued": 1}}),
        TALKED,
    ),
}


@pytest.mark.parametrize(("body", "expected"), STREAMS.values(), ids=STREAMS)
def test_streams_of_the_many_read_the_same_in_any_pieces(body, expected):
    check_reader(CompatibleEventReader, body, expected)


counts = st.integers(0, 10**6)


@given(counts, counts, counts, counts)
def test_what_is_part_of_a_total_is_never_counted_twice(prompt, completion, cached, reasoning):
    usage = compatible_usage(
        {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_cache_hit_tokens": min(cached, prompt),
            "completion_tokens_details": {"reasoning_tokens": min(reasoning, completion)},
        }
    )
    assert sum(usage.units.values()) == prompt + completion
    assert usage.adds_up is True


@given(counts, counts, st.integers(1, 10**6))
def test_reasoning_beside_the_completion_is_counted_once(prompt, completion, reasoning):
    tree = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion + reasoning,
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    usage = compatible_usage(tree)
    assert sum(usage.units.values()) == prompt + completion + reasoning
    assert usage.units["reasoning"] == reasoning
    assert usage.adds_up is True


@given(
    st.dictionaries(
        st.sampled_from([*USAGES["mistral"][0], *USAGES["deepseek"][0], *USAGES["perplexity, deep research"][0]]),
        st.sampled_from([None, True, -1, 0, 1, 1.5, 2**53, 10**400, float("nan"), float("inf"), "7", [1], {}, {"a": 1}]),
    )
)
def test_odd_values_count_nothing(tree):
    assert all(0 < number < 2**53 for number in compatible_usage(tree).units.values())
