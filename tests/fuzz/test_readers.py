"""Events, arrays and usage readers: nothing that comes raises, any pieces give the same, and little is held."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from random import Random
from typing import Any, Final

import pytest

from lectr_core.dialects.reading import ArrayReader, EventReader, WholeReader
from lectr_core.model.codec import encode
from lectr_core.model.reading import Reading
from lectr_core.model.units import MAX_COUNT
from lectr_core.ports import Reader
from lectr_core.wire.arrays import ArrayCutter, ItemTooLong
from lectr_core.wire.events import EventCutter, EventTooLong
from tests.fuzz.models import EVENTS, JSON, bodies, readers
from tests.fuzz.mutate import pieces, spoilt, turns

MARKS: Final = (
    b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\r", b"data:", b"data: ", b"event: x\n", b":", b": c\n\n",
    b"\xef\xbb\xbf", b"data: [DONE]\n\n", b"\0", b"\xff", b"\\ud800", b"\xed\xa0\x80", b'"', b"\\", b"{", b"}", b"[",
    b"]", b",", b"null", b"-5", b"NaN", b"Infinity", b"1e308", b"1e999", b"-0", b"0.5", b"9007199254740992",
    b"9" * 400, b'"12"', b"true", b"{}", b"[]", b"[" * 1100, b'{"a":' * 1100, b'"usage":null,', b'"usage":[],',
    b'"usage":{"prompt_tokens":-1},', b'"total_tokens":1e308,', b'"model":7,', b'"model":"' + b"m" * 3000 + b'",',
    b'"choices":{"a":1},', b'"candidates":[7],', b'"type":[],', b"id: 5\n",
)  # fmt: skip
USUAL: Final = {"reported", "partial", "absent", "unreadable"}
STATES: Final = USUAL | {"open", "unbilled"}


def cut(make: Callable[[], EventCutter | ArrayCutter], parts: list[bytes]) -> tuple[list[Any], bool]:  # Any: either's items
    """All that is cut off, and whether it was given up: too long, or (an array) too deep or none at all."""
    cutter = make()
    found: list[Any] = []  # Any: as above
    for part in parts:
        try:
            found += cutter.feed(part)
        except (EventTooLong, ItemTooLong) as exc:
            return found + list(exc.finished), True
    return found, isinstance(cutter, ArrayCutter) and cutter.is_alien


def by_the_book(sent: bytes) -> list[tuple[bytes, bytes]]:
    """Events as WHATWG HTML §9.2.6 says, line by line."""
    text = sent.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found: list[tuple[bytes, bytes]] = []
    name, data = b"", list[bytes]()
    for line in text.split(b"\n")[:-1]:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if data:
                found.append((name, b"\n".join(data)))
            name, data = b"", []
        elif field == b"event":
            name = value
        elif field == b"data":
            data.append(value)
    return found


def the_same_at_any_limit(kind: type[EventCutter | ArrayCutter], sent: bytes, chance: Random) -> None:
    limit = chance.randrange(1, 400)
    assert cut(lambda: kind(limit), pieces(sent, chance)) == cut(lambda: kind(limit), [sent]), sent


def test_events_are_those_of_the_standard_in_any_pieces() -> None:
    for chance in turns("event streams"):
        sent = spoilt(chance.choice(bodies()[EVENTS]), MARKS, chance, 6)
        assert cut(lambda: EventCutter(1 << 20), pieces(sent, chance)) == (by_the_book(sent), False), sent
        the_same_at_any_limit(EventCutter, sent, chance)


def as_read(text: bytes) -> Any:  # Any: JSON
    return json.loads(text, parse_constant=str, parse_float=str, parse_int=str)


def test_elements_are_those_of_json_in_any_pieces() -> None:
    for chance in turns("arrays"):
        sent = spoilt(chance.choice(bodies()[JSON]), MARKS, chance, 4)
        found = cut(lambda: ArrayCutter(1 << 20), pieces(sent, chance))
        assert found == cut(lambda: ArrayCutter(1 << 20), [sent]), sent
        the_same_at_any_limit(ArrayCutter, sent, chance)
        try:
            tree = as_read(sent)
        except (ValueError, RecursionError):
            continue
        if isinstance(tree, list | dict):
            assert [as_read(item) for item in found[0]] == (tree if isinstance(tree, list) else [tree])


def read(reader: Reader, parts: list[bytes], complete: bool) -> Reading:
    for part in parts:
        reader.feed(part)
    return reader.finish(complete=complete)


def counts(reading: Reading) -> list[int]:
    """Every count in a reading, those of shares included."""
    usage = reading.usage
    if usage is None:
        return []
    shares = usage.terms.shares if usage.terms is not None else ()
    return [count for parts in (usage.units, *(share.units for share in shares)) for count in parts.values()]


def test_no_provider_s_answer_makes_a_reader_raise_or_differ() -> None:
    states = set()
    for chance in turns("answers", 2):
        model = chance.choice(readers())
        sent = spoilt(chance.choice(model.bodies), MARKS, chance, 4)
        complete = chance.random() < 0.8
        reading = read(model.make(), [sent], complete)
        assert read(model.make(), pieces(sent, chance), complete) == reading, (model.what, sent)
        states.add(reading.state)
        assert reading.state in STATES
        assert (reading.usage is not None) is (reading.state in ("reported", "partial")), (model.what, sent)
        for count in counts(reading):
            assert type(count) is int
            assert 0 <= count <= MAX_COUNT
        assert len(encode(reading)) < 64 * 1024, "what is kept of an answer is small"
    assert states >= USUAL


HELD_BYTES: Final = 16 * 1024
PIECES: Final = 40


@pytest.mark.parametrize(
    "endless",
    [b"x", b'data: {"a":"', b"[", b'{"a":[', b"data: x\n", b": c\n", b'[{"a":1},', b"\xff\0", b"data: {}\n\n", b'"'],
    ids=repr,
)
def test_an_answer_without_end_is_held_within_a_bound(endless: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for base in (WholeReader, EventReader, ArrayReader):
        monkeypatch.setattr(base, "MAX_BYTES", HELD_BYTES)
    piece = endless * (8_192 // len(endless))
    for model in {type(model.make()): model for model in readers()}.values():
        reader = model.make()
        bound = getattr(type(reader), "MAX_BYTES", 0)  # one that looks at nothing has none
        if bound > HELD_BYTES:
            monkeypatch.setattr(type(reader), "MAX_BYTES", HELD_BYTES)
            reader = model.make()
        tracemalloc.start()
        try:
            for _ in range(PIECES):
                reader.feed(piece)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert reader.finish(complete=False).state in STATES
        assert peak_bytes < 16 * HELD_BYTES, f"{model.what}: {peak_bytes} bytes for {len(piece) * PIECES} of {endless!r}"
