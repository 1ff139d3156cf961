"""The writer: what it writes, and that a request never suffers from its record (I1 to I5 of `writer.py`)."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from pathlib import Path

import attrs
import pytest

from lectr_core.errors import OperatorError
from lectr_core.journal import writer as writer_module
from lectr_core.journal.layout import segment_numbers, unsealed
from lectr_core.journal.recovery import is_writer_gone, told_highest
from lectr_core.journal.writer import Writer
from lectr_core.model.codec import decode_begun, decode_ended
from lectr_core.model.reading import Reading, Usage
from tests.journal.disk import begun, ended, fit, home, lines, read_all, seqs, write_whole


def test_an_exchange_leaves_a_line_when_it_begins_and_one_when_it_has_ended(tmp_path: Path) -> None:
    with Writer(tmp_path / "journal") as out:
        assert out.next_seq() == 1
        out.begun(begun(1))
        out.ended(ended(1))
    first, second, third = lines(out)
    for line, letter in ((first, b"b "), (second, b"e "), (third, b"c ")):
        assert unsealed(line)[0] == letter
        assert unsealed(line)[2], "the checksum holds"
    assert decode_begun(unsealed(first)[1]) == begun(1)
    assert decode_ended(unsealed(second)[1]) == ended(1)
    assert unsealed(third)[1] == b'{"highest":1}'
    assert out.lost == 0


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    with Writer(tmp_path / "journal") as out:
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (out.directory, home(out), *home(out).iterdir())]
    assert modes == [0o700, 0o700, 0o600, 0o600]


def test_streams_sort_by_time_and_never_meet(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        with Writer(tmp_path) as out:
            names.append(out.stream)
    assert names == sorted(set(names))


def test_a_stream_is_locked_as_long_as_its_writer_lives(tmp_path: Path) -> None:
    with Writer(tmp_path) as out:
        assert not is_writer_gone(home(out))
    assert is_writer_gone(home(out))


def test_a_directory_that_cannot_be_used_is_the_operators_business(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="cannot write to the journal directory"):
        Writer(tmp_path / "file" / "journal")


def test_segments_are_cut_at_their_length_and_begin_with_what_is_in_flight(tmp_path: Path) -> None:
    with Writer(tmp_path, segment_bytes=20_000) as out:
        out.begun(begun(out.next_seq()))
        write_whole(out, 40)
        numbers = segment_numbers(home(out))
        assert len(numbers) > 2
        heads = [(home(out) / f"{number:06d}.log").read_bytes().split(b"\n")[0] for number in numbers]
    assert all(decode_begun(unsealed(head)[1]).seq == 1 for head in heads)
    sizes = [(home(out) / f"{number:06d}.log").stat().st_size for number in numbers]
    assert all(20_000 <= size < 24_000 for size in sizes[:-1])


def test_after_a_rotation_that_fails_the_old_segment_serves_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path, segment_bytes=5_000) as out:
        disk.fault, disk.fails = errno.EROFS, ("open",)
        write_whole(out, 10)
        assert segment_numbers(home(out)) == [1]
        disk.fault = None
        write_whole(out, 10)
        assert len(segment_numbers(home(out))) > 1
    assert seqs(read_all(home(out))[0]) == list(range(1, 21))


def test_a_segment_whose_head_does_not_fit_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path, segment_bytes=5_200) as out:
        out.begun(begun(out.next_seq()))
        write_whole(out, 2)
        disk.room = 1500 + 500  # the line that makes it long enough still fits, the head of the next segment does not
        write_whole(out, 1)
        assert sorted(os.listdir(home(out))) == ["000001.log", "lock"]
        disk.room = None
    assert seqs(read_all(home(out))[0]) == [2, 3, 4, 1]


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG, errno.EBADF, errno.EROFS])
def test_what_cannot_be_written_waits_and_is_written_later_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path) as out:
        write_whole(out, 3)
        disk.fault = fault
        write_whole(out, 5)
        assert out.waiting_bytes > 0
        assert not out.flush_now()
        disk.fault = None
        assert out.flush_now()
        assert out.waiting_bytes == 0
        write_whole(out, 2)
    found, cursor = read_all(home(out))
    assert seqs(found) == list(range(1, 11))
    assert all(record.outcome == "ok" for record in found)
    assert (cursor.lost, out.lost) == (0, 0)


def test_a_line_is_tried_again_by_the_way_after_a_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = fit(monkeypatch)
    now = [1_000_000_000_000]
    monkeypatch.setattr(time, "monotonic_ns", lambda: now[0])
    with Writer(tmp_path) as out:
        disk.fault = errno.ENOSPC
        write_whole(out, 1)
        disk.fault = None
        write_whole(out, 1)
        assert lines(out) == [], "a disk that just failed is left alone"
        now[0] += 60_000_000
        write_whole(out, 1)
        assert out.waiting_bytes == 0
    assert seqs(read_all(home(out))[0]) == [1, 2, 3]


def test_the_pause_grows_up_to_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = fit(monkeypatch)
    now = [0]
    monkeypatch.setattr(time, "monotonic_ns", lambda: now[0])
    with Writer(tmp_path) as out:
        disk.fault = errno.ENOSPC
        tries = 0
        monkeypatch.setattr(disk, "_fail", count := _Counter(errno.ENOSPC))
        for _ in range(1000):
            write_whole(out, 1)
            now[0] += 10_000_000
        tries = count.calls
        disk.fault = None
    assert 6 < tries < 16, "10 s of failing, thousands of lines, a dozen tries"


class _Counter:
    def __init__(self, fault: int) -> None:
        self.fault, self.calls = fault, 0

    def __call__(self, *_: object, **__: object) -> object:
        self.calls += 1
        raise OSError(self.fault, "as asked")


@pytest.mark.parametrize("landing", [1, 2, 100, 461, 10_000])
def test_a_line_that_landed_in_part_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, landing: int) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path) as out:
        write_whole(out, 1)
        disk.fault, disk.landing = errno.ENOSPC, landing
        write_whole(out, 2)
        disk.fault = None
        out.flush_now()
    assert [line[:1] for line in lines(out)] == [b"b", b"e", b"b", b"e", b"b", b"e", b"c"]
    assert seqs(read_all(home(out))[0]) == [1, 2, 3]


@pytest.mark.parametrize("room", [0, 1, 300, 1000, 2500])
def test_a_disk_that_fills_up_midway_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path) as out:
        disk.room = room
        write_whole(out, 4)
        found, cursor = read_all(home(out))
        assert seqs(found) == list(range(1, len(found) + 1))
        disk.room = None
    rest, cursor = read_all(home(out), cursor)
    assert seqs(found + rest) == [1, 2, 3, 4]
    assert cursor.lost == 0


def test_a_torn_line_is_written_anew_as_a_whole_on_a_new_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path) as out:
        write_whole(out, 1)
        disk.fault, disk.landing = errno.EIO, 50
        write_whole(out, 1)
        disk.fault = None
        home(out).joinpath("000001.log").unlink()
        out.flush_now()
        assert segment_numbers(home(out)) == [2]
    assert seqs(read_all(home(out))[0]) == [2]


def test_a_disk_that_takes_new_files_but_no_lines_is_not_filled_with_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path) as out:
        disk.fault, disk.fails = errno.EIO, ("write",)
        for _ in range(10):
            write_whole(out, 10)
        assert len(segment_numbers(home(out))) <= 3
        disk.fault = None


def test_beyond_the_bound_begun_lines_go_first_then_ends_become_short_then_records_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path, backlog_bytes=20_000) as out:
        out.begun(begun(out.next_seq()))
        disk.fault = errno.ENOSPC
        write_whole(out, 100)
        out.ended(ended(1))
        assert out.waiting_bytes < 22_000
        assert out.lost > 50
        disk.fault = None
        out.flush_now()
        write_whole(out, 1)
    found, cursor = read_all(home(out))
    whole = [record.begun.seq for record in found if record.outcome == "ok"]
    assert [record.begun.seq for record in found if record.outcome == "interrupted"] == [1]
    assert whole[-1] == 102
    assert len(found) + out.lost == 102
    assert cursor.lost == out.lost
    assert cursor.finished


def test_a_writer_that_ends_with_a_full_disk_says_what_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path) as out:
        write_whole(out, 2)
        disk.fault = errno.ENOSPC
        write_whole(out, 3)
    assert out.lost == 3
    assert seqs(read_all(home(out))[0]) == [1, 2]


def test_a_directory_that_is_removed_is_made_again(tmp_path: Path) -> None:
    with Writer(tmp_path / "journal") as out:
        write_whole(out, 2)
        out.begun(begun(out.next_seq()))
        shutil.rmtree(tmp_path / "journal")
        out.flush_now()
        write_whole(out, 1)
        out.ended(ended(3))
        assert not is_writer_gone(home(out))
        assert segment_numbers(home(out)) == [2]
    found, cursor = read_all(home(out))
    assert seqs(found) == [4, 3]
    assert cursor.lost == 2, "what the removed files held is gone, and said to be"


def test_a_directory_removed_under_load_is_noticed_within_a_megabyte(tmp_path: Path) -> None:
    with Writer(tmp_path / "journal") as out:
        shutil.rmtree(tmp_path / "journal")
        write_whole(out, 700)
        assert home(out).is_dir()


def test_a_lock_that_is_removed_is_made_again(tmp_path: Path) -> None:
    with Writer(tmp_path) as out:
        (home(out) / "lock").unlink()
        out.flush_now()
        assert (home(out) / "lock").exists()
        assert not is_writer_gone(home(out))


def test_a_lock_that_cannot_be_taken_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path) as out:
        (home(out) / "lock").unlink()
        disk.fault, disk.fails = errno.EROFS, ("rename",)
        out.flush_now()
        write_whole(out, 1)
        disk.fault = None
        out.flush_now()
        assert not is_writer_gone(home(out))
    assert seqs(read_all(home(out))[0]) == [1]


def test_a_descriptor_that_somebody_closed_costs_no_record(tmp_path: Path) -> None:
    with Writer(tmp_path) as out:
        write_whole(out, 1)
        os.close(out._file)
        write_whole(out, 1)
        assert out.waiting_bytes == 0
        os.close(out._file)
        out.flush_now()
        write_whole(out, 1)
        os.close(out._file)
        os.close(out._lock)
    assert seqs(read_all(home(out))[0]) == [1, 2, 3]


def test_a_file_that_somebody_cut_does_not_confuse_the_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path) as out:
        write_whole(out, 2)
        os.truncate(home(out) / "000001.log", 0)
        disk.fault = errno.ENOSPC
        write_whole(out, 1)
        disk.fault = None
    assert [line[:1] for line in lines(out)] == [b"b", b"e", b"c"]


def test_a_value_that_cannot_be_encoded_costs_its_details_not_the_record(tmp_path: Path) -> None:
    odd = Reading(state="reported", usage=Usage({}, {"key": object()}))
    with Writer(tmp_path) as out:
        out.begun(begun(out.next_seq()))
        out.ended(attrs.evolve(ended(1), reading=odd))
        bad = attrs.evolve(begun(out.next_seq()), endpoint="\ud800")
        out.begun(bad)
        out.ended(attrs.evolve(ended(2), begun=bad))
        write_whole(out, 1)
    found, cursor = read_all(home(out))
    assert [(record.begun.seq, record.outcome) for record in found] == [(1, "interrupted"), (3, "ok")]
    assert (out.lost, cursor.lost) == (1, 1)


def test_after_close_nothing_is_written_and_nothing_raises(tmp_path: Path) -> None:
    with Writer(tmp_path) as out:
        write_whole(out, 1)
    out.close()
    write_whole(out, 1)
    assert out.flush_now()
    assert out.lost == 1
    assert seqs(read_all(home(out))[0]) == [1]


def test_a_large_backlog_is_written_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = fit(monkeypatch)
    with Writer(tmp_path) as out:
        disk.fault = errno.ENOSPC
        write_whole(out, 600)
        assert out.waiting_bytes > 2 * writer_module._CHUNK_BYTES
        disk.fault = None
    assert seqs(read_all(home(out))[0]) == list(range(1, 601))


def test_a_patient_writer_begins_without_a_disk_and_keeps_what_comes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that takes the place of one that died has to serve, whatever its disk does."""
    disk = fit(monkeypatch)
    disk.fault = errno.EROFS
    with pytest.raises(OperatorError):
        Writer(tmp_path)
    with Writer(tmp_path, is_patient=True) as out:
        write_whole(out, 3)
        assert not out.flush_now()
        assert out.waiting_bytes > 0
        disk.fault = None
        assert out.flush_now()
        write_whole(out, 1)
    assert seqs(read_all(home(out))[0]) == [1, 2, 3, 4]
    assert out.lost == 0


def test_the_lock_file_says_how_many_numbers_were_given_out_also_where_the_disk_takes_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = fit(monkeypatch)
    out = Writer(tmp_path)
    assert told_highest(home(out)) == 0
    write_whole(out, 2)
    out.flush_now()
    assert told_highest(home(out)) == 2
    disk.room = 0
    write_whole(out, 3)
    out.flush_now()
    assert told_highest(home(out)) == 5
    disk.room = None
    write_whole(out, 1)
    out.close()
    assert told_highest(home(out)) == 6
    assert told_highest(tmp_path / "none") == 0
