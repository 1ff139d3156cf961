"""Lines and names of the journal: a line of which one byte is not what was written is found out, whichever byte it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectr_core.journal.layout import BEGUN, CLOSED, ENDED, sealed, segment_name, unsealed
from lectr_core.model.codec import encode
from tests.journal.disk import begun, ended, read_all_from

LINES = tuple(sealed(BEGUN, encode(begun(seq))) + sealed(ENDED, encode(ended(seq))) for seq in (1, 2))
STREAM = b"".join(LINES) + sealed(CLOSED, b'{"highest":2}')


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("stream")
    (made / "lock").touch()
    return made


@settings(deadline=None)
@given(letter=st.sampled_from([BEGUN, ENDED, CLOSED]), text=st.binary(max_size=50))
def test_a_line_is_taken_apart_as_it_was_made(letter: bytes, text: bytes) -> None:
    line = sealed(letter, text)
    assert line[-1:] == b"\n"
    assert unsealed(line[:-1]) == (letter, text, True)


@settings(deadline=None)
@given(line=st.binary(max_size=30))
def test_no_junk_is_taken_for_a_line(line: bytes) -> None:
    letter, text, is_whole = unsealed(line)
    assert not is_whole or sealed(letter, text) == line + b"\n"


@settings(max_examples=500, deadline=None)
@given(at=st.integers(0, len(STREAM) - 1), byte=st.integers(0, 255))
def test_any_flipped_byte_is_detected_and_no_record_becomes_another(stream: Path, at: int, byte: int) -> None:
    if byte == STREAM[at]:
        return
    (stream / segment_name(1)).write_bytes(STREAM[:at] + bytes([byte]) + STREAM[at + 1 :])
    found, cursor, damaged = read_all_from(stream)
    assert damaged >= 1
    assert cursor.damaged == damaged
    for record in found:
        seq = record.begun.seq
        assert record == ended(seq) or (record.begun == begun(seq) and record.outcome == "interrupted")
    assert len({record.begun.seq for record in found}) == len(found)


def test_every_byte_of_a_line_is_under_the_checksum() -> None:
    line = sealed(ENDED, encode(ended(1)))[:-1]
    for at in range(len(line)):
        for bit in range(8):
            spoilt = line[:at] + bytes([line[at] ^ 1 << bit]) + line[at + 1 :]
            assert not unsealed(spoilt)[2], f"byte {at}, bit {bit}"


def test_a_stream_cut_anywhere_says_so_unless_it_was_cut_between_two_lines(stream: Path) -> None:
    ends = {0, *(at + 1 for at, byte in enumerate(STREAM) if byte == 10)}
    (stream / segment_name(1)).write_bytes(STREAM)
    for length in range(len(STREAM), -1, -1):
        os.truncate(stream / segment_name(1), length)
        _, _, damaged = read_all_from(stream)
        assert damaged == (length not in ends)
