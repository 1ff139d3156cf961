"""What a process says of itself is whole, and is written only where it says something new."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import pytest

from lectr_core.assembly.health import FOLDER, Board, Health, read_health

ONE = Health(process="worker-0", pid=os.getpid(), state="serving", version="v", updated_ns=1, counters={"requests": 1})


def test_what_is_shown_is_read_back(tmp_path: Path) -> None:
    Board(tmp_path).show(ONE)
    (tmp_path / FOLDER / "cold.json").write_text("{}")
    (tmp_path / FOLDER / "half.json").write_text('{"process"')
    assert read_health(tmp_path) == [ONE]
    assert (tmp_path / FOLDER / "worker-0.json").stat().st_mode & 0o777 == 0o600


def test_nothing_new_is_written_again_only_after_ten_seconds(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.show(ONE)
    board.show(attrs.evolve(ONE, updated_ns=2))
    assert read_health(tmp_path)[0].updated_ns == 1
    board.show(attrs.evolve(ONE, updated_ns=3, counters={"requests": 2}))
    assert read_health(tmp_path)[0].updated_ns == 3
    board.show(attrs.evolve(ONE, updated_ns=10_000_000_003, counters={"requests": 2}))
    assert read_health(tmp_path)[0].updated_ns == 10_000_000_003


def test_a_file_that_was_removed_and_a_clock_that_went_back_are_something_new(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.show(ONE)
    (tmp_path / FOLDER / "worker-0.json").unlink()
    board.show(attrs.evolve(ONE, updated_ns=2))
    assert read_health(tmp_path)[0].updated_ns == 2
    board.show(attrs.evolve(ONE, updated_ns=1))
    assert read_health(tmp_path)[0].updated_ns == 1


def test_a_disk_that_takes_nothing_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    board = Board(tmp_path)
    board.show(ONE)
    assert board.failed == 1


NOBODY = 2**22 + 1  # beyond the highest process id of Linux


@pytest.mark.parametrize(
    ("state", "pid", "alive"),
    [("serving", os.getpid(), True), ("stopped", os.getpid(), False), ("serving", NOBODY, False)],
)
def test_a_process_that_is_gone_is_not_alive(state: str, pid: int, alive: bool) -> None:
    assert attrs.evolve(ONE, state=state, pid=pid).is_alive is alive
