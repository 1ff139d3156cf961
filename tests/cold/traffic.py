"""Made-up traffic for one worker, with ids that differ between streams, and ways for the worker to end."""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from lectr_core.journal.writer import Writer
from lectr_core.model.record import Begun, Ended
from lectr_core.testing.samples import sample_record


def begun(out: Writer, seq: int) -> Begun:
    return attrs.evolve(sample_record(seq).ended.begun, id=f"{out.stream}/{seq}")


def ended(out: Writer, seq: int) -> Ended:
    return attrs.evolve(sample_record(seq).ended, begun=begun(out, seq))


def refused(out: Writer, seq: int) -> Ended:
    """What a request leaves that Lectr refused."""
    return Ended(begun=begun(out, seq), outcome="lectr_refused", ended_by="completed", status=401, error_source="lectr")


def write_whole(out: Writer, count: int) -> None:
    """*count* exchanges, each begun and ended."""
    for _ in range(count):
        seq = out.next_seq()
        out.begun(begun(out, seq))
        out.ended(ended(out, seq))


def kill(out: Writer, torn: bytes = b"") -> None:
    """What `kill -9` leaves of a writer: its files as they are, perhaps half a line, no lock."""
    if torn:
        os.write(out._file, torn)
    os.close(out._file)
    os.close(out._lock)
    out._file = out._lock = -1
    out._waiting.clear()
    out._is_closed = True


def home(out: Writer) -> Path:
    return out.directory / out.stream
