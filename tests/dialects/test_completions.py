"""Chat completions, completions and embeddings read the same however their bytes arrive."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from lectr_core import CompletionsEventReader, CompletionsReader, Reading, Terms, Tree, Usage, completion_usage, count, units
from lectr_core.testing import check_reader

USAGES: list[tuple[dict[str, Any], dict[str, int], bool | None]] = [  # Any: JSON as it is
    ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, {units.INPUT: 10, units.OUTPUT: 5}, True),
    ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 99}, {units.INPUT: 10, units.OUTPUT: 5}, False),
    ({"prompt_tokens": 10, "completion_tokens": 5}, {units.INPUT: 10, units.OUTPUT: 5}, None),
    ({"prompt_tokens": 7, "total_tokens": 7}, {units.INPUT: 7}, True),
    (
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 20, "audio_tokens": 5, "image_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 4, "rejected_prediction_tokens": 6},
        },
        {
            units.CACHE_READ: 40,
            units.CACHE_WRITE: 20,
            units.INPUT_AUDIO: 5,
            units.INPUT_IMAGE: 3,
            units.INPUT: 32,
            units.REASONING: 30,
            units.OUTPUT_AUDIO: 4,
            units.OUTPUT: 16,
        },
        True,
    ),
    (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": None,
            "completion_tokens_details": {"reasoning_tokens": None},
        },
        {units.INPUT: 10, units.OUTPUT: 5},
        True,
    ),
    # Parts beyond their whole: cut, and said.
    (
        {"prompt_tokens": 10, "total_tokens": 10, "prompt_tokens_details": {"cached_tokens": 15}},
        {units.CACHE_READ: 10},
        False,
    ),
    ({"prompt_tokens": -1, "completion_tokens": True, "total_tokens": 1e300}, {}, None),
]


@pytest.mark.parametrize(("tree", "expected", "adds_up"), USAGES)
def test_usage_is_disjoint_and_checked_against_the_totals(
    tree: Tree,
    expected: dict[str, int],
    adds_up: bool | None,
) -> None:
    found = completion_usage(tree)
    assert (found.units, found.raw, found.adds_up) == (expected, tree, adds_up)


def test_what_only_the_total_holds_is_in_no_count_and_said() -> None:
    found = completion_usage({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 99})
    assert found.terms == Terms(untold="tokens that only the total holds")
    assert completion_usage({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 9}).terms is None


def test_reasoning_that_only_the_total_holds_is_beside_the_completion() -> None:
    told = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 99}
    beside = told | {"completion_tokens_details": {"reasoning_tokens": 84}}
    assert completion_usage(beside) == Usage({units.INPUT: 10, units.OUTPUT: 5, units.REASONING: 84}, beside, True)


USED = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "prompt_tokens_details": {"cached_tokens": 2}}
KEPT = Usage({units.INPUT: 7, units.CACHE_READ: 2, units.OUTPUT: 4}, USED, True)


def answer(**changes: object) -> bytes:
    document: dict[str, object] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "acme-1-2026",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi \n there"}, "finish_reason": "stop"}],
        "usage": USED,
    }
    return json.dumps({name: value for name, value in (document | changes).items() if value != "gone"}).encode()


WHOLE: list[tuple[bytes, Reading]] = [
    (
        answer(),
        Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1", "stop", deltas=1, delta_chars=len("Hi \\n there")),
    ),
    (
        answer(service_tier="flex", choices=None),
        Reading("reported", KEPT, "acme-1-2026", "flex", "chatcmpl-1"),
    ),
    (answer(service_tier="default", choices=[]), Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1")),
    (answer(usage=None, choices="strange"), Reading("absent", None, "acme-1-2026", None, "chatcmpl-1")),
    (answer(usage="many", choices=[3]), Reading("absent", None, "acme-1-2026", None, "chatcmpl-1")),
    (answer(usage={"note": 1}, choices=[]), Reading("absent", None, "acme-1-2026", None, "chatcmpl-1")),
    (answer(usage="gone", model=7, id=None, choices=[]), Reading()),
    (
        answer(choices=[{"text": "abc", "finish_reason": "length"}, {"text": "de", "finish_reason": None}]),
        Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1", "length", deltas=2, delta_chars=5),
    ),
    (
        answer(choices=[{"message": {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}}]),
        Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1", deltas=1, delta_chars=3),
    ),
    (
        answer(choices=[{"message": {"function_call": {"name": "f", "arguments": "{}"}}}]),
        Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1", deltas=1, delta_chars=3),
    ),
    (
        answer(error={"message": "overloaded"}, choices="gone"),
        Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1", None, "in_band"),
    ),
    (b'{"usage":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Reading("unreadable")),
    (b'{"usage":{"prompt_tokens":1', Reading("unreadable")),
    (b"<html>", Reading("unreadable")),
    (b"[]", Reading("unreadable")),
    (b"", Reading()),
]


@pytest.mark.parametrize(("body", "expected"), WHOLE)
def test_a_whole_answer_reads_the_same_in_any_pieces(body: bytes, expected: Reading) -> None:
    check_reader(CompletionsReader, body, expected)


def test_a_whole_answer_that_broke_off_is_partial() -> None:
    reader = CompletionsReader()
    reader.feed(answer())
    assert reader.first_token_seen
    assert reader.finish(complete=False).state == "partial"


def test_a_body_over_the_limit_is_let_go_of() -> None:
    class Small(CompletionsReader):
        MAX_BYTES = 100

    check_reader(Small, answer(), Reading("unreadable"))


def chunk(delta: object = None, **changes: object) -> bytes:
    document: dict[str, object] = {
        "id": "chatcmpl-1",
        "model": "acme-1-2026",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        "usage": None,
        "obfuscation": "xyz",
    }
    return b"data: " + json.dumps(document | changes).encode() + b"\n\n"


START = chunk({"role": "assistant", "content": "", "refusal": None})
TEXT = chunk({"content": "Hi"}) + chunk({"content": '"\u00e9"'})
STOP = chunk({}, choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
USAGE = chunk(choices=[], usage=USED)
DONE = b"data: [DONE]\n\n"
# The escapes count as sent: \" é as é or \u00e9, and \" again.
CHARS = 2 + len('\\"\\u00e9\\"')

STREAMS: list[tuple[bytes, bool, Reading]] = [
    (
        START + TEXT + STOP + USAGE + DONE,
        True,
        Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1", "stop", deltas=2, delta_chars=CHARS),
    ),
    # The client left after the end: the answer is complete all the same.
    (
        START + TEXT + STOP + USAGE + DONE,
        False,
        Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1", "stop", deltas=2, delta_chars=CHARS),
    ),
    (
        START + TEXT + STOP + USAGE,
        False,
        Reading("partial", KEPT, "acme-1-2026", None, "chatcmpl-1", "stop", deltas=2, delta_chars=CHARS),
    ),
    (
        START + TEXT,
        False,
        Reading("absent", None, "acme-1-2026", None, "chatcmpl-1", deltas=2, delta_chars=CHARS),
    ),
    # Usage in every chunk: the last one holds.
    (
        chunk({"content": "a"}, usage={"prompt_tokens": 9, "completion_tokens": 1}) + USAGE + STOP,
        True,
        Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1", "stop", deltas=1, delta_chars=1),
    ),
    # A first frame without choices and with an empty model; the tier comes late.
    (
        b'data: {"choices":[],"model":"","id":"","prompt_filter_results":[{}]}\n\n'
        + chunk(choices=[], service_tier="priority"),
        True,
        Reading("absent", None, "acme-1-2026", "priority", "chatcmpl-1"),
    ),
    # An error in an answer of status 200, with and without a name.
    (
        b'data: {"error":{"message":"slow down","code":429}}\n\n',
        True,
        Reading("absent", error_category="in_band"),
    ),
    (b'event: error\ndata: {"message":"x"}\n\n', True, Reading("absent", error_category="in_band")),
    (
        b"data: nonsense\n\n" + TEXT,
        True,
        Reading("unreadable", None, "acme-1-2026", None, "chatcmpl-1", None, None, 2, CHARS),
    ),
    (b": keep-alive\n\n", True, Reading()),
    (b"", True, Reading()),
]


@pytest.mark.parametrize(("body", "complete", "expected"), STREAMS)
def test_a_stream_reads_the_same_in_any_pieces(body: bytes, complete: bool, expected: Reading) -> None:
    check_reader(CompletionsEventReader, body, expected, complete=complete)
    check_reader(CompletionsEventReader, body.replace(b"\n", b"\r\n"), expected, complete=complete)


DELTAS: list[tuple[object, int]] = [
    ({"content": "abc"}, 3),
    ({"content": ""}, 0),
    ({"content": None}, 0),
    ({"refusal": "no"}, 2),
    ({"reasoning_content": "hm"}, 2),
    ({"reasoning": "hm"}, 2),
    ({"reasoning": "hm", "reasoning_content": "hm"}, 2),
    ({"content": "abc", "reasoning": "hm"}, 5),
    ({"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "get", "arguments": ""}}]}, 3),
    ({"tool_calls": [{"index": 0, "function": {"arguments": '{"a'}}, {"function": None}]}, 4),
    ({"function_call": {"arguments": "ab"}}, 2),
    ({}, 0),
    (None, 0),
]


@pytest.mark.parametrize(("delta", "chars"), DELTAS)
def test_the_first_token_is_the_first_piece_that_carries_output(delta: object, chars: int) -> None:
    reader = CompletionsEventReader()
    reader.feed(START)
    assert not reader.first_token_seen
    reader.feed(chunk(delta))
    assert reader.first_token_seen == (chars > 0)
    reading = reader.finish(complete=True)
    assert (reading.deltas, reading.delta_chars) == (int(chars > 0), chars)


def test_a_strange_tool_call_loses_no_usage() -> None:
    body = chunk({"tool_calls": "strange"}) + USAGE + DONE
    assert CompletionsEventReader().finish(complete=True).state == "absent"
    check_reader(CompletionsEventReader, body, Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1"))


def test_strange_choices_lose_no_usage() -> None:
    body = chunk(choices=[{"delta": "strange"}], usage=USED) + chunk(choices="strange")
    check_reader(CompletionsEventReader, body, Reading("reported", KEPT, "acme-1-2026", None, "chatcmpl-1"))


def test_after_an_event_over_the_limit_the_reading_is_partial() -> None:
    class Small(CompletionsEventReader):
        MAX_BYTES = 400

    expected = Reading("partial", KEPT, "acme-1-2026", None, "chatcmpl-1")
    check_reader(Small, USAGE + chunk({"content": "x" * 500}) + TEXT, expected)


def test_usage_from_another_place_is_taken_where_a_subclass_says_so() -> None:
    class Elsewhere(CompletionsEventReader):
        def on_event(self, name: bytes, data: bytes) -> None:
            self.note_usage(msgspec.Raw(data))

        def usage_of(self, tree: Tree) -> Usage:
            return Usage({units.OUTPUT: count(tree.get("n")) or 0}, tree)

    check_reader(Elsewhere, b'data: {"n":3}\n\n', Reading("reported", Usage({units.OUTPUT: 3}, {"n": 3})))


OVERLAPS: list[tuple[dict[str, int], dict[str, int], bool]] = [
    # Text is 200 of 1,000: what was cached beyond it were images.
    ({"cached_tokens": 900, "image_tokens": 800}, {"cache_read": 200, "cache_read_image": 700, "input_image": 100}, True),
    # All is cached, all is audio.
    ({"cached_tokens": 1_000, "audio_tokens": 1_000}, {"cache_read_audio": 1_000}, True),
    # Together they fit: nothing overlaps as far as anybody can know.
    ({"cached_tokens": 200, "image_tokens": 800}, {"cache_read": 200, "input_image": 800}, True),
    # More than the whole is cut, and told.
    ({"cached_tokens": 1_001}, {"cache_read": 1_000}, False),
    ({"image_tokens": 600, "audio_tokens": 600}, {"input_image": 600, "input_audio": 400}, False),
    ({"video_tokens": 10}, {"input_video": 10, "input": 990}, True),
]


@pytest.mark.parametrize(("details", "parts", "fits"), OVERLAPS)
def test_what_is_cached_is_counted_across_media(details: dict[str, int], parts: dict[str, int], fits: bool) -> None:
    tree = {"prompt_tokens": 1_000, "completion_tokens": 0, "total_tokens": 1_000, "prompt_tokens_details": details}
    usage = completion_usage(tree)
    assert {unit: number for unit, number in usage.units.items() if number} == parts
    assert sum(usage.units.values()) == 1_000
    assert usage.adds_up is fits


def test_images_in_an_answer_and_totals_without_parts() -> None:
    tree = {"prompt_tokens": 1, "completion_tokens": 1_300, "completion_tokens_details": {"image_tokens": 1_290}}
    assert completion_usage(tree).units == {"input": 1, "output_image": 1_290, "output": 10}
    assert completion_usage({"total_tokens": 7}).units == {"input": 7}
