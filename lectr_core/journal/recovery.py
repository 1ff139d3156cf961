"""What is left of a worker: is it still there, what became of requests it never ended, and when may its files go.

Called by reader and verify (is the writer there), by writer and reader (the record of a request without an end) and by the
cold side's housekeeping. Never reads a line.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from lectr_core.journal.layout import COLD_LOCK, FILE_MODE, LOCK, segment_name, segment_numbers
from lectr_core.model.record import Begun, Ended

# A living writer makes its lock anew within seconds if somebody deletes it; a dead one cannot. Ten minutes is far from both.
LOCKLESS_LIMIT_S = 600.0

GONE = ".gone-"
"""Prefix of a stream's directory that is on its way out."""


def interrupted(begun: Begun) -> Ended:
    """The record of a request whose end was never written down: the worker died, or its disk was full."""
    return Ended(
        begun=begun,
        outcome="interrupted",
        ended_by="crash",
        error_source="lectr",
        request_bytes=begun.request_bytes,
    )


def is_writer_gone(stream: Path) -> bool:
    """Whether the worker that wrote this stream lives no more: then nothing is ever added to it.

    The kernel lets go of a worker's lock whatever ends it. The question is asked with a shared lock, so that several who
    ask at once do not take each other for the writer. Without a lock file (somebody deleted it) a stream counts as living
    as long as something was written lately.
    """
    try:
        lock = os.open(stream / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return _is_long_silent(stream)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _is_long_silent(stream: Path) -> bool:
    numbers = segment_numbers(stream)
    if not numbers:
        return stream.is_dir()
    return time.time() - (stream / segment_name(numbers[-1])).stat().st_mtime > LOCKLESS_LIMIT_S


def told_highest(stream: Path) -> int:
    """How many sequence numbers the worker says it gave out, a second ago or less; 0 where it does not say."""
    try:
        return int((stream / LOCK).read_bytes())
    except (OSError, ValueError):
        return 0


def free_segments(stream: Path, before: int) -> int:
    """Remove the segments numbered below *before*; return how many. A segment that is gone already is fine."""
    numbers = [number for number in segment_numbers(stream) if number < before]
    for number in numbers:
        (stream / segment_name(number)).unlink(missing_ok=True)
    return len(numbers)


def remove_stream(stream: Path) -> None:
    """Remove a finished stream: out of sight in one step, then for good. Killed midway, `sweep` does the rest."""
    gone = stream.with_name(GONE + stream.name)
    os.rename(stream, gone)
    _remove(gone)


def sweep(journal: Path) -> None:
    """Remove what an earlier `remove_stream` left behind."""
    for path in journal.glob(GONE + "*"):
        _remove(path)


def _remove(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink(missing_ok=True)
    directory.rmdir()


def take_cold_lock_now(journal: Path) -> int | None:
    """Become the one cold process of this journal: a descriptor to keep open meanwhile, or None where another one is."""
    lock = os.open(journal / COLD_LOCK, os.O_CREAT | os.O_RDWR, FILE_MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
