"""The reader: every record once, from any cursor, whatever state the files are in (I1 to I4 of `reader.py`)."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from lectr_core.journal import layout
from lectr_core.journal import reader as reader_module
from lectr_core.journal.layout import BEGUN, CLOSED, ENDED, sealed
from lectr_core.journal.reader import StreamReader
from lectr_core.journal.writer import Writer
from lectr_core.model.codec import encode
from lectr_core.model.cursor import Cursor
from lectr_core.model.record import Ended
from tests.journal.disk import ALL, begun, ended, fit, home, lines, read_all, seqs, write_whole

DEEP = b'{"begun":' + b"[" * 5000
HOLDS = "highest == stored + lost + in flight"


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Writer]:
    with Writer(tmp_path, segment_bytes=7_000) as made:
        yield made


def start(out: Writer) -> StreamReader:
    return StreamReader(home(out), Cursor(stream=out.stream))


def test_records_come_in_the_order_of_their_ends(out: Writer) -> None:
    for _ in range(3):
        out.begun(begun(out.next_seq()))
    for seq in (2, 3, 1):
        out.ended(ended(seq))
    with start(out) as source:
        batch = source.read(ALL)
    assert batch.ended == (ended(2), ended(3), ended(1))
    assert (batch.cursor.highest, batch.cursor.stored, batch.cursor.lost, batch.cursor.finished) == (3, 3, 0, False)


def test_a_reader_follows_what_is_written_while_it_reads(out: Writer) -> None:
    with start(out) as source:
        assert source.read(ALL).ended == ()
        for count in (1, 7, 30):
            write_whole(out, count)
            assert len(source.read(ALL).ended) == count
        assert source.cursor.segment > 3


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_a_limit_is_kept_and_nothing_is_skipped(out: Writer, limit: int) -> None:
    write_whole(out, 20)
    found: list[Ended] = []
    with start(out) as source:
        while batch := source.read(limit).ended:
            assert len(batch) <= limit
            found += batch
    assert seqs(found) == list(range(1, 21))


def test_from_every_cursor_on_the_rest_is_the_same(out: Writer) -> None:
    for _ in range(3):
        out.begun(begun(out.next_seq()))
    write_whole(out, 20)
    out.ended(ended(2))
    out.close()
    whole, last = read_all(home(out))
    assert last == attrs.evolve(last, highest=23, stored=23, lost=0, finished=True)
    before: list[Ended] = []
    with start(out) as source:
        while True:
            batch = source.read(1)
            before += batch.ended
            cursor = batch.cursor
            assert cursor.highest == cursor.stored + cursor.lost + source.in_flight, HOLDS
            if cursor.finished:
                break
            rest, end = read_all(home(out), cursor)
            assert before + rest == whole
            assert end == last


def test_a_dead_writers_open_requests_are_interrupted_all_at_once_with_the_last_cursor(out: Writer) -> None:
    for _ in range(4):
        out.begun(begun(out.next_seq()))
    out.ended(ended(2))
    out.close()
    with start(out) as source:
        first = source.read(1)
        assert (seqs(list(first.ended)), first.cursor.finished) == ([2], False)
        last = source.read(1)
    assert seqs(list(last.ended)) == [1, 3, 4]
    assert {(record.outcome, record.ended_by, record.status) for record in last.ended} == {("interrupted", "crash", None)}
    assert last.cursor.finished


def test_a_living_writers_open_requests_are_in_flight(out: Writer) -> None:
    out.begun(begun(out.next_seq()))
    with start(out) as source:
        batch = source.read(ALL)
        assert batch.ended == ()
        assert source.in_flight == 1
        assert not batch.cursor.finished


def test_what_is_written_between_the_last_look_and_the_death_is_read_first(out: Writer) -> None:
    with start(out) as source:
        out.begun(begun(out.next_seq()))
        source.read(ALL)
        out.ended(ended(1))
        out.close()
        batch = source.read(ALL)
    assert batch.ended == (ended(1),)


def test_refused_requests_have_an_end_alone(out: Writer) -> None:
    for _ in range(3):
        out.ended(ended(out.next_seq()))
    found, cursor = read_all(home(out))
    assert (seqs(found), cursor.lost) == ([1, 2, 3], 0)


def test_a_gap_is_lost_until_its_line_comes_after_all(out: Writer) -> None:
    for _ in range(4):
        out.next_seq()
    out.ended(ended(4))
    _, cursor = read_all(home(out))
    assert (cursor.highest, cursor.stored, cursor.lost) == (4, 1, 3)
    out.ended(ended(2))
    _, cursor = read_all(home(out), cursor)
    assert (cursor.highest, cursor.stored, cursor.lost) == (4, 2, 2)


def test_a_close_makes_even_the_last_lost_record_known(out: Writer) -> None:
    write_whole(out, 1)
    out.next_seq()
    out.close()
    assert read_all(home(out))[1].lost == 1


def test_a_line_torn_by_a_crash_at_any_byte_costs_no_more_than_itself(tmp_path: Path) -> None:
    whole = sealed(BEGUN, encode(begun(1))) + sealed(ENDED, encode(ended(1))) + sealed(BEGUN, encode(begun(2)))
    last = sealed(ENDED, encode(ended(2)))[:-1]
    stream = tmp_path / "stream"
    stream.mkdir()
    (stream / "lock").touch()
    (stream / "000001.log").write_bytes(whole + last)
    for left in range(len(last), -1, -1):
        os.truncate(stream / "000001.log", len(whole) + left)
        found, cursor = read_all(stream)
        assert [(record.begun.seq, record.outcome) for record in found] == [(1, "ok"), (2, "interrupted")]
        is_torn = left > 0
        assert cursor == Cursor(stream="stream", offset=len(whole), highest=2, stored=2, damaged=is_torn, finished=True)


@pytest.mark.parametrize(
    "junk",
    [b"\xff\xfe", b"e {}", b"b 00000000 {}", b"c", b"x 00000000 {}", b"b", b"{}", b"\x00" * 5000]
    + [sealed(letter, text)[:-1] for letter in (BEGUN, ENDED, CLOSED) for text in (b"{}", b"not json", DEEP)]
    + [letter + b"00000000 " + DEEP for letter in (BEGUN, ENDED, CLOSED)],
)
def test_a_damaged_line_is_skipped_and_counted(out: Writer, junk: bytes) -> None:
    write_whole(out, 1)
    os.write(out._file, junk + b"\n")
    write_whole(out, 1)
    with start(out) as source:
        assert seqs(list(source.read(ALL).ended)) == [1, 2]
        assert source.damaged == 1
        assert source.cursor.lost == 0
        cursor = source.cursor
    with StreamReader(home(out), cursor) as source:
        source.read(ALL)
        assert source.damaged == 1, "what was counted before is not counted again"


def test_an_empty_line_is_nothing(out: Writer) -> None:
    os.write(out._file, b"\n\n")
    write_whole(out, 1)
    with start(out) as source:
        assert len(source.read(ALL).ended) == 1
        assert source.damaged == 0


def test_a_record_whose_fields_nobody_knows_is_interrupted(out: Writer) -> None:
    write_whole(out, 1)
    out.begun(begun(out.next_seq()))
    os.write(out._file, sealed(ENDED, b'{"begun":' + encode(begun(2)) + b',"outcome":"no such outcome"}'))
    with start(out) as source:
        found = source.read(ALL).ended
        assert [(record.begun.seq, record.outcome) for record in found] == [(1, "ok"), (2, "interrupted")]
        assert (source.damaged, source.in_flight) == (1, 0)


def spoil(text: bytes, at: int) -> bytes:
    return text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]


def test_the_end_of_a_request_in_flight_that_is_damaged_makes_it_interrupted_at_once(out: Writer) -> None:
    out.begun(begun(out.next_seq()))
    line = sealed(ENDED, encode(ended(1)))
    os.write(out._file, spoil(line, line.index(b'"status":') + 9))
    with start(out) as source:
        (found,) = source.read(ALL).ended
        assert (found.begun, found.outcome, found.status) == (begun(1), "interrupted", None)
        assert (source.damaged, source.in_flight) == (1, 0)


def test_a_damaged_line_says_nothing_of_requests_that_are_not_known(out: Writer) -> None:
    """A number out of it may be any number: taken for true, it would end another request, or count thousands as lost."""
    out.begun(begun(out.next_seq()))
    line = sealed(ENDED, encode(ended(1)))
    for at in (line.index(b'"seq":') + 6, line.index(b'"id":"') + 6):
        os.write(out._file, spoil(line, at))
    with start(out) as source:
        assert source.read(ALL).ended == ()
        assert (source.damaged, source.in_flight, source.cursor.highest) == (2, 1, 1)


def test_half_a_line_at_the_end_of_a_finished_segment_is_damaged(out: Writer) -> None:
    write_whole(out, 1)
    os.write(out._file, b"e {half")
    out._renew()
    write_whole(out, 1)
    with start(out) as source:
        assert seqs(list(source.read(ALL).ended)) == [1, 2]
        assert source.damaged == 1


def test_what_comes_to_the_old_segment_before_the_next_begins_is_read(out: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(out, 1)
    with start(out) as source:
        source.read(ALL)
        numbers = layout.segment_numbers

        def write_meanwhile(stream: Path) -> list[int]:
            monkeypatch.setattr(reader_module, "segment_numbers", numbers)
            write_whole(out, 1)
            out._renew()
            write_whole(out, 1)
            return numbers(stream)

        monkeypatch.setattr(reader_module, "segment_numbers", write_meanwhile)
        assert seqs(list(source.read(ALL).ended)) == [2, 3]
        assert source.cursor.segment == 2


def test_lines_longer_than_a_chunk_are_read(out: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "_CHUNK_BYTES", 10)
    write_whole(out, 12)
    assert seqs(read_all(home(out))[0]) == list(range(1, 13))


def cut(out: Writer, length: int) -> None:
    os.truncate(home(out) / "000001.log", length)


def test_after_a_cut_a_reader_goes_on_with_what_is_new_and_gives_nothing_twice(out: Writer) -> None:
    out.begun(begun(out.next_seq()))
    write_whole(out, 1)
    length = len(b"".join(line + b"\n" for line in lines(out)))
    write_whole(out, 1)
    with start(out) as source:
        assert seqs(list(source.read(ALL).ended)) == [2, 3]
        cut(out, length)
        out.ended(ended(1))
        out.ended(ended(out.next_seq()))
        batch = source.read(ALL)
        assert seqs(list(batch.ended)) == [1, 4]
        assert (batch.cursor.stored, batch.cursor.lost, batch.cursor.damaged) == (4, 0, 1)
        write_whole(out, 10)
        assert len(source.read(ALL).ended) == 10, "the writer begins a new segment, and the reader follows"
        assert source.cursor.segment > 1
        assert source.damaged == 1


@pytest.mark.parametrize("left", range(8))
def test_what_was_cut_while_nobody_read_is_lost_and_nothing_comes_twice(out: Writer, left: int) -> None:
    """A power cut may take the last pages of the journal and leave the cursor that was stored after them."""
    out.begun(begun(out.next_seq()))
    write_whole(out, 3)
    _, cursor = read_all(home(out))
    assert (cursor.highest, cursor.stored) == (4, 3)
    cut(out, len(b"".join(line + b"\n" for line in lines(out)[:left])))
    os.close(out._lock)
    found, last = read_all(home(out), cursor)
    assert seqs(found) in ([], [1])
    assert last.finished
    assert (last.highest, last.stored + last.lost) == (4, 4)
    assert (last.lost, last.damaged) == (1 - len(found), int(left < 7))


def test_what_a_dead_worker_had_only_in_memory_is_lost_and_counted(out: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(out, 2)
    disk = fit(monkeypatch)
    disk.room = 0
    write_whole(out, 3)
    out.flush_now()
    _, cursor = read_all(home(out))
    assert (cursor.highest, cursor.lost) == (2, 0), "it lives, and may still write them"
    os.close(out._lock)
    _, cursor = read_all(home(out), cursor)
    assert (cursor.highest, cursor.stored, cursor.lost, cursor.finished) == (5, 2, 3, True)
    disk.room = None


def test_the_end_of_a_dead_workers_stream_that_was_cut_off_between_two_lines_is_counted(out: Writer) -> None:
    write_whole(out, 3)
    out.flush_now()
    os.close(out._lock)
    cut(out, len(b"".join(line + b"\n" for line in lines(out)[:2])))
    _, cursor = read_all(home(out))
    assert (cursor.highest, cursor.stored, cursor.lost) == (3, 1, 2)


def test_segments_that_were_removed_are_passed_over(out: Writer) -> None:
    write_whole(out, 30)
    for number in (1, 2, 4):
        (home(out) / f"{number:06d}.log").unlink()
    found, cursor = read_all(home(out))
    assert cursor.stored + cursor.lost == 30
    assert 0 < cursor.stored < 30
    assert seqs(found) == sorted(seqs(found))


def test_a_stream_whose_directory_is_gone_gives_nothing_and_is_not_finished(tmp_path: Path) -> None:
    with StreamReader(tmp_path / "gone", Cursor(stream="gone", offset=100, highest=4, stored=2)) as source:
        batch = source.read(ALL)
    assert batch.ended == ()
    assert not batch.cursor.finished


def test_a_segment_that_cannot_be_read_is_an_error_for_the_caller(out: Writer) -> None:
    with start(out) as source:
        (home(out) / "000001.log").unlink()
        (home(out) / "000001.log").mkdir()
        with pytest.raises(OSError, match=os.strerror(errno.EISDIR)):
            source.read(ALL)


def test_the_file_ends_with_the_line_that_says_so(out: Writer) -> None:
    write_whole(out, 2)
    out.close()
    assert lines(out)[-1] + b"\n" == sealed(CLOSED, b'{"highest":2}')
    with start(out) as source:
        assert source.read(ALL).cursor.finished
