"""Spoken sessions billed by their time: the last seconds told hold, and what was handed on is counted by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lectr_core import Reading, Turn, Usage, units
from lectr_core.dialects.spoken import SpokenReader
from lectr_core.testing import check_tunnel_reader

Event = dict[str, Any]  # Any: JSON

STARTED = {
    "type": "session.started",
    "event_id": "e1",
    "session": {"id": "live_1", "model": "talk-live-1", "status": "active"},
}
SPEAKS = {"type": "session.output_audio.delta", "event_id": "e2", "delta": "AAAA"}


def seconds(number: float) -> Event:
    return {"type": "session.usage.updated", "event_id": "e3", "usage": {"seconds": number}}


def closed(number: float) -> Event:
    return {"type": "session.closed", "event_id": "e9", "reason": "close_requested", "usage": {"seconds": number}}


def delegated(**event: object) -> Event:
    return {"type": "response.event", "event_id": "e4", "delegation_id": "d1", "event": event}


def told(reader: SpokenReader, *messages: Event) -> list[Turn]:
    return [turn for one in messages for turn in reader.hear(json.dumps(one).encode(), from_client=False)]


def session(state: str, number: int, spoken: float, reason: str | None) -> Reading:
    usage = Usage({units.AUDIO_SECONDS: number}, {"seconds": spoken})
    return Reading(state, usage, "talk-live-1", None, "live_1", reason)  # type: ignore[arg-type]  # plain text


def test_a_session_is_a_turn_that_has_the_seconds_told_last() -> None:
    reader = SpokenReader()
    assert told(reader, STARTED, SPEAKS, SPEAKS, seconds(4.2), seconds(61.5)) == [
        Turn(key="session", model="talk-live-1"),
        Turn(key="session", model="talk-live-1", has_output=True),
    ]
    (end,) = told(reader, closed(63.01))
    assert end == Turn(key="session", model="talk-live-1", reading=session("reported", 64, 63.01, "close_requested"))
    assert told(reader, closed(99), STARTED, SPEAKS) == []
    assert reader.finish() == []


def test_a_session_that_nobody_closed_has_at_least_what_was_told() -> None:
    reader = SpokenReader()
    told(reader, STARTED, seconds(12.0))
    assert [turn.reading for turn in reader.finish()] == [session("partial", 12, 12.0, None)]
    silent = SpokenReader()
    told(silent, STARTED)
    assert [turn.reading and turn.reading.state for turn in silent.finish()] == ["absent"]
    assert SpokenReader().finish() == []


def test_what_the_session_handed_on_is_counted_by_itself_at_its_own_model() -> None:
    reader = SpokenReader()
    used = {"input_tokens": 30, "output_tokens": 12, "total_tokens": 42}
    created = delegated(type="response.created", response={"id": "resp_1", "model": "think-5"})
    completed = delegated(
        type="response.completed", response={"id": "resp_1", "model": "think-5", "status": "completed", "usage": used}
    )
    decided = {
        "type": "decision.event",
        "event_id": "e7",
        "event": {"type": "decision.completed", "decision": {"model": "decide-1", "answers": [], "usage": used}},
    }
    news = told(reader, STARTED, created, completed, decided)
    readings = [turn.reading for turn in news if turn.reading is not None]
    assert [(one.model, one.usage and dict(one.usage.units)) for one in readings] == [
        ("think-5", {units.INPUT: 30, units.OUTPUT: 12}),
        ("decide-1", {units.INPUT: 30, units.OUTPUT: 12}),
    ]
    assert len({turn.key for turn in news}) == 3


@pytest.mark.parametrize(
    "strange",
    [
        b"",
        b"{",
        b'{"type": 5}',
        b"\x00\x01",
        json.dumps(seconds(-1)).encode(),
        b'{"type":"response.event","event":7}',
        b'{"type":"session.closed","usage":"x"}',
        b'{"type":"decision.event","event":null}',
        b'{"type":"session.started"}',
    ],
)
def test_a_strange_message_stops_nothing(strange: bytes) -> None:
    reader = SpokenReader()
    told(reader, STARTED, seconds(3.0))
    reader.hear(strange, from_client=False)
    assert len(told(reader, closed(5.0))) == (0 if b"session.closed" in strange else 1)


def test_it_keeps_the_promises_of_a_reader_of_tunnels() -> None:
    messages = [(json.dumps(one).encode(), False) for one in (STARTED, SPEAKS, seconds(4.2), closed(5.0))]
    check_tunnel_reader(SpokenReader, messages, [session("reported", 5, 5.0, "close_requested")])
