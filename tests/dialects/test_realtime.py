"""Realtime sessions and responses over a tunnel: turns, their usage and whose price it is, whatever else is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core import MessageReader, Reading, RealtimeReader, ResponsesTunnelReader, Turn, realtime_usage, units
from lectr_core.testing import check_tunnel_reader

Event = dict[str, Any]  # Any: JSON

USAGE = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 89,
        "audio_tokens": 33,
        "image_tokens": 10,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}
SESSION = {"type": "realtime", "model": "talk-1", "audio": {"input": {"transcription": {"model": "hear-1"}}}}


def told(reader: MessageReader, *messages: Event, by_client: bool = False) -> list[Turn]:
    """What a reader says of these messages."""
    return [turn for one in messages for turn in reader.hear(json.dumps(one).encode(), from_client=by_client)]


def done(answer_id: str = "resp_1", **more: object) -> Event:
    """The end of a response."""
    response = {"id": answer_id, "status": "completed", "status_details": None, "usage": USAGE, **more}
    return {"type": "response.done", "response": response}


@pytest.mark.parametrize(
    ("tree", "expected", "adds_up"),
    [
        (
            USAGE,
            {"cache_read": 60, "cache_read_audio": 4, "input_audio": 29, "input_image": 10, "input": 29}
            | {"output_audio": 91, "output": 30},
            True,
        ),
        (  # nobody says which medium was cached: text first, then sound
            {"input_tokens": 50, "input_token_details": {"text_tokens": 10, "audio_tokens": 40, "cached_tokens": 20}},
            {"cache_read": 10, "cache_read_audio": 10, "input_audio": 30},
            None,
        ),
        (
            {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "output_token_details": None},
            {"input": 10, "output": 5},
            True,
        ),
        ({"input_tokens": 10, "output_tokens": 5, "total_tokens": 99}, {"input": 10, "output": 5}, False),
        (
            {"input_tokens": 5, "total_tokens": 5, "input_token_details": {"audio_tokens": 50}},
            {"input_audio": 5},
            False,
        ),
        ({}, {}, None),
        ({"input_tokens": True, "output_tokens": "9"}, {}, None),
    ],
)
def test_usage_is_taken_apart_by_medium(tree: Event, expected: dict[str, int], adds_up: bool | None) -> None:
    usage = realtime_usage(tree)
    assert usage.units == expected
    assert usage.adds_up is adds_up


@given(st.fixed_dictionaries({}, optional={f"{name}_tokens": st.integers(0, 99) for name in ("input", "output", "total")}))
def test_the_parts_always_sum_to_the_totals(tree: Event) -> None:
    tree["input_token_details"] = {"audio_tokens": 30, "cached_tokens": 25, "image_tokens": 3}
    usage = realtime_usage(tree)
    assert units.total(usage.units, units.INPUT_UNITS) == tree.get("input_tokens", 0)
    assert units.total(usage.units, units.OUTPUT_UNITS) == tree.get("output_tokens", 0)


def test_a_turn_begins_has_output_and_ends_with_the_sessions_model() -> None:
    reader = RealtimeReader("stands-in")
    assert told(reader, {"type": "session.created", "session": SESSION}) == []
    begun, output, ended = told(
        reader,
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
        {"type": "response.output_item.added", "response_id": "resp_1"},
        {"type": "response.output_audio.delta", "response_id": "resp_1", "delta": "QUJD" * 50},
        {"type": "response.output_audio_transcript.delta", "response_id": "resp_1", "delta": "hello"},
        done(),
    )
    assert begun == Turn(key="resp_1", model="talk-1")
    assert output == Turn(key="resp_1", model="talk-1", has_output=True)
    assert ended.reading is not None
    assert (ended.reading.state, ended.reading.model, ended.reading.answer_id) == ("reported", "talk-1", "resp_1")
    assert (ended.reading.deltas, ended.reading.delta_chars, ended.reading.finish_reason) == (2, 5, "completed")
    assert reader.finish() == []
    assert not reader.faulty


@pytest.mark.parametrize(
    ("response", "reason", "category", "state"),
    [
        ({"status": "cancelled", "status_details": {"reason": "turn_detected"}}, "turn_detected", None, "reported"),
        ({"status": "incomplete", "status_details": {"reason": "content_filter"}}, "content_filter", None, "reported"),
        ({"status": "failed", "status_details": {"error": {"code": "x"}}, "usage": None}, "failed", "in_band", "absent"),
    ],
)
def test_how_a_turn_ended_is_kept(response: Event, reason: str, category: str | None, state: str) -> None:
    (ended,) = told(RealtimeReader(), done(**response))
    assert ended.reading is not None
    assert (ended.reading.finish_reason, ended.reading.error_category, ended.reading.state) == (reason, category, state)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"type": "duration", "seconds": 3.2}, {"audio_seconds": 4}),
        (
            {"type": "tokens", "input_tokens": 20, "output_tokens": 7, "total_tokens": 27}
            | {"input_token_details": {"audio_tokens": 18, "text_tokens": 2}},
            {"input_audio": 18, "input": 2, "output": 7},
        ),
    ],
)
@pytest.mark.parametrize("session", [SESSION, {"model": "talk-1", "input_audio_transcription": {"model": "hear-1"}}])
def test_a_transcript_is_a_turn_of_the_model_that_made_it(
    usage: Event,
    expected: dict[str, int],
    session: Event,
) -> None:
    reader = RealtimeReader()
    told(reader, {"type": "session.updated", "session": session})
    heard = {"type": "conversation.item.input_audio_transcription.completed", "item_id": "item_1", "content_index": 0}
    (turn,) = told(reader, {**heard, "transcript": "something private", "usage": usage})
    assert turn.reading is not None
    assert turn.reading.usage is not None
    assert (turn.reading.model, turn.reading.usage.units) == ("hear-1", expected)
    assert "private" not in repr(turn)


def test_turns_under_way_are_told_at_the_end_and_only_so_many_are_held() -> None:
    reader = RealtimeReader("talk-1")
    for number in range(1000):
        told(reader, {"type": "response.created", "response": {"id": f"resp_{number}"}})
    assert len(told(reader, done("resp_999"), done("resp_0"))) == 2
    left = reader.finish()
    assert len(left) < 100
    assert {turn.reading.state for turn in left if turn.reading} == {"absent"}


CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "think-1-2026", "status": "in_progress"}}
COMPLETED = {
    "type": "response.completed",
    "response": {
        "id": "resp_1",
        "model": "think-1-2026",
        "status": "completed",
        "usage": {"input_tokens": 20, "output_tokens": 8, "total_tokens": 28, "input_tokens_details": {"cached_tokens": 5}},
    },
}
DELTA = {"type": "response.output_text.delta", "delta": "hello"}
ASK = {"type": "response.create", "model": "think-1", "input": "something private"}


def test_a_response_over_a_tunnel_begins_with_the_clients_question() -> None:
    reader = ResponsesTunnelReader()
    assert reader.hears_client
    assert told(reader, ASK, by_client=True) == [Turn(key="1", model="think-1")]
    assert told(reader, CREATED, DELTA, DELTA) == [Turn(key="1", model="think-1", has_output=True)]
    (ended,) = told(reader, COMPLETED)
    assert ended.reading is not None
    assert ended.reading.usage is not None
    assert (ended.key, ended.reading.model, ended.reading.answer_id) == ("1", "think-1-2026", "resp_1")
    assert ended.reading.usage.units == {"cache_read": 5, "input": 15, "output": 8}
    assert (ended.reading.deltas, ended.reading.delta_chars) == (2, 10)
    assert reader.finish() == []


def test_a_question_that_is_refused_ends_with_its_error_and_the_next_is_read() -> None:
    reader = ResponsesTunnelReader()
    told(reader, ASK, by_client=True)
    (refused,) = told(reader, {"type": "error", "status": 400, "error": {"code": "previous_response_not_found"}})
    assert refused.reading is not None
    assert (refused.key, refused.reading.error_category) == ("1", "in_band")
    told(reader, ASK, by_client=True)
    assert [turn.key for turn in told(reader, CREATED, COMPLETED)] == ["2"]


def test_an_error_within_a_response_waits_for_its_end_and_is_told_once() -> None:
    reader = ResponsesTunnelReader()
    told(reader, ASK, by_client=True)
    assert told(reader, CREATED, {"type": "error", "error": {}}) == []
    ended, begun = told(reader, ASK, by_client=True)
    assert ended.reading is not None
    assert (ended.key, ended.reading.error_category, begun.key) == ("1", "in_band", "2")
    told(reader, {"type": "response.created", "response": {"id": "resp_2"}}, {"type": "error"})
    (last,) = told(reader, {"type": "response.failed", "response": {"id": "resp_2", "error": {"code": "x"}}})
    assert last.key == "2"
    assert reader.finish() == []


def test_a_response_that_was_not_heard_of_is_a_turn_too() -> None:
    ended = told(ResponsesTunnelReader(), COMPLETED)
    assert [turn.reading is not None for turn in ended] == [False, True]


def test_a_response_that_is_cut_is_told_with_what_is_known() -> None:
    reader = ResponsesTunnelReader()
    told(reader, ASK, by_client=True)
    told(reader, CREATED, DELTA)
    (cut,) = reader.finish()
    assert cut.reading is not None
    assert (cut.reading.state, cut.reading.delta_chars, cut.reading.model) == ("absent", 5, "think-1-2026")


odd: tuple[Event, ...] = (
    {"id": "a"},
    {"id": 3},
    {"id": "a", "usage": {"input_tokens": -1}},
    {"audio": {"input": []}},
    {"model": {}},
)
json_values: st.SearchStrategy[object] = st.sampled_from([None, True, 3, -1, 1.5, 1e300, "x", "a" * 300, [], {}, [[]], *odd])
kinds = st.sampled_from(
    [
        *("response.created", "response.done", "response.completed", "response.output_text.delta", "response.create"),
        *("session.created", "error", "conversation.item.input_audio_transcription.completed"),
    ]
)
strange = st.one_of(
    st.binary(max_size=50),
    st.fixed_dictionaries(
        {"type": st.one_of(kinds, json_values)},
        optional=dict.fromkeys(("response", "session", "usage", "delta", "response_id", "model"), json_values),
    ).map(lambda one: json.dumps(one).encode()),
    st.sampled_from([b"[" * 100_000, b'{"type":' * 50_000, b'{"response":{"id":"a"}}', b"{}"]),
)


@pytest.mark.parametrize("make", [RealtimeReader, ResponsesTunnelReader])
@given(messages=st.lists(st.tuples(strange, st.booleans()), max_size=8))
def test_nothing_that_is_said_makes_a_reader_raise(make: type[MessageReader], messages: list[tuple[bytes, bool]]) -> None:
    reader = make()
    for message, by_client in messages:
        for turn in reader.hear(message, from_client=by_client):
            assert isinstance(turn, Turn)
    assert all(turn.reading is not None for turn in reader.finish())


def said(*messages: Event, by_client: bool = False) -> list[tuple[bytes, bool]]:
    return [(json.dumps(one).encode(), by_client) for one in messages]


def test_both_keep_the_promises_of_the_kit() -> None:
    session = {"type": "session.created", "session": SESSION}
    begun = {"type": "response.created", "response": {"id": "resp_1"}}
    delta = {"type": "response.output_text.delta", "response_id": "resp_1", "delta": "hello"}
    ended = told(RealtimeReader(), session, begun, delta, done())[-1].reading
    assert ended is not None
    cut = Reading(model="talk-1", deltas=1, delta_chars=5)
    talk = said(session, begun, delta, done(), begun, delta)
    check_tunnel_reader(RealtimeReader, talk, [ended, cut])
    thought = [
        *said(ASK, by_client=True),
        *said(CREATED, DELTA, COMPLETED),
        *said(ASK, by_client=True),
        *said(CREATED, DELTA),
    ]
    reader = ResponsesTunnelReader()
    for message, by_client in thought[:3]:
        reader.hear(message, from_client=by_client)
    (whole,) = reader.hear(thought[3][0], from_client=False)
    assert whole.reading is not None
    cut = Reading(model="think-1-2026", answer_id="resp_1", finish_reason="in_progress", deltas=1, delta_chars=5)
    check_tunnel_reader(ResponsesTunnelReader, thought, [whole.reading, cut])
