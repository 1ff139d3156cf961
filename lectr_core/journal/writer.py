"""The hot side of the journal: a line when an exchange begins, and one when it has ended. Called by the hot rooms.

One `os.write` a line on a descriptor opened for appending, straight from the loop's thread: about a microsecond, and the
line then belongs to the kernel, so that it outlives `kill -9`. There is no fsync: a write to a disk that is slow to
confirm would stop every request of the worker for milliseconds, to guard against power cuts alone.

I1  After `__init__` nothing here raises and nothing waits for long: a request never suffers from its record.
I2  What cannot be written waits in memory, in order and within bounds, and is tried again: at the next line after a
    growing pause, and at every `flush_now`.
I3  Over the bound, a `begun` is dropped first, since its `ended` says it all. An `ended` that does not fit is replaced by
    the short record `interrupted`, if its `begun` was kept; else the record is lost: counted in `lost`, and visible to the
    reader as a gap in the sequence.
I4  A line that came half onto the disk is completed by the next write; on a new segment it is written anew as a whole.
I5  A segment appears (by rename) together with the `begun` lines of all that is then in flight. So a reader needs no
    segment before the one it stands in, and a request that takes hours keeps no old segment alive.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from lectr_core.errors import OperatorError
from lectr_core.journal.layout import (
    BEGUN,
    CLOSED,
    DIRECTORY_MODE,
    ENDED,
    FILE_MODE,
    LOCK,
    sealed,
    segment_name,
    stream_name,
)
from lectr_core.journal.recovery import interrupted
from lectr_core.model.codec import encode
from lectr_core.model.record import Begun, Ended

SEGMENT_BYTES = 16 * 1024 * 1024
"""About 12 000 requests; a reader that starts anew reads one segment twice, in well under a second."""
BACKLOG_BYTES = 8 * 1024 * 1024
"""What a worker keeps in memory while its disk takes nothing: some 6 000 records."""

# How much is written between two looks at whether the file is still there (somebody may have removed the directory).
_LOOK_EVERY_BYTES = 1024 * 1024
# Pause before what failed is tried again by the way: doubled each time. A try costs some 10 µs.
_FIRST_PAUSE_NS = 50_000_000
_LONGEST_PAUSE_NS = 2_000_000_000
_CHUNK_BYTES = 256 * 1024
_DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# What msgspec raises for a value that is not what its class declares (a reader plugin may have put it there).
_UNENCODABLE = (TypeError, ValueError, OverflowError, RecursionError)


@attrs.define(eq=False)
class Writer:
    """Writes one stream. Not for several threads; a forked child must not use its parent's.

    Errors: OperatorError where the directory cannot be used, from the constructor alone.
    """

    directory: Path
    """`<data>/journal`; made if it is not there."""
    segment_bytes: int = attrs.field(default=SEGMENT_BYTES, kw_only=True)
    backlog_bytes: int = attrs.field(default=BACKLOG_BYTES, kw_only=True)
    is_patient: bool = attrs.field(default=False, kw_only=True)
    """Begin although the directory takes nothing now: lines wait in memory, as when that happens later."""
    stream: str = attrs.field(init=False, default="")
    """The stream's name: part of every record."""
    lost: int = attrs.field(init=False, default=0)
    """Records of which no line could be kept."""
    highest: int = attrs.field(init=False, default=0)
    """The last sequence number given out."""
    waiting_bytes: int = attrs.field(init=False, default=0)
    """Held in memory because the disk takes nothing. Units: bytes."""
    _segment: int = attrs.field(init=False, default=0)
    _file: int = attrs.field(init=False, default=-1)
    _lock: int = attrs.field(init=False, default=-1)
    _size: int = attrs.field(init=False, default=0)  # of the file, as far as this writer filled it
    _rotate_at: int = attrs.field(init=False, default=0)
    _look_at: int = attrs.field(init=False, default=0)
    _open: dict[int, bytes] = attrs.field(init=False, factory=dict)  # `begun` lines that were kept and have no end yet
    _waiting: deque[bytes] = attrs.field(init=False, factory=deque)
    _head_done: int = attrs.field(init=False, default=0)  # bytes of the first waiting line that are on the disk already
    _pause_ns: int = attrs.field(init=False, default=_FIRST_PAUSE_NS)
    _retry_at_ns: int = attrs.field(init=False, default=0)  # monotonic
    _told: int = attrs.field(init=False, default=-1)  # the number in the lock file
    _is_closed: bool = attrs.field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.stream = stream_name(datetime.now(UTC), os.getpid(), secrets.token_hex(3))
        try:
            self._renew()
        except OSError as exc:
            if self.is_patient:
                return
            raise OperatorError(f"cannot write to the journal directory {str(self.directory)!r}: {exc.strerror}") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ── what the hot rooms call ───────────────────────────────────────────────────────────────────────────────────────

    def next_seq(self) -> int:
        """The sequence number of a new record: take it right before its first line."""
        self.highest += 1
        return self.highest

    def begun(self, begun: Begun) -> None:
        """Write down that an exchange is about to go upstream."""
        try:
            line = sealed(BEGUN, encode(begun))
        except _UNENCODABLE:
            return  # its end stands for the whole record
        if self._waiting and self.waiting_bytes + len(line) > self.backlog_bytes // 2:
            return
        self._open[begun.seq] = line
        self._put(line)

    def ended(self, ended: Ended) -> None:
        """Write down a whole exchange."""
        was_kept = self._open.pop(ended.begun.seq, None) is not None
        try:
            line = sealed(ENDED, encode(ended))
        except _UNENCODABLE:
            self._put_short(ended)
            return
        if self._waiting and self.waiting_bytes + len(line) > self.backlog_bytes:
            if was_kept:
                self._put_short(ended)
            else:
                self.lost += 1
            return
        self._put(line)

    def flush_now(self) -> bool:
        """Try to write what waits, and see that the files are still there. Returns whether nothing waits any more.

        Meant to be called about once a second, and before a worker ends. Costs a microsecond where all is well.
        """
        if not self._is_closed:
            self._look()
            self._drain()
            self._tell()
        return not self._waiting

    def close(self) -> None:
        """Say that the worker ended in good order. What still cannot be written is lost, and counted."""
        if self._is_closed:
            return
        self._put(sealed(CLOSED, encode({"highest": self.highest})))
        self.flush_now()
        self._is_closed = True
        self.lost += sum(line.startswith(ENDED) for line in self._waiting)
        self._waiting.clear()
        self.waiting_bytes = 0
        for descriptor in (self._file, self._lock):
            _close(descriptor)
        self._file = self._lock = -1

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, line: bytes) -> None:
        written = 0
        is_first = not self._waiting
        if is_first:
            try:
                written = os.write(self._file, line)
            except OSError:
                pass  # what to do about it is found out by the next try, in _drain
            if written == len(line):
                self._size += written
                if self._size >= self._look_at:
                    self._attend()
                return
        if self._is_closed:
            self.lost += line.startswith(ENDED)
            return
        self._waiting.append(line)
        self.waiting_bytes += len(line)
        if is_first:
            self._take_off(written or self._landed())
        if is_first or time.monotonic_ns() >= self._retry_at_ns:
            self._drain()

    def _tell(self) -> None:
        """Say in the lock file how many numbers are given out: what then has no line is known to be missing.

        In place, so that a full disk takes it too. That file is made with its lock, before there is anything to say.
        """
        if self.highest != self._told:
            try:
                os.pwrite(self._lock, b"%020d\n" % self.highest, 0)
                self._told = self.highest
            except OSError:
                pass  # the lines themselves say it in the end, unless the worker is killed before

    def _put_short(self, ended: Ended) -> None:
        """Keep the short record, whatever the bound: only as many can come as `begun` lines were kept."""
        try:
            line = sealed(ENDED, encode(interrupted(ended.begun)))
        except _UNENCODABLE:
            self.lost += 1
            return
        self._put(line)

    def _drain(self) -> None:
        """Write what waits, oldest first, until it is all written or the disk refuses."""
        may_renew = True
        while self._waiting:
            try:
                self._take_off(os.write(self._file, self._front()))
            except OSError as exc:
                self._take_off(self._landed())
                if may_renew and exc.errno not in _DISK_IS_FULL and self._is_renewed():
                    may_renew = False
                    continue
                self._retry_at_ns = time.monotonic_ns() + self._pause_ns
                self._pause_ns = min(self._pause_ns * 2, _LONGEST_PAUSE_NS)
                return
        self._pause_ns = _FIRST_PAUSE_NS
        if self._size >= self._look_at:
            self._attend()

    def _front(self) -> bytes:
        """The oldest waiting bytes, at most about one chunk."""
        lines: list[bytes] = []
        length = 0
        for line in self._waiting:
            lines.append(line)
            length += len(line)
            if length >= _CHUNK_BYTES:
                break
        return b"".join(lines)[self._head_done :]

    def _take_off(self, written: int) -> None:
        """Forget the *written* oldest bytes of what waits: they are on the disk."""
        self._size += written
        self._head_done += written
        while self._waiting and self._head_done >= len(self._waiting[0]):
            line = self._waiting.popleft()
            self._head_done -= len(line)
            self.waiting_bytes -= len(line)

    def _landed(self) -> int:
        """How many bytes of the last write reached the file, although it failed or came back short."""
        try:
            size = os.fstat(self._file).st_size
        except OSError:
            return 0
        landed = size - self._size
        if not 0 <= landed <= self.waiting_bytes:
            self._size = size  # somebody cut or filled the file
            return 0
        return landed

    def _attend(self) -> None:
        """Now and then: is the file still there, and is it long enough?"""
        self._look()
        if self._size >= self._rotate_at and not self._is_renewed():
            self._rotate_at = self._size + self.segment_bytes  # no room for a new one: this one serves on
        self._look_at = min(self._size + _LOOK_EVERY_BYTES, self._rotate_at)

    def _look(self) -> None:
        """Begin anew if somebody removed the files: what a removed file takes is gone."""
        try:
            is_there = os.fstat(self._file).st_nlink > 0 and os.fstat(self._lock).st_nlink > 0
        except OSError:
            is_there = False
        if not is_there:
            self._is_renewed()

    def _is_renewed(self) -> bool:
        """Try to begin a new segment."""
        try:
            self._renew()
        except OSError:
            return False
        return True

    def _renew(self) -> None:
        """Begin a new segment, in the stream's directory or, where that is gone, in a new one of the same name.

        Errors: OSError; then nothing has changed.
        """
        home = self.directory / self.stream
        number = self._segment + 1
        if home.is_dir():
            lock = self._lock if (home / LOCK).exists() else _take_lock(home)
            file, size = _start_segment(home, number, self._open.values())
        else:
            making = self.directory / f".{self.stream}"
            self.directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
            making.mkdir(DIRECTORY_MODE, exist_ok=True)
            lock = _take_lock(making)
            file, size = _start_segment(making, number, self._open.values())
            os.rename(making, home)
        if lock != self._lock:
            _close(self._lock)
            self._told = -1
        if file != self._file:  # the same number, where somebody closed the old one
            _close(self._file)
        self._lock, self._file, self._segment, self._size, self._head_done = lock, file, number, size, 0
        self._tell()
        self._rotate_at = size + self.segment_bytes
        self._look_at = min(size + _LOOK_EVERY_BYTES, self._rotate_at)


def _take_lock(home: Path) -> int:
    """Make the lock file, held from its first moment on."""
    making = home / f".{LOCK}"
    lock = os.open(making, os.O_CREAT | os.O_RDWR, FILE_MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(making, home / LOCK)
    except OSError:
        os.close(lock)
        raise
    return lock


def _start_segment(home: Path, number: int, open_lines: Iterable[bytes]) -> tuple[int, int]:
    """Make segment *number* with *open_lines* at its head; return descriptor and size. Errors: OSError, leaving nothing."""
    making = home / f".{segment_name(number)}"
    file = os.open(making, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND, FILE_MODE)
    try:
        head = b"".join(open_lines)
        size = 0
        while size < len(head):
            size += os.write(file, head[size:])
        os.rename(making, home / segment_name(number))
    except OSError:
        os.close(file)
        making.unlink(missing_ok=True)
        raise
    return file, size


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        try:
            os.close(descriptor)
        except OSError:
            pass  # somebody closed it already
