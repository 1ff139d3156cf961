"""What is read out of the provider's answers: golden transcripts, in any pieces, whole, broken off and damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lectr_provider_gemini.compatible import CompatibleEventReader, CompatibleReader
from lectr_provider_gemini.generate import GenerateArrayReader, GenerateEventReader, GenerateReader

from lectr_core import Reader, Reading, units
from lectr_core.testing import check_reader

TRANSCRIPTS = Path(__file__).parent / "transcripts"

STREAMED = {units.INPUT: 12, units.OUTPUT: 18, units.REASONING: 50}


def transcript(name: str) -> bytes:
    return (TRANSCRIPTS / name).read_bytes()


def read(make: Callable[[], Reader], body: bytes, *, complete: bool = True) -> Reading:
    reader = make()
    reader.feed(body)
    return reader.finish(complete=complete)


def counts(reading: Reading) -> dict[str, int]:
    assert reading.usage is not None
    return dict(reading.usage.units)


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.iterdir()), ids=lambda path: path.name)
@pytest.mark.parametrize("complete", [True, False])
def test_readings_do_not_depend_on_how_bytes_arrive_and_nothing_raises(path: Path, complete: bool):
    body = path.read_bytes()
    makes: list[Callable[[], Reader]] = (
        [GenerateEventReader] if path.suffix == ".sse" else [GenerateReader, GenerateArrayReader]
    )
    for make in makes:
        check_reader(make, body, read(make, body, complete=complete), complete=complete)


def test_a_plain_answer_gives_its_counts_and_names():
    reading = read(GenerateReader, transcript("generate.json"))
    assert (reading.state, counts(reading)) == ("reported", {units.INPUT: 8, units.OUTPUT: 4})
    assert (reading.model, reading.answer_id) == ("gemini-2.0-flash", "resp-plain")
    assert (reading.finish_reason, reading.variant, reading.error_category) == ("STOP", None, None)
    assert (reading.deltas, reading.delta_chars) == (1, len(r"Eight planets.\n"))


def test_media_caches_tools_and_thoughts_are_taken_apart():
    reading = read(GenerateReader, transcript("generate_media.json"))
    assert counts(reading) == {
        units.INPUT: 5000 - 2000 - 600 - 500 - 1200,
        units.INPUT_AUDIO: 600,
        units.INPUT_IMAGE: 500,
        units.INPUT_VIDEO: 1200,
        units.CACHE_READ: 1600,
        units.CACHE_READ_AUDIO: 400,
        units.INPUT_TOOL: 250,
        units.OUTPUT: 110,
        units.OUTPUT_IMAGE: 1290,
        units.REASONING: 600,
    }
    assert reading.usage is not None
    assert reading.usage.adds_up is True
    assert (reading.variant, reading.finish_reason) == ("flex", "MAX_TOKENS")
    assert reading.deltas == 3, "a thought, a text and an image"


def test_a_blocked_prompt_was_used_and_says_why_it_was_blocked():
    reading = read(GenerateReader, transcript("blocked.json"))
    assert (reading.state, counts(reading)) == ("reported", {units.INPUT: 31})
    assert (reading.finish_reason, reading.model) == ("PROHIBITED_CONTENT", "gemini-2.5-pro")


@pytest.mark.parametrize(
    ("make", "body"),
    [
        (GenerateEventReader, transcript("stream_lf.sse")),
        (GenerateEventReader, transcript("stream_lf.sse").replace(b"\n", b"\r\n")),
        (GenerateArrayReader, transcript("stream_array.json")),
    ],
)
def test_every_form_of_a_stream_gives_the_last_counts(make: Callable[[], Reader], body: bytes):
    reading = read(make, body)
    assert (reading.state, counts(reading)) == ("reported", STREAMED)
    assert (reading.model, reading.answer_id, reading.finish_reason) == ("gemini-2.5-flash", "resp-stream", "STOP")
    assert reading.deltas == 3
    check_reader(make, body, reading)


def test_a_stream_answered_with_one_object_is_read_as_one():
    reading = read(GenerateArrayReader, transcript("generate.json"))
    assert reading == read(GenerateReader, transcript("generate.json"))


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize(
    ("make", "body"),
    [
        (GenerateEventReader, transcript("stream_lf.sse")),
        (GenerateArrayReader, transcript("stream_array.json")),
    ],
)
def test_a_stream_without_its_end_gives_a_lower_bound(make: Callable[[], Reader], body: bytes, complete: bool):
    reading = read(make, body[: body.index(b"functionCall")], complete=complete)
    assert (reading.state, counts(reading)) == ("partial", {units.INPUT: 12, units.OUTPUT: 3, units.REASONING: 50})
    assert (reading.deltas, reading.delta_chars) == (2, len("Good") + len(r" \"day\"\n"))


def test_a_later_frame_replaces_what_it_names_and_nothing_else():
    first = b'{"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1},"modelVersion":"gemini-x"}'
    later = b'{"usageMetadata":{"promptTokenCount":null,"candidatesTokenCount":7}}'
    reading = read(GenerateEventReader, b"data: %b\n\ndata: %b\n\n" % (first, later))
    assert (counts(reading), reading.model) == ({units.INPUT: 5, units.OUTPUT: 7}, "gemini-x")


def test_an_error_inside_a_stream_is_told_and_leaves_a_lower_bound():
    reading = read(GenerateEventReader, transcript("stream_error.sse"))
    assert (reading.state, reading.error_category) == ("partial", "in_band")
    assert counts(reading) == {units.INPUT: 7, units.OUTPUT: 1}


@pytest.mark.parametrize("make", [GenerateReader, GenerateArrayReader])
def test_an_error_wrapped_in_a_list_is_told(make: Callable[[], Reader]):
    reading = read(make, transcript("error.json"))
    assert (reading.state, reading.error_category) == ("absent", "in_band")


def test_an_error_wrapped_in_a_list_is_told_inside_events():
    assert read(GenerateEventReader, b'data: [{"error":{"code":500}}]\n\n').error_category == "in_band"


def test_embeddings_are_counted_where_usage_is_given():
    assert counts(read(GenerateReader, transcript("embed_usage.json"))) == {units.INPUT: 17}
    assert read(GenerateReader, transcript("embed_plain.json")).state == "absent"


def test_the_tier_of_the_head_holds_where_the_answer_names_none():
    assert read(lambda: GenerateReader("priority"), transcript("generate.json")).variant == "priority"
    assert read(lambda: GenerateReader("standard"), transcript("generate.json")).variant is None
    assert read(lambda: GenerateReader("standard"), transcript("generate_media.json")).variant == "flex"


@pytest.mark.parametrize(
    "candidates", ['"none"', '[{"content":7}]', '[{"content":{"parts":{"text":"a"}}}]', "null", "[]", "[null]"]
)
def test_output_of_a_strange_shape_does_not_lose_the_usage(candidates: str):
    body = f'{{"candidates":{candidates},"usageMetadata":{{"promptTokenCount":3}},"modelVersion":"gemini-x"}}'
    reading = read(GenerateReader, body.encode())
    assert (counts(reading), reading.model) == ({units.INPUT: 3}, "gemini-x")


@pytest.mark.parametrize("usage", ["[]", "7", '"many"', "null", '{"promptTokenCount":"3"}', '{"promptTokenCount":-3}'])
def test_usage_of_a_strange_shape_is_no_usage(usage: str):
    reading = read(GenerateReader, f'{{"usageMetadata":{usage},"modelVersion":"gemini-x"}}'.encode())
    assert (reading.state, reading.model) == ("absent", "gemini-x")


COMPATIBLE = b'{"id":"c","object":"chat.completion","model":"gemini-2.5-flash","choices":[],"usage":%b}'
THOUGHTFUL = b'{"prompt_tokens":20,"completion_tokens":424,"total_tokens":1016}'


def test_the_compatible_path_counts_thoughts_that_only_the_total_holds():
    whole = read(CompatibleReader, COMPATIBLE % THOUGHTFUL)
    streamed = read(CompatibleEventReader, b"data: " + COMPATIBLE % THOUGHTFUL + b"\n\ndata: [DONE]\n\n")
    for reading in (whole, streamed):
        assert counts(reading) == {units.INPUT: 20, units.OUTPUT: 424, units.REASONING: 572}
        assert reading.usage is not None
        assert reading.usage.adds_up is True
