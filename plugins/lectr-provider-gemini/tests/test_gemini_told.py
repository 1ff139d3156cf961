"""What is told elsewhere than in an answer of the usual shape: interactions, batches, caches, searches, images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from lectr_provider_gemini.batches import BatchReader, OpenBatchReader, ResultsReader
from lectr_provider_gemini.generate import GenerateEventReader, GenerateReader
from lectr_provider_gemini.interactions import (
    CachedContentReader,
    DecisionReader,
    FetchedInteractionReader,
    InteractionEventReader,
    InteractionReader,
)

from lectr_core import Reader, Reading, Terms, Usage, nothing_billed, units
from lectr_core.testing import check_reader

HERE = Path(__file__).parent
INTERACTION = {
    units.INPUT: 10,
    units.INPUT_IMAGE: 40,
    units.CACHE_READ: 50,
    units.INPUT_TOOL: 5,
    units.OUTPUT: 40,
    units.REASONING: 20,
    units.WEB_SEARCH: 2,
}


def read(reader: Reader, name: str, *, complete: bool = True, until: bytes = b"") -> Reading:
    body = (HERE / name).read_bytes()
    reader.feed(body.partition(until)[0] if until else body)
    return reader.finish(complete=complete)


def usage(reading: Reading) -> Usage:
    assert reading.usage is not None
    return reading.usage


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("path", sorted((HERE / "told").iterdir()), ids=lambda path: path.name)
def test_readings_do_not_depend_on_how_bytes_arrive_and_nothing_raises(path: Path, complete: bool):
    makes: dict[str, list[Callable[[], Reader]]] = {
        ".sse": [InteractionEventReader],
        ".jsonl": [lambda: ResultsReader("f1")],
        ".json": [InteractionReader, FetchedInteractionReader, BatchReader, CachedContentReader, OpenBatchReader],
    }
    for make in makes[path.suffix]:
        check_reader(make, path.read_bytes(), read(make(), str(path), complete=complete), complete=complete)


@pytest.mark.parametrize("make", [InteractionReader, FetchedInteractionReader])
def test_an_interaction_is_counted_once_wherever_it_is_told(make: type[InteractionReader]):
    reading = read(make(), "told/interaction.json")
    assert (reading.state, reading.model, reading.answer_id) == ("reported", "gemini-2.5-flash", "int_1")
    assert dict(usage(reading).units) == INTERACTION
    assert usage(reading).terms == Terms(once="int_1")
    assert usage(reading).adds_up is True


def test_a_decision_tells_the_same_counts_and_is_told_once():
    reading = read(DecisionReader(), "told/interaction.json")
    assert (reading.state, dict(usage(reading).units), usage(reading).terms) == ("reported", INTERACTION, None)


def test_an_interactions_events_tell_the_same_and_are_open_until_then():
    reading = read(InteractionEventReader(), "told/stream_interaction.sse")
    assert (reading.state, dict(usage(reading).units)) == ("reported", INTERACTION)
    broken = read(InteractionEventReader(), "told/stream_interaction.sse", complete=False, until=b"event: step")
    assert broken.state == "open"


def test_a_batchs_results_are_counted_where_they_stand():
    reading = read(BatchReader(), "told/batch_inlined.json")
    assert dict(usage(reading).units) == {units.INPUT: 16, units.OUTPUT: 5, units.REASONING: 3}
    assert (reading.state, reading.model, reading.variant) == ("reported", "gemini-2.5-flash", "batch")
    assert usage(reading).terms == Terms(longest_prompt=10, once="batches/b1")
    from_file = read(ResultsReader("f1"), "told/batch_results.jsonl")
    assert dict(usage(from_file).units) == {units.INPUT: 30, units.OUTPUT: 3}
    assert usage(from_file).terms == Terms(longest_prompt=20, once="f1")


def test_a_batch_without_results_in_it_is_not_billed_and_one_that_begins_is_open():
    reader = BatchReader()
    reader.feed(b'{"name": "batches/b1", "metadata": {"state": "BATCH_STATE_RUNNING"}}')
    assert reader.finish(complete=True) == Reading(state="unbilled", answer_id="batches/b1")
    reader = BatchReader()
    reader.feed(b'{"name": "batches/b1", "metadata": {"output": {"responsesFile": "files/f1"}}}')
    assert reader.finish(complete=True) == Reading(state="unbilled", answer_id="batches/b1", awaits="f1")
    assert read(OpenBatchReader(), "told/batch_inlined.json") == Reading(state="open", answer_id="batches/b1")


ERRORS = {"output": {"inlinedResponses": {"inlinedResponses": [{"error": {"code": 3}}, {"error": {"code": 13}}]}}}


@pytest.mark.parametrize(
    ("metadata", "is_known"),
    [
        (ERRORS, True),
        ({"output": {"inlinedResponses": {"inlinedResponses": [{"error": {"code": 3}}, {}]}}}, False),
        ({"state": "BATCH_STATE_FAILED"}, True),
        ({"state": "BATCH_STATE_EXPIRED", "batchStats": {"requestCount": "2", "failedRequestCount": "2"}}, True),
        ({"state": "BATCH_STATE_CANCELLED", "batchStats": {"requestCount": "2", "pendingRequestCount": "2"}}, True),
        ({"state": "BATCH_STATE_CANCELLED", "batchStats": {"requestCount": "2", "successfulRequestCount": "1"}}, False),
        ({"state": "BATCH_STATE_CANCELLED"}, False),
        ({"state": "BATCH_STATE_FAILED", "output": {"responsesFile": "files/f1"}}, False),
        ({"state": "BATCH_STATE_SUCCEEDED", "batchStats": {"requestCount": "2"}}, False),
    ],
)
def test_a_batch_of_which_nothing_came_costs_nothing_where_that_is_known(metadata: dict[str, object], is_known: bool):
    reader = BatchReader()
    reader.feed(json.dumps({"name": "batches/b1", "metadata": metadata}).encode())
    found = reader.finish(complete=True)
    assert found.usage == (nothing_billed("batches/b1").usage if is_known else None)
    assert (found.state, found.answer_id) == ("reported" if is_known else "unbilled", "batches/b1")


def test_a_file_of_errors_alone_costs_nothing():
    lines = b'{"key": "a", "error": {"code": 3}}\n{"key": "b", "error": {"code": 13}}\n'
    check_reader(lambda: ResultsReader("f1"), lines, nothing_billed("f1"))
    reader = ResultsReader("f1")
    reader.feed(lines + b'{"key": "c", "response": {}}\n')
    assert reader.finish(complete=True).state == "unbilled"


def test_a_prompt_put_into_the_cache_is_a_cache_write():
    reading = read(CachedContentReader(), "told/cached_content.json")
    assert (dict(usage(reading).units), reading.model) == ({units.CACHE_WRITE: 5000}, "models/gemini-2.5-flash")


@pytest.mark.parametrize(("model", "searches"), [("gemini-3-flash-preview", 2), ("gemini-2.5-flash", 1)])
def test_searches_are_billed_by_the_query_or_by_the_answer(model: str, searches: int):
    body = (HERE / "transcripts/generate_grounded.json").read_bytes().replace(b"gemini-3-flash-preview", model.encode())
    reader = GenerateReader()
    reader.feed(body)
    reading = reader.finish(complete=True)
    assert usage(reading).units[units.WEB_SEARCH] == searches
    assert (usage(reading).units[units.INPUT_TOOL], usage(reading).adds_up) == (70, True)


def test_images_without_usage_are_counted():
    assert dict(usage(read(GenerateReader(), "transcripts/predict.json")).units) == {units.IMAGES: 2}


def test_after_a_tool_has_run_the_prompt_of_a_broken_stream_is_open():
    reader = GenerateEventReader()
    reader.feed(b'data: {"usageMetadata": {"promptTokenCount": 5, "toolUsePromptTokenCount": 7}}\n\n')
    reading = reader.finish(complete=False)
    assert (reading.state, usage(reading).terms) == ("partial", Terms(input_open=True))
