"""Who lives, what may go, and the names of things."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lectr_core.journal.layout import segment_name, segment_numbers, stream_name, stream_names
from lectr_core.journal.recovery import (
    free_segments,
    interrupted,
    is_writer_gone,
    remove_stream,
    sweep,
    take_cold_lock_now,
)
from lectr_core.journal.writer import Writer
from tests.journal.disk import begun, home


def test_names_sort_by_time_and_number() -> None:
    early = stream_name(datetime(2026, 7, 31, 10, 15, 2, 5, tzinfo=UTC), 4711, "9f3a1c")
    late = stream_name(datetime(2026, 7, 31, 10, 15, 2, 6, tzinfo=UTC), 3, "000000")
    assert early == "20260731T101502.000005Z-4711-9f3a1c"
    assert early < late
    assert segment_name(7) == "000007.log"


def test_only_segments_and_streams_that_are_ready_are_seen(tmp_path: Path) -> None:
    assert stream_names(tmp_path / "none") == []
    assert segment_numbers(tmp_path / "none") == []
    stream = tmp_path / "a"
    stream.mkdir()
    (tmp_path / ".b").mkdir()
    (tmp_path / "cold.lock").touch()
    for name in ("000002.log", "1000000.log", "000001.log", ".000003.log", "lock", "x.log"):
        (stream / name).touch()
    assert stream_names(tmp_path) == ["a"]
    assert segment_numbers(stream) == [1, 2, 1000000]
    assert segment_numbers(stream / "lock") == []


def test_an_interrupted_record_says_all_that_is_known_and_nothing_else() -> None:
    record = interrupted(begun(3))
    assert (record.begun, record.outcome, record.ended_by) == (begun(3), "interrupted", "crash")
    assert (record.status, record.reading.state, record.response_bytes) == (None, "absent", 0)


def test_many_may_ask_at_once_whether_a_writer_lives(tmp_path: Path) -> None:
    with Writer(tmp_path) as out:
        assert not any(is_writer_gone(home(out)) for _ in range(3))
    assert all(is_writer_gone(home(out)) for _ in range(3))


@pytest.mark.parametrize(("age_s", "gone"), [(0, False), (500, False), (700, True)])
def test_without_a_lock_a_stream_lives_as_long_as_it_was_written_to_lately(tmp_path: Path, age_s: int, gone: bool) -> None:
    path = tmp_path / "000001.log"
    path.touch()
    then = path.stat().st_mtime - age_s
    os.utime(path, (then, then))
    assert is_writer_gone(tmp_path) is gone


def test_an_empty_directory_has_no_writer_and_a_missing_one_may_come_back(tmp_path: Path) -> None:
    assert is_writer_gone(tmp_path)
    assert not is_writer_gone(tmp_path / "none")


def test_segments_before_a_number_go(tmp_path: Path) -> None:
    for number in (2, 3, 4):
        (tmp_path / segment_name(number)).touch()
    assert free_segments(tmp_path, before=4) == 2
    assert free_segments(tmp_path, before=4) == 0
    assert segment_numbers(tmp_path) == [4]


def test_a_finished_stream_goes_as_a_whole_and_what_a_crash_left_is_swept(tmp_path: Path) -> None:
    with Writer(tmp_path) as out:
        pass
    remove_stream(home(out))
    assert list(tmp_path.iterdir()) == []
    left = tmp_path / ".gone-x"
    left.mkdir()
    (left / "lock").touch()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_cold_process_at_a_time(tmp_path: Path) -> None:
    lock = take_cold_lock_now(tmp_path)
    assert lock is not None
    assert take_cold_lock_now(tmp_path) is None
    os.close(lock)
    lock = take_cold_lock_now(tmp_path)
    assert lock is not None
    os.close(lock)
