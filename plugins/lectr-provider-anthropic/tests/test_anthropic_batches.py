"""A batch of which nothing came is known to cost nothing, by its counts or its results; one that goes on stays open."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lectr_provider_anthropic.batches import BatchReader, ResultsReader

from lectr_core import Reading, nothing_billed
from lectr_core.testing import check_reader

COUNTS = {"processing": 0, "succeeded": 0, "errored": 2, "canceled": 0, "expired": 1}
BATCH = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "request_counts": COUNTS}
VAIN = [
    {"custom_id": "a", "result": {"type": "errored", "error": {"type": "error", "error": {"type": "api_error"}}}},
    {"custom_id": "b", "result": {"type": "canceled"}},
    {"custom_id": "c", "result": {"type": "expired"}},
]
Document = dict[str, Any]  # Any: as JSON has them


def lines(*documents: Document) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def status(**change: Any) -> Reading:  # Any: as JSON has them
    reader = BatchReader()
    reader.feed(json.dumps(BATCH | change).encode())
    return reader.finish(complete=True)


def results(content: bytes, *, complete: bool = True) -> Reading:
    reader = ResultsReader("msgbatch_1")
    reader.feed(content)
    return reader.finish(complete=complete)


def test_a_batch_that_ended_without_a_success_costs_nothing() -> None:
    found = status()
    assert (found.usage, found.state, found.answer_id) == (nothing_billed("msgbatch_1").usage, "reported", "msgbatch_1")


@pytest.mark.parametrize(
    "change",
    [
        {"processing_status": "in_progress", "request_counts": dict.fromkeys(COUNTS, 0) | {"processing": 3}},
        {"processing_status": "canceling"},
        {"request_counts": COUNTS | {"succeeded": 1}},
        {"request_counts": None},
        {"request_counts": dict.fromkeys(COUNTS, 0)},
        {"request_counts": {"errored": 3}},
    ],
)
def test_any_other_is_counted_by_its_results(change: Document) -> None:
    assert status(**change) == Reading(state="unbilled", answer_id="msgbatch_1")


def test_results_without_a_success_cost_nothing_however_they_arrive() -> None:
    check_reader(lambda: ResultsReader("msgbatch_1"), lines(*VAIN), nothing_billed("msgbatch_1"))
    assert results(lines(*VAIN).rstrip(b"\n")) == nothing_billed("msgbatch_1")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        lines(*VAIN, {"custom_id": "d", "result": {"type": "a new one"}}),
        lines({"custom_id": "d"}, *VAIN),
        lines(*VAIN) + b'{"custom_id": "d", "res',
        lines(*VAIN, {"custom_id": "e", "result": {"type": "errored", "error": "x" * 70_000}}),
    ],
)
def test_results_that_may_hold_more_close_nothing(content: bytes) -> None:
    assert results(content).state == "unbilled"


def test_results_that_were_not_downloaded_to_their_end_close_nothing() -> None:
    assert results(lines(*VAIN), complete=False).state != "reported"
