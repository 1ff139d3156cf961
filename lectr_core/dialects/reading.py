"""The bases of every reader: how bytes become whole bodies, events or elements, and what holds whatever comes.

A subclass says what one of those means. The bases see to it that pieces of any size give the same reading, that memory is
bounded, that bad input is a state and never an exception, and that nothing but the unfinished piece is held. Called by the
hot rooms through `ports.Reader`; provider plugins subclass these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final

import attrs
import msgspec

from lectr_core.dialects.alike import Alike
from lectr_core.dialects.doubt import doubted
from lectr_core.dialects.findings import raw_chars
from lectr_core.model.reading import Reading
from lectr_core.model.units import INPUT, OUTPUT
from lectr_core.wire.arrays import ArrayCutter, ItemTooLong
from lectr_core.wire.body import BAD_INPUT
from lectr_core.wire.events import EventCutter, EventTooLong

_OWN_BYTES: Final = 16 * 1024
"""A piece as long as this is kept as it came, shorter ones are gathered: copying all of a MiB twice costs 0.4 ms."""


class WholeReader(ABC):
    """Reads an answer that makes sense only as a whole. Holds the body until it ends."""

    MAX_BYTES: ClassVar[int] = 32 * 1024 * 1024
    """A longer body is let go of and not read. Answers with base64 images or many embeddings reach 20 MiB."""

    def __init__(self) -> None:
        self.first_token_seen = False
        self._pieces: list[bytes] = []
        self._tail = bytearray()
        """What came behind the pieces."""
        self._held_bytes = 0

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next piece of the body."""
        size = len(data)
        if self._held_bytes > self.MAX_BYTES or not size:
            return
        self.first_token_seen = True
        self._held_bytes += size
        if self._held_bytes > self.MAX_BYTES:
            self._let_go()
        elif size < _OWN_BYTES:
            self._tail += data
        else:
            if self._tail:
                self._pieces.append(bytes(self._tail))
                self._tail.clear()
            self._pieces.append(bytes(data))

    def _let_go(self) -> None:
        self._pieces.clear()
        self._tail.clear()

    def finish(self, *, complete: bool) -> Reading:
        """Conclude; see `ports.Reader`."""
        if self._held_bytes > self.MAX_BYTES:
            return Reading(state="unreadable")
        body = b"".join((*self._pieces, self._tail))
        self._let_go()
        if not body:
            return Reading()
        try:
            reading = self.read(body)
        except BAD_INPUT:
            return Reading(state="unreadable")
        return settled(reading, complete)

    @abstractmethod
    def read(self, body: bytes) -> Reading:
        """What the whole *body* says. May raise ValueError (msgspec's errors are such) for a body that says nothing."""


class _PieceReader(ABC):
    """What the readers of streams have in common: they learn piece by piece and conclude at the end."""

    def __init__(self) -> None:
        self.first_token_seen = False
        self.deltas = 0
        """Pieces of the answer that carried output."""
        self.delta_chars = 0
        """Their length; see `Reading.delta_chars`."""
        self.ended = False
        """The stream has said that it is over: whatever follows, the answer is complete."""
        self._broken = False
        self._faulty = False

    def saw_output(self, chars: int) -> None:
        """Note one piece of output, *chars* long. Subclasses call it."""
        self.first_token_seen = True
        self.deltas += 1
        self.delta_chars += chars

    def finish(self, *, complete: bool) -> Reading:
        """Conclude; see `ports.Reader`."""
        complete = self.ended or (complete and not self._broken)
        try:
            reading = self.conclude(complete)
        except BAD_INPUT:
            reading = Reading(state="unreadable")
        reading = attrs.evolve(reading, deltas=self.deltas, delta_chars=self.delta_chars)
        if reading.state == "absent" and (self._broken or self._faulty):
            return attrs.evolve(reading, state="unreadable")
        return settled(reading, complete)

    @abstractmethod
    def conclude(self, complete: bool) -> Reading:
        """What was learnt. *complete*: the answer came to its end. Deltas are filled in, and `reported` turns `partial`
        where it is not complete."""


class EventReader(_PieceReader):
    """Reads a stream of server-sent events. Holds at most one unfinished event."""

    MAX_BYTES: ClassVar[int] = 16 * 1024 * 1024
    """After a longer event, nothing more is read. Events with a base64 image reach some MiB."""

    def __init__(self) -> None:
        super().__init__()
        self._cutter = EventCutter(self.MAX_BYTES)
        self._alike = Alike()

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next piece of the stream."""
        if self._broken:
            return
        try:
            events = self._cutter.feed(data)
        except EventTooLong as exc:
            events = exc.finished
            self._broken = True
        known_chars = self._alike.chars
        for name, event in events:
            chars = known_chars(name, event)
            if chars:
                self.deltas += 1
                self.delta_chars += chars
                continue
            try:
                self.on_event(name, event)
            except BAD_INPUT:
                self._faulty = True

    @abstractmethod
    def on_event(self, name: bytes, data: bytes) -> None:
        """One event. May raise ValueError (msgspec's errors are such) for one that says nothing."""

    def saw_text(self, name: bytes, data: bytes, text: msgspec.Raw) -> None:
        """Note that this event carried *text*, a JSON string, as its only output.

        Events that differ from it in nothing but that text are from now on counted without being parsed: call it only where
        all else in the event is what each one repeats, and has been noted.
        """
        self.saw_output(raw_chars(text))
        if self._alike.tries:
            self._alike.learn(name, data, bytes(text))


class ArrayReader(_PieceReader):
    """Reads a stream that is one JSON array. Holds at most one unfinished element."""

    MAX_BYTES: ClassVar[int] = 16 * 1024 * 1024
    """After a longer element, nothing more is read."""

    def __init__(self) -> None:
        super().__init__()
        self._cutter = ArrayCutter(self.MAX_BYTES)

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next piece of the array."""
        if self._broken:
            return
        try:
            items = self._cutter.feed(data)
        except ItemTooLong as exc:
            items = exc.finished
            self._broken = True
        for item in items:
            try:
                self.on_item(item)
            except BAD_INPUT:
                self._faulty = True
        self.ended = self.ended or self._cutter.ended
        self._faulty = self._faulty or self._cutter.is_alien

    @abstractmethod
    def on_item(self, item: bytes) -> None:
        """One element. May raise ValueError (msgspec's errors are such) for one that says nothing."""


def settled(reading: Reading, complete: bool) -> Reading:
    """What was reported is partial where the answer broke off, and where it cannot be all: see `doubt.py`."""
    if reading.state != "reported":
        return reading
    usage = reading.usage
    if reading.deltas and usage is not None and not (usage.units.get(OUTPUT) and usage.units.get(INPUT)):
        reading = doubted(reading, usage)
    return reading if complete or reading.state != "reported" else attrs.evolve(reading, state="partial")
