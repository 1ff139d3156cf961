"""Journals damaged anywhere: the reader never raises, keeps what is whole, and its counts add up."""

from __future__ import annotations

from pathlib import Path
from random import Random

import attrs
import pytest

from lectr_core.journal.layout import unsealed
from lectr_core.journal.reader import StreamReader
from lectr_core.journal.writer import Writer
from lectr_core.model.codec import decode_ended
from lectr_core.model.cursor import Cursor
from lectr_core.model.record import Ended
from tests.fuzz.mutate import spoilt, turns
from tests.journal.disk import begun, ended

COUNT = 12
MARKS = (
    b"\n",
    b"\n\n",
    b"\0" * 50,
    b"\xff",
    b"b ",
    b"e ",
    b"c ",
    b"{",
    b"}",
    b'"',
    b"1",
    b"-1",
    b"null",
    b"[" * 1100,
    b"z \n",
)


@pytest.fixture
def files(tmp_path: Path) -> dict[Path, bytes]:
    """A closed stream of three segments, with three requests that never ended."""
    with Writer(tmp_path, segment_bytes=7_000) as out:
        for seq in range(1, COUNT + 1):
            assert out.next_seq() == seq
            out.begun(begun(seq))
            if seq % 4:
                out.ended(ended(seq))
        stream = tmp_path / out.stream
    found = {path: path.read_bytes() for path in sorted(stream.glob("*.log"))}
    assert len(found) > 1
    return found


@attrs.frozen
class Found:
    """What a reader made of the files."""

    ended: tuple[Ended, ...]
    cursor: Cursor
    damaged: int


def read(stream: Path, chance: Random) -> Found:
    """Read to the end, a few records at a time, now and then by a new reader from the last cursor."""
    found: list[Ended] = []
    cursor, damaged = Cursor(stream=stream.name), 0
    for _ in range(10_000):
        with StreamReader(stream, cursor) as source:
            for _ in range(chance.choice((1, 3, 100))):
                batch = source.read(chance.choice((1, 2, 100)))
                found += batch.ended
                cursor = batch.cursor
                assert cursor.highest == cursor.stored + cursor.lost + source.in_flight
                assert cursor.stored == len(found)
                if cursor.finished:
                    return Found(tuple(found), cursor, damaged + source.damaged)
            damaged += source.damaged
    raise AssertionError("the reader does not come to an end")


def test_whatever_stands_in_the_files_the_reader_ends_and_counts_what_it_gave(files: dict[Path, bytes]) -> None:
    stream = next(iter(files)).parent
    for chance in turns("journals spoilt", 0.25):
        for path, text in files.items():
            path.write_bytes(spoilt(text, MARKS, chance, 4))
        read(stream, chance)


def test_torn_and_blotted_files_cost_only_the_records_they_hit(files: dict[Path, bytes]) -> None:
    """What a crash or a bad sector does: spans without sense, files cut short; no line becomes another one."""
    stream = next(iter(files)).parent
    for chance in turns("journals torn", 0.25):
        lines: list[bytes] = []
        for path, text in files.items():
            made = bytearray(text)
            for _ in range(chance.randrange(3)):
                at = chance.randrange(len(made))
                end = min(len(made), at + chance.choice((1, 8, 512)))
                made[at:end] = chance.choice((b"\0", b"\xff")) * (end - at)
            if chance.random() < 0.3:
                del made[chance.randrange(len(made)) :]
            path.write_bytes(made)
            lines += bytes(made).split(b"\n")[:-1]
        whole = {}
        for line in lines:
            if line.startswith(b"e ") and any(line + b"\n" in text for text in files.values()):
                record = decode_ended(unsealed(line)[1])
                whole[record.begun.seq] = record
        got = read(stream, chance)
        given = {record.begun.seq: record for record in got.ended}
        assert len(given) == len(got.ended), "nothing comes twice"
        assert {seq: given.get(seq) for seq in whole} == whole, "whole lines are kept"
        assert 0 <= got.cursor.lost <= got.cursor.highest <= COUNT
