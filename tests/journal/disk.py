"""A disk that fails on demand, put in place of `os` in the writer; and short ways to read a stream back."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lectr_core.journal import reader, writer
from lectr_core.journal.reader import StreamReader
from lectr_core.journal.writer import Writer
from lectr_core.model.cursor import Cursor
from lectr_core.model.record import Begun, Ended
from lectr_core.testing.samples import sample_record

ALL = 1_000_000


class Disk:
    """`os`, with writes that land only in part, and calls that fail with *fault* while it is set."""

    def __init__(self) -> None:
        self.fault: int | None = None
        self.fails: tuple[str, ...] = ("write", "open", "mkdir", "rename")
        self.room: int | None = None  # bytes that still fit; None: any number
        self.landing = 0  # bytes of a failing write that land all the same

    def __getattr__(self, name: str) -> Callable[..., object]:
        real: Callable[..., object] = getattr(os, name)
        if name not in self.fails or self.fault is None:
            return real
        return self._fail

    def _fail(self, *_: object, **__: object) -> object:
        assert self.fault is not None
        raise OSError(self.fault, os.strerror(self.fault))

    def write(self, descriptor: int, data: bytes) -> int:
        if self.fault is not None and "write" in self.fails:
            if self.landing:
                os.write(descriptor, data[: self.landing])
                self.landing = 0
            self._fail()
        if self.room is None:
            return os.write(descriptor, data)
        if not self.room:
            raise OSError(errno.ENOSPC, "no space")
        written = os.write(descriptor, data[: self.room])
        self.room -= written
        return written


def fit(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Put a disk of ours under the writer; it works until told otherwise."""
    disk = Disk()
    monkeypatch.setattr(writer, "os", disk)
    return disk


def begun(seq: int) -> Begun:
    return sample_record(seq).ended.begun


def ended(seq: int) -> Ended:
    return sample_record(seq).ended


def write_whole(out: Writer, count: int) -> None:
    """*count* exchanges, each begun and ended."""
    for _ in range(count):
        seq = out.next_seq()
        out.begun(begun(seq))
        out.ended(ended(seq))


def home(out: Writer) -> Path:
    return out.directory / out.stream


def lines(out: Writer) -> list[bytes]:
    """All that is on the disk, line by line, segments in order."""
    text = b"".join(path.read_bytes() for path in sorted(home(out).glob("*.log")))
    return text.split(b"\n")[:-1]


def read_all(stream: Path, cursor: Cursor | None = None) -> tuple[list[Ended], Cursor]:
    """Everything from *cursor* on."""
    found: list[Ended] = []
    with reader.StreamReader(stream, cursor or Cursor(stream=stream.name)) as source:
        while True:
            batch = source.read(ALL)
            found += batch.ended
            if not batch.ended or batch.cursor.finished:
                return found, batch.cursor


def read_all_from(stream: Path, cursor: Cursor | None = None) -> tuple[list[Ended], Cursor, int]:
    """Everything from *cursor* on, by one reader; and how many lines it found damaged."""
    with reader.StreamReader(stream, cursor or Cursor(stream=stream.name)) as source:
        batch = source.read(ALL)
        again = source.read(ALL)
        assert not again.ended
        assert again.cursor == batch.cursor, "what is finished stays as it is"
        return list(batch.ended), batch.cursor, source.damaged


def seqs(records: list[Ended]) -> list[int]:
    return [record.begun.seq for record in records]


__all__ = [
    "ALL",
    "Disk",
    "StreamReader",
    "begun",
    "ended",
    "fit",
    "home",
    "lines",
    "read_all",
    "read_all_from",
    "seqs",
    "write_whole",
]
