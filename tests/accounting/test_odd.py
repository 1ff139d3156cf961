"""Odd answers: whatever stands where counts should be, nothing raises, no count is made up, and the bounds are in order.

The tables of this folder are what is made odd, so that every dialect and every kind of answer meets all of it.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import brotli
import pytest
import zstandard

from lectr_core.model.call import Answer, Call
from lectr_core.model.reading import Reading
from lectr_core.model.units import MAX_COUNT
from lectr_core.wire.codings import decoder
from tests.accounting.case import SSE, Case
from tests.accounting.test_by_hand import CASES, accounted, provider, read

PLACES: Final = frozenset(
    {"usage", "usageMetadata", "svg_usage", "tool_usage", "usage_breakdown", "per_model_usage", "statistics", "timings"}
)
"""Members that hold counts."""
STREAMS: Final = {name: case for name, case in CASES.items() if case.media_type == SSE}
Json = Any  # Any: JSON


def counted(case: Case, body: bytes, *, complete: bool = True) -> Reading:
    """As `read`, for a body that is not the case's own; the promises that hold for any are checked."""
    reader = provider(case.provider).reader(
        Call(case.method, case.path, model=case.model), Answer(200, {"content-type": case.media_type})
    )
    assert reader is not None
    reader.feed(body)
    reading = reader.finish(complete=complete)
    if reading.usage is not None:
        shares = reading.usage.terms.shares if reading.usage.terms is not None else ()
        for counts in (reading.usage.units, *(share.units for share in shares)):
            assert all(type(number) is int and 0 <= number <= MAX_COUNT for number in counts.values()), counts
    found = accounted(case, reading)
    for low, middle, high in (
        (found.input_tokens_low, found.input_tokens, found.input_tokens_high),
        (found.output_tokens_low, found.output_tokens, found.output_tokens_high),
        (found.cost_low_nanousd, found.cost_nanousd, found.cost_high_nanousd),
    ):
        known = [number for number in (low, middle, high) if number is not None]
        assert known == sorted(known)
        assert all(number >= 0 for number in known)
    return reading


def changed(document: Json, change: Callable[[Json], Json]) -> Json:
    """*document* with every member that holds counts as *change* makes it."""
    if isinstance(document, dict):
        return {name: change(part) if name in PLACES else changed(part, change) for name, part in document.items()}
    return [changed(part, change) for part in document] if isinstance(document, list) else document


def rewritten(body: bytes, change: Callable[[Json], Json]) -> bytes:
    """A whole answer, events, or lines, with each document changed."""
    try:
        return json.dumps(change(json.loads(body))).encode()
    except ValueError:
        return b"\n".join(_line(line, change) for line in body.split(b"\n"))


def _line(line: bytes, change: Callable[[Json], Json]) -> bytes:
    front, text = (b"data: ", line[6:]) if line.startswith(b"data: ") else (b"", line)
    return front + json.dumps(change(json.loads(text))).encode() if text[:1] in (b"{", b"[") and text != b"[DONE]" else line


def leaves(value: object) -> Callable[[Json], Json]:
    """Put *value* in place of every number."""

    def change(part: Json) -> Json:
        if isinstance(part, dict):
            return {name: change(inner) for name, inner in part.items()}
        if isinstance(part, list):
            return [change(inner) for inner in part]
        return value if isinstance(part, int | float) else part

    return change


ODD: Final = [None, "12", -5, 1.5, True, 2**60, 10**400, [], {}, [7], {"tokens": 7}, "x" * 5_000]


NOT_COUNTED: Final = frozenset({"absent", "unbilled", "open", "unreadable"})
OF_THE_DURATION: Final = {"audio_seconds"}
"""What a transcript tells beside its usage, too."""


def is_uncounted(reading: Reading) -> bool:
    """Whether nothing was made up: no counts at all, or those that stand elsewhere in the answer."""
    if reading.usage is None or reading.state in NOT_COUNTED:
        return True
    return reading.usage.units.keys() == OF_THE_DURATION


@pytest.mark.parametrize("value", [odd for odd in ODD if odd != 1.5], ids=lambda value: repr(value)[:20])
def test_an_odd_value_in_place_of_every_count_counts_nothing(value: object) -> None:
    for name, case in CASES.items():
        reading = counted(case, rewritten(case.body, lambda document: changed(document, leaves(value))))
        assert is_uncounted(reading), (name, reading)


@pytest.mark.parametrize("value", [None, "usage", -1, True, [], {}, [[]], {"a": {"b": {"c": {}}}}], ids=repr)
def test_something_else_in_place_of_usage_is_no_usage(value: object) -> None:
    for name, case in CASES.items():
        reading = counted(case, rewritten(case.body, lambda document: changed(document, lambda _: value)))
        assert is_uncounted(reading), (name, reading)


@pytest.mark.parametrize("seed", range(8))
def test_odd_values_here_and_there_leave_bounds_in_order(seed: int) -> None:
    chance = random.Random(seed)

    def change(part: Json) -> Json:
        return leaves(chance.choice([*ODD, 3, 70_000]))(part) if chance.random() < 0.7 else part

    for case in CASES.values():
        for complete in (True, False):
            counted(case, rewritten(case.body, lambda document: changed(document, change)), complete=complete)


def test_usage_that_stands_twice_is_counted_once() -> None:
    """One in each event, and two in one object: the last one holds, as in every parser."""
    for case in CASES.values():
        if case.media_type == SSE:
            continue
        for mark in (b'"usage": {', b'"usageMetadata": {'):
            if case.body.count(mark) == 1 and case.body.startswith(b"{"):
                other = mark + b'"input_tokens": 9, "prompt_tokens": 9, "promptTokenCount": 9}, ' + mark
                assert accounted(case, counted(case, case.body.replace(mark, other))).cost_nanousd == case.nanousd


@pytest.mark.parametrize("name", [name for name in STREAMS if b'"choices"' in STREAMS[name].body])
def test_usage_in_every_event_counts_once_and_the_last_holds(name: str) -> None:
    case = CASES[name]
    first, rest = case.body.split(b"\n\n", 1)
    other = b'"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}, '
    early = first.replace(b'"choices": [', other + b'"choices": [')
    assert early != first
    assert accounted(case, counted(case, early + b"\n\n" + rest)).cost_nanousd == case.nanousd
    empty = first[: first.index(b"{")] + b'{"id": "x", "choices": []}'
    assert accounted(case, counted(case, empty + b"\n\n" + case.body)).cost_nanousd == case.nanousd


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_anywhere_never_claims_more_than_the_whole(name: str) -> None:
    """Above all within the event with the usage, and within a number of it."""
    case = CASES[name]
    whole = counted(case, case.body)
    for end in range(0, len(case.body), 1 if len(case.body) < 4_000 else 7):
        reading = counted(case, case.body[:end], complete=False)
        found = accounted(case, reading)
        if reading.state == "reported":
            assert reading.usage is not None
            assert whole.usage is not None
            assert reading.usage.units == whole.usage.units, "it had said that it was over"
        for part, sum_ in ((found.input_tokens, case.tokens[0]), (found.output_tokens, case.tokens[1])):
            assert part is None or part <= sum_


@pytest.mark.parametrize("name", STREAMS)
def test_an_error_after_tokens_is_seen_and_what_was_counted_stays(name: str) -> None:
    case = CASES[name]
    if case.provider == "gemini":
        error = b'data: {"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}\n\n'
    elif b'"choices"' in case.body:
        error = b'data: {"error": {"message": "no", "type": "server_error"}}\n\n'
    else:
        error = b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}\n\n'
    # Before the last event, which says that all is over.
    start = case.body.rstrip().rfind(b"\n\n") + 2
    reading = counted(case, case.body[:start] + error, complete=True)
    assert reading.error_category == "in_band"
    assert accounted(case, reading).input_tokens in (None, case.tokens[0]) or reading.state == "partial"


CODINGS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "gzip, br": lambda body: brotli.compress(gzip.compress(body)),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_coded_answers_cost_the_same_in_pieces_of_any_size(coding: str) -> None:
    for case in CASES.values():
        coded = CODINGS[coding](case.body)
        for size in (1, 5, 4_096):
            undo = decoder(coding)
            pieces = [piece for at in range(0, len(coded), size) for piece in undo.feed(coded[at : at + size])]
            assert accounted(case, read(case, pieces)).cost_nanousd == case.nanousd


def test_pieces_may_end_within_a_character_and_within_usage() -> None:
    for case in CASES.values():
        body = case.body.replace(b'"ok"', '"é\U0001f600 \u2028 日本"'.encode())
        for at in [*_borders(body, b"usage"), *_borders(body, "\U0001f600".encode()), *_borders(body, "日".encode())]:
            assert accounted(case, read(case, [body[:at], body[at:]])).cost_nanousd == case.nanousd


def _borders(body: bytes, mark: bytes) -> Iterator[int]:
    """Places before, within and behind the last *mark*."""
    start = body.rfind(mark)
    return iter(range(start, min(start + len(mark) + 24, len(body)))) if start >= 0 else iter(())
