"""What was counted already stays so: for other sinks, after a restart, with a torn file, on a full disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from lectr_core.cold.counted import KEPT_DAYS, Counted

DAY_NS = 86_400_000_000_000
NOW_NS = 20_000 * DAY_NS


def test_the_first_record_counts_and_every_later_one_does_not(tmp_path: Path) -> None:
    counted = Counted(tmp_path / "counted")
    assert counted.is_first("acme resp_1", "a", NOW_NS)
    assert not counted.is_first("acme resp_1", "b", NOW_NS)
    assert counted.is_first("acme resp_2", "b", NOW_NS)


def test_the_answer_about_one_record_never_changes(tmp_path: Path) -> None:
    """Each sink accounts for itself, and after a crash all is accounted for again."""
    counted = Counted(tmp_path / "counted")
    for _ in range(2):
        assert [counted.is_first("x", record, NOW_NS) for record in ("a", "b", "a")] == [True, False, True]
        counted = Counted(tmp_path / "counted")


def test_a_torn_line_costs_nothing_but_itself(tmp_path: Path) -> None:
    path = tmp_path / "counted"
    counted = Counted(path)
    counted.is_first("x", "a", NOW_NS)
    path.write_bytes(path.read_bytes() + b"20000 0123")
    again = Counted(path)
    assert again.is_first("y", "b", NOW_NS)
    third = Counted(path)
    assert [third.is_first("x", "c", NOW_NS), third.is_first("y", "c", NOW_NS)] == [False, False]


def test_the_file_holds_no_name_and_forgets_what_is_old(tmp_path: Path) -> None:
    path = tmp_path / "counted"
    Counted(path).is_first("acme resp_secret", "a", NOW_NS)
    assert b"resp_secret" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert Counted(path).is_first("acme resp_secret", "b", NOW_NS + (KEPT_DAYS + 1) * DAY_NS)


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    counted = Counted(tmp_path / "no such directory" / "counted")
    assert [counted.is_first("x", record, NOW_NS) for record in ("a", "b")] == [True, False]
    assert "cannot write counted" in caplog.text
    (tmp_path / "is a directory").mkdir()
    assert Counted(tmp_path / "is a directory").is_first("x", "a", NOW_NS)
