"""The cold side of the journal: follows one stream from a cursor and hands over each record once. Sans Trio; one a sink.

Reads whole lines only, from the segments in order, as far as they go. What it remembers besides its cursor are the
requests in flight (begun, not ended), and those it finds again after a restart by reading the segment it stands in from
its start (writer, I5). Called by `cold/deliver.py` and `cold/verify.py`.

I1  A cursor handed out describes exactly the records handed out with and before it. Whoever stores both in one step, and
    goes on from what is stored, has every record once, wherever either side is killed.
I2  For every cursor: highest = stored + lost + in flight; the last one counts every number that the writer said it had
    given out. What is neither handed over nor in flight is lost; should its
    line come after all (late, out of the writer's memory), it is lost no more.
I3  Requests without an end become `interrupted` only when the writer is gone *and* everything it wrote is read, all of
    them together with the cursor that says `finished`.
I4  A line whose checksum does not hold is counted in `damaged` and never believed. It costs at most its own record; where
    it names a request that is known to be in flight, that one becomes `interrupted` at once.
I5  A segment that is shorter than what was read of it was cut: by hand, or by a power cut that took its last pages, but not
    the cursor. It is read again from its start for what is new by its number, so that nothing comes twice.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from lectr_core.journal.layout import BEGUN, ENDED, segment_name, segment_numbers, unsealed
from lectr_core.journal.recovery import interrupted, is_writer_gone, told_highest
from lectr_core.model.codec import decode, decode_begun, decode_ended
from lectr_core.model.cursor import Cursor
from lectr_core.model.record import Begun, Ended

# About 140 records: small enough to leave nothing unread for long, large enough that system calls do not count.
_CHUNK_BYTES = 256 * 1024

# What decoding may raise for JSON that does not fit: msgspec's errors are ValueErrors, save for brackets without end.
_UNKNOWN = (ValueError, RecursionError)


@attrs.frozen
class Batch:
    """Records, and the cursor that stands right behind them."""

    ended: tuple[Ended, ...]
    cursor: Cursor


@attrs.frozen
class _Whose:
    begun: Begun


@attrs.frozen
class _Closed:
    highest: int


@attrs.define(eq=False)
class StreamReader:
    """Follows one stream. Errors: OSError where a segment cannot be read; the reader is then to be made anew."""

    stream: Path
    """The stream's directory."""
    cursor: Cursor
    """Behind the last batch."""
    damaged: int = attrs.field(init=False)
    """Lines that were not what had been written, and cuts: all that the cursor knew of, and since."""
    _open: dict[int, Begun] = attrs.field(init=False, factory=dict)
    _file: int = attrs.field(init=False, default=-1)
    _segment: int = attrs.field(init=False)
    _buffer: bytes = attrs.field(init=False, default=b"")
    _buffer_at: int = attrs.field(init=False)  # offset of the buffer's first byte in the segment
    _at: int = attrs.field(init=False, default=0)  # how much of the buffer is read
    _highest: int = attrs.field(init=False)
    _stored: int = attrs.field(init=False)
    _is_closed: bool = attrs.field(init=False, default=False)  # a `closed` line was read
    _known: int = attrs.field(init=False, default=0)  # after a cut: numbers up to here were read before, from this segment

    def __attrs_post_init__(self) -> None:
        cursor = self.cursor
        self._segment, self._buffer_at = cursor.segment, 0
        self._highest, self._stored, self.damaged = cursor.highest, cursor.stored, cursor.damaged
        self._find_open()
        self._buffer, self._buffer_at, self._at = b"", cursor.offset, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def in_flight(self) -> int:
        """Requests that began before the cursor and have not ended before it."""
        return len(self._open)

    @property
    def open_requests(self) -> Collection[Begun]:
        """Those requests, as they began."""
        return self._open.values()

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def read(self, limit: int) -> Batch:
        """The next records, *limit* at most (but see I3); none where there is nothing new, or only `begun` lines.

        The batch's cursor may have moved although it holds no record. A batch whose cursor is finished is the last.
        """
        is_over = self._is_closed or is_writer_gone(self.stream)  # asked first: whatever it wrote is there to be read
        found: list[Ended] = []
        while len(found) < limit:
            line = self._next_line()
            if line is None:
                break
            ended = self._take(line)
            if ended is not None:
                found.append(ended)
        else:
            is_over = False  # there may be more
        if is_over:
            if not self.cursor.finished:
                self.damaged += len(self._buffer) > self._at  # the worker, or the machine, was stopped amid a line
            self._highest = max(self._highest, told_highest(self.stream))
            found.extend(interrupted(self._open[seq]) for seq in sorted(self._open))
            self._open.clear()
        self._stored += len(found)
        self.cursor = Cursor(
            stream=self.cursor.stream,
            segment=self._segment,
            offset=self._buffer_at + self._at,
            highest=self._highest,
            stored=self._stored,
            lost=self._highest - self._stored - len(self._open),
            damaged=self.damaged,
            finished=is_over,
        )
        return Batch(tuple(found), self.cursor)

    def _take(self, line: bytes) -> Ended | None:
        """Understand one line (without its end)."""
        letter, text, is_whole = unsealed(line)
        if not is_whole:
            self.damaged += bool(line)
            return self._salvaged(text) if letter == ENDED else None
        try:
            if letter == ENDED:
                return self._take_ended(text)
            if letter == BEGUN:
                begun = decode_begun(text)
                if begun.seq > self._known:
                    self._open[begun.seq] = begun
                    self._highest = max(self._highest, begun.seq)
            else:
                self._highest = max(self._highest, decode(text, _Closed).highest)
                self._is_closed = True
        except _UNKNOWN:
            self.damaged += 1
        return None

    def _take_ended(self, text: bytes) -> Ended | None:
        try:
            ended = decode_ended(text)
        except _UNKNOWN:
            ended = interrupted(decode(text, _Whose).begun)
            self.damaged += 1
        seq = ended.begun.seq
        was_open = self._open.pop(seq, None) is not None
        if seq <= self._known and not was_open:
            return None
        self._highest = max(self._highest, seq)
        return ended

    def _salvaged(self, text: bytes) -> Ended | None:
        """The end of a request in flight, of which a damaged line says no more than that it came."""
        try:
            named = decode(text, _Whose).begun
        except _UNKNOWN:
            return None
        begun = self._open.get(named.seq)
        if begun is None or begun.id != named.id:
            return None
        del self._open[begun.seq]
        return interrupted(begun)

    def _find_open(self) -> None:
        """Read the cursor's segment up to the cursor, for the requests that are in flight there."""
        cursor = self.cursor
        while self._buffer_at + self._at < cursor.offset:
            line = self._next_line_here()
            if line is None:
                break
            self._take(line)
        if len(self._open) > cursor.highest - cursor.stored - cursor.lost:
            self._open.clear()  # ends were cut off: nobody can say any more which of these are stored already
        self._highest, self._is_closed, self.damaged = cursor.highest, False, cursor.damaged

    def _begin_segment_again(self) -> None:
        """Read on in a segment that somebody cut."""
        self.damaged += 1
        self._known = self._highest
        self.close()
        self._buffer, self._buffer_at, self._at = b"", 0, 0

    # ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _next_line(self) -> bytes | None:
        """The next whole line without its end, from this segment or a later one; None where there is none yet."""
        while True:
            line = self._next_line_here()
            if line is not None:
                return line
            following = self._following()
            if following is None:
                return None
            line = self._next_line_here()  # the writer wrote to this segment until it began the next
            if line is not None:
                return line
            if len(self._buffer) > self._at:
                self.damaged += 1  # half a line, for ever: the writer could not go on in this segment
            self.close()
            self._segment, self._buffer, self._buffer_at, self._at, self._known = following, b"", 0, 0, 0

    def _next_line_here(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._at)
        while end < 0:
            if not self._fill():
                return None
            end = self._buffer.find(b"\n", self._at)
        line = self._buffer[self._at : end]
        self._at = end + 1
        return line

    def _fill(self) -> bool:
        """Take more of the segment into the buffer. False where there is no more."""
        if self._file < 0:
            try:
                self._file = os.open(self.stream / segment_name(self._segment), os.O_RDONLY)
            except FileNotFoundError:
                return False
        end = self._buffer_at + len(self._buffer)
        before = (self._buffer[-1:] or b"\n") if end else b""  # read once more: after a cut it is not there, or another
        more = os.pread(self._file, _CHUNK_BYTES, end - len(before))
        if not more.startswith(before):
            self._begin_segment_again()
            return self._fill()
        if len(more) == len(before):
            return False
        self._buffer_at += self._at
        self._buffer = self._buffer[self._at :] + more[len(before) :]
        self._at = 0
        return True

    def _following(self) -> int | None:
        """The number of the segment after this one, if there is one already."""
        return next((number for number in segment_numbers(self.stream) if number > self._segment), None)
