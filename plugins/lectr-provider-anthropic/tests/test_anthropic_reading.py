"""What is read out of the provider's answers: golden transcripts, in any pieces, whole, broken off and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from lectr_provider_anthropic.batches import ResultsReader

from lectr_core import MessagesEventReader, MessagesReader, Reader, Reading, Share, Terms, units
from lectr_core.testing import check_reader

TRANSCRIPTS = Path(__file__).parent / "transcripts"


def transcript(name: str) -> bytes:
    return (TRANSCRIPTS / name).read_bytes()


def reader_of(name: str) -> Reader:
    if name.endswith(".jsonl"):
        return ResultsReader("msgbatch_1")
    return MessagesReader() if name.endswith(".json") else MessagesEventReader()


def read(name: str, *, complete: bool = True, body: bytes | None = None) -> Reading:
    reader = reader_of(name)
    reader.feed(transcript(name) if body is None else body)
    return reader.finish(complete=complete)


def counts(reading: Reading) -> dict[str, int]:
    assert reading.usage is not None
    return dict(reading.usage.units)


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.iterdir()), ids=lambda path: path.name)
@pytest.mark.parametrize("complete", [True, False])
def test_readings_do_not_depend_on_how_bytes_arrive_and_nothing_raises(path: Path, complete: bool):
    check_reader(lambda: reader_of(path.name), path.read_bytes(), read(path.name, complete=complete), complete=complete)


def test_a_plain_message_gives_its_counts_and_names():
    reading = read("message.json")
    assert (reading.state, counts(reading)) == ("reported", {units.INPUT: 21, units.OUTPUT: 14})
    assert (reading.model, reading.answer_id) == ("claude-sonnet-4-5-20250929", "msg_01Plain")
    assert (reading.finish_reason, reading.variant, reading.error_category) == ("end_turn", None, None)
    assert (reading.deltas, reading.delta_chars) == (1, len(r"Nine \"planets\" until 2006, eight since."))


def test_thinking_caches_and_tools_are_taken_apart():
    reading = read("message_thinking_cached.json")
    assert counts(reading) == {
        units.INPUT: 310,
        units.CACHE_READ: 12000,
        units.CACHE_WRITE_5M: 3000,
        units.CACHE_WRITE_1H: 2000,
        units.OUTPUT: 240,
        units.REASONING: 400,
        units.WEB_SEARCH: 2,
        units.WEB_FETCH: 1,
    }
    assert (reading.variant, reading.finish_reason) == ("priority", "tool_use")
    assert reading.usage is not None
    assert reading.usage.adds_up is True
    assert reading.usage.raw["output_tokens_details"] == {"thinking_tokens": 400}


def test_a_stream_ends_with_the_last_counts_and_measures_what_it_carried():
    reading = read("stream_text.sse")
    assert (reading.state, counts(reading)) == ("reported", {units.INPUT: 25, units.OUTPUT: 9})
    assert (reading.model, reading.finish_reason) == ("claude-haiku-4-5-20251001", "end_turn")
    assert (reading.deltas, reading.delta_chars) == (2, len("Good") + len(r" \"day\"\n"))


def test_a_streams_later_counts_are_laid_over_the_first_ones():
    """The last event has no lifetimes, tier or speed, and says null of the cache reads: the first event's words stay."""
    reading = read("stream_tools_thinking.sse")
    assert counts(reading) == {
        units.INPUT: 450,
        units.CACHE_READ: 700,
        units.CACHE_WRITE_5M: 500,
        units.CACHE_WRITE_1H: 1000,
        units.CACHE_WRITE: 100,
        units.OUTPUT: 150,
        units.REASONING: 110,
        units.WEB_SEARCH: 1,
    }
    assert (reading.state, reading.variant, reading.finish_reason) == ("reported", "fast", "tool_use")
    assert reading.deltas == 3, "a signature and an empty string are no output"


def test_tokens_of_a_compaction_count_beside_the_totals_that_leave_them_out():
    assert counts(read("stream_compaction.sse")) == {
        units.INPUT: 900 + 20000,
        units.CACHE_READ: 160000,
        units.OUTPUT: 40 + 1800,
    }


@pytest.mark.parametrize("complete", [True, False])
def test_a_stream_that_breaks_off_early_has_no_output_count(complete: bool):
    """The first event says `output_tokens: 1`, which is a placeholder."""
    body = transcript("stream_text.sse").partition(b"event: message_delta")[0]
    reading = read("stream_text.sse", complete=complete, body=body)
    assert (reading.state, counts(reading)) == ("partial", {units.INPUT: 25})
    assert (reading.deltas, reading.model) == (2, "claude-haiku-4-5-20251001")


def test_a_stream_that_breaks_off_between_counts_keeps_the_last_as_a_lower_bound():
    body = transcript("stream_tools_thinking.sse").partition(b'data: {"type":"content_block_start","index":1')[0]
    reading = read("stream_tools_thinking.sse", complete=False, body=body)
    assert reading.state == "partial"
    assert counts(reading)[units.OUTPUT] == 120


def test_what_follows_the_last_event_cannot_make_a_finished_stream_partial():
    assert read("stream_text.sse", complete=False) == read("stream_text.sse")


def test_an_error_inside_a_stream_is_told_and_leaves_a_lower_bound():
    reading = read("stream_error.sse")
    assert (reading.error_category, reading.state) == ("in_band", "partial")
    assert counts(reading) == {units.INPUT: 33, units.CACHE_READ: 10}


@pytest.mark.parametrize(
    "event", [b"event: error\ndata: gateway trouble\n\n", b'data: {"type":"error","error":{"type":"api_error"}}\n\n']
)
def test_an_error_is_known_by_its_name_or_by_its_type(event: bytes):
    assert read("stream_error.sse", body=event).error_category == "in_band"


def test_events_without_a_name_are_known_by_their_type():
    body = b"".join(line for line in transcript("stream_text.sse").splitlines(True) if not line.startswith(b"event:"))
    assert read("stream_text.sse", body=body) == read("stream_text.sse")


def test_counting_tokens_is_no_usage():
    assert read("count_tokens.json") == Reading()


def test_an_error_in_the_place_of_a_message_is_told():
    reading = read("error.json")
    assert (reading.state, reading.error_category) == ("absent", "in_band")


def test_a_ping_is_no_output():
    reader = MessagesEventReader()
    reader.feed(b'event: ping\ndata: {"type": "ping"}\n\n')
    reader.feed(transcript("stream_text.sse").partition(b"event: content_block_delta")[0])
    assert not reader.first_token_seen
    reader.feed(b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"a"}}\n\n')
    assert reader.first_token_seen


def test_a_tool_that_is_called_without_input_is_the_first_output():
    reader = MessagesEventReader()
    reader.feed(
        b'data: {"type":"content_block_start","content_block":{"type":"tool_use","id":"t","name":"now","input":{}}}\n\n'
    )
    assert reader.first_token_seen


@pytest.mark.parametrize(
    "usage", ["[]", "7", '"many"', "null", '{"input_tokens":"25"}', '{"input_tokens":-1,"output_tokens":true}']
)
def test_usage_of_a_strange_shape_is_no_usage(usage: str):
    reading = read("message.json", body=f'{{"type":"message","model":"claude-x","usage":{usage}}}'.encode())
    assert (reading.state, reading.model) == ("absent", "claude-x")


def test_a_strange_type_in_one_field_does_not_lose_the_others():
    body = b'{"type":"message","id":{"v":2},"model":["claude-x"],"content":7,"usage":{"input_tokens":3,"output_tokens":4}}'
    reading = read("message.json", body=body)
    assert (counts(reading), reading.model, reading.answer_id) == ({units.INPUT: 3, units.OUTPUT: 4}, None, None)


def test_an_adviser_is_priced_as_what_it_is_and_every_turn_counts():
    """The totals hold the first turn's prompt alone, and nothing of the adviser: the turns are what is billed."""
    reading = read("stream_advisor.sse")
    assert counts(reading) == {units.INPUT: 340, units.CACHE_READ: 310, units.OUTPUT: 95}
    assert reading.usage is not None
    assert reading.usage.terms == Terms(
        shares=(Share("claude-opus-4-6", {units.INPUT: 420, units.OUTPUT: 700}),), longest_prompt=350
    )
    assert (reading.state, reading.usage.adds_up) == ("reported", True)


def test_after_a_tool_has_run_the_prompt_of_a_broken_stream_is_open():
    body = transcript("stream_advisor.sse").partition(b"event: message_delta")[0]
    reading = read("stream_advisor.sse", complete=False, body=body)
    assert (reading.state, counts(reading)) == ("partial", {units.INPUT: 300})
    assert reading.usage is not None
    assert reading.usage.terms == Terms(input_open=True)


def test_a_model_that_steps_in_is_priced_apart_from_the_one_that_declined():
    reading = read("message_fallback.json")
    assert reading.model == "claude-opus-4-8"
    assert counts(reading) == {units.INPUT: 500, units.OUTPUT: 28, units.REASONING: 12}
    assert reading.usage is not None
    assert reading.usage.terms == Terms(
        shares=(Share("claude-fable-5", {units.INPUT: 500, units.OUTPUT: 2}),),
        region="us",
        doubt="a fallback credit was redeemed: the provider bills less",
    )
    assert reading.usage.adds_up is True


def test_a_batchs_results_are_summed_by_model_and_length_of_prompt():
    reading = read("batch_results.jsonl")
    assert (reading.state, reading.model, counts(reading)) == ("reported", None, {})
    assert reading.usage is not None
    assert reading.usage.terms == Terms(
        shares=(
            Share(
                "claude-haiku-4-5-20251001",
                {units.INPUT: 150, units.CACHE_READ: 20, units.OUTPUT: 35},
                variant="batch",
                longest_prompt=120,
            ),
            Share("claude-sonnet-4-5-20250929", {units.INPUT: 250000, units.OUTPUT: 10}, "batch", 250000),
            Share("claude-sonnet-4-5-20250929", {units.INPUT: 10, units.OUTPUT: 1}, "batch", 10),
        ),
        once="msgbatch_1",
    )


def test_results_that_were_not_downloaded_to_their_end_count_nothing():
    assert read("batch_results.jsonl", complete=False) == Reading(state="open", awaits="msgbatch_1")
