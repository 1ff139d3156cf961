"""Server-sent events do not depend on how their bytes arrive, and follow the standard's corner cases."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.wire.events import EventCutter, EventTooLong

Events = list[tuple[bytes, bytes]]

CASES: list[tuple[bytes, Events]] = [
    (b"", []),
    (b"data: a\n\n", [(b"", b"a")]),
    (b"data:a\n\n", [(b"", b"a")]),
    (b"data:  a\n\n", [(b"", b" a")]),
    (b"data: a", []),
    (b"data: a\n", []),
    (b"data: a\r\rdata: b\r\n\r\n", [(b"", b"a"), (b"", b"b")]),
    (b"data: a\r\n\n", [(b"", b"a")]),
    (b"data: a\n\r\n", [(b"", b"a")]),
    (b"data: a\n\n\n\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
    (b"\n\ndata: a\n\n", [(b"", b"a")]),
    (b"event: x\ndata: a\ndata: b\nid: 3\nretry: 7\n\n", [(b"x", b"a\nb")]),
    (b"event: x\nevent: y\ndata: a\n\n", [(b"y", b"a")]),
    (b"event: x\n\ndata: a\n\n", [(b"", b"a")]),
    (b": comment\n\ndata: a\n\n", [(b"", b"a")]),
    (b"data\n\n", [(b"", b"")]),
    (b"data:\n\n", [(b"", b"")]),
    (b"data\ndata\n\n", [(b"", b"\n")]),
    (b"database: a\n\n", []),
    (b"\xef\xbb\xbfdata: a\n\n", [(b"", b"a")]),
    (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
    (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [(b"", b"a")]),
    ("data: caf\u2028é\n\n".encode(), [(b"", "caf\u2028é".encode())]),
    (b"data: \xff\xfe\n\n", [(b"", b"\xff\xfe")]),
]


def fed(sent: bytes, step: int, limit: int = 1000) -> Events:
    cutter = EventCutter(limit)
    return [event for at in range(0, len(sent), step) for event in cutter.feed(sent[at : at + step])]


@pytest.mark.parametrize(("sent", "events"), CASES)
@pytest.mark.parametrize("step", [1, 2, 3, 4096])
def test_events_do_not_depend_on_how_bytes_arrive(sent: bytes, events: Events, step: int) -> None:
    assert fed(sent, step) == events


def outcome(pieces: list[bytes], limit: int) -> tuple[Events, bool]:
    cutter, events = EventCutter(limit), []
    for piece in pieces:
        try:
            events += cutter.feed(memoryview(piece))
        except EventTooLong as exc:
            return events + exc.finished, True
    return events, False


@given(st.lists(st.sampled_from([b"data:", b"event:", b" ", b"x", b"\r", b"\n", b"\xef\xbb\xbf", b":", b"\n\n"])), st.data())
def test_any_split_gives_the_same_events(parts: list[bytes], data: st.DataObject) -> None:
    sent = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    edges = [0, *cuts, len(sent)]
    limit = data.draw(st.integers(1, 30))
    pieces = [sent[a:b] for a, b in pairwise(edges)]
    assert outcome(pieces, limit) == outcome([sent], limit)


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_an_event_over_the_limit_raises_and_gives_those_before(step: int) -> None:
    sent = b"data: a\n\ndata: " + b"x" * 100 + b"\n\n"
    pieces = [sent[at : at + step] for at in range(0, len(sent), step)]
    assert outcome(pieces, 50) == ([(b"", b"a")], True)
    assert outcome(pieces, 106) == ([(b"", b"a"), (b"", b"x" * 100)], False)


def test_an_event_without_an_end_is_not_held_beyond_the_limit() -> None:
    cutter = EventCutter(1000)
    for _ in range(10):
        assert cutter.feed(b"x" * 100) == []
    with pytest.raises(EventTooLong, match="1000 bytes"):
        cutter.feed(b"x" * 100)
