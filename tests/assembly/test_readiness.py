"""Ready means: a worker serves, the cold side runs, the journal takes records. Each of them missing has its word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from lectr_core.assembly import readiness
from lectr_core.assembly.child import Child, Order
from lectr_core.assembly.pulse import Pulse
from lectr_core.assembly.readiness import Readiness, can_write, look_at_disk


class Living(Child):
    """A child that seems to run."""

    def __init__(self) -> None:
        super().__init__(lambda: Order(name="living", command=(), environ={}))
        self.starts = 1

    @property
    def pid(self) -> int | None:
        return 1


class Stage:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.state = "serving"
        self.workers = [Pulse("worker-0", Living()), Pulse("worker-1", Living())]
        self.cold = Pulse("cold", Living())
        self.asked = Readiness(data, self.workers, self.cold, lambda: self.state)

    def well(self) -> None:
        (self.data / "journal").mkdir()
        (self.data / "health").mkdir()
        (self.data / "health" / "cold.json").write_text("{}")
        for pulse in (*self.workers, self.cold):
            pulse.hear(["ready", "v1"], trio.current_time())


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_all_is_well(stage: Stage) -> None:
    stage.well()
    assert await stage.asked.reasons() == ()
    assert stage.asked.is_alive()
    assert os.listdir(stage.data / "journal") == [], "the probe is gone"


async def test_each_part_that_is_missing_is_named(stage: Stage) -> None:
    assert await stage.asked.reasons() == ("no_worker_ready", "cold_side_down", "journal_not_writable")
    assert not stage.asked.is_alive()


async def test_one_worker_is_enough_unless_its_records_wait(stage: Stage) -> None:
    stage.well()
    stage.workers.pop(0)
    assert await stage.asked.reasons() == ()
    stage.workers[0].hear(["alive", "100"], trio.current_time())
    assert await stage.asked.reasons() == ("records_wait",)


@pytest.mark.parametrize("state", ["starting", "draining"])
async def test_before_and_after_serving_it_is_alive_and_not_ready(stage: Stage, state: str) -> None:
    stage.state = state
    assert await stage.asked.reasons() == (state,)
    assert stage.asked.is_alive()


async def test_the_disk_is_asked_once_a_second(stage: Stage, monkeypatch: pytest.MonkeyPatch, mock_clock: MockClock) -> None:
    stage.well()
    asked: list[Path] = []

    def note(folder: Path) -> bool:
        asked.append(folder)
        return True

    monkeypatch.setattr(readiness, "can_write", note)
    for _ in range(5):
        assert await stage.asked.reasons() == ()
    assert len(asked) == 1
    mock_clock.jump(1)
    await stage.asked.reasons()
    assert asked == [stage.data / "journal"] * 2


async def test_a_disk_that_hangs_is_not_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.well()
    monkeypatch.setattr(readiness, "PROBE_LIMIT_S", 0.05)
    reading, writing = os.pipe()
    monkeypatch.setattr(readiness, "can_write", lambda folder: bool(os.read(reading, 1)))
    assert await stage.asked.reasons() == ("journal_not_writable",)
    monkeypatch.setattr(readiness, "PROBE_EVERY_S", 0.0)
    assert await stage.asked.reasons() == ("journal_not_writable",), "a second thread is not sent after the first"
    os.write(writing, b"xx")
    with trio.fail_after(20):
        while await stage.asked.reasons():
            pass
    os.close(writing)
    os.close(reading)


def test_a_silent_cold_side_and_a_lost_directory_are_seen(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "health").mkdir()
    file = tmp_path / "health" / "cold.json"
    file.write_text("{}")
    os.utime(file, (1000, 1000))
    assert look_at_disk(tmp_path, 1000 + readiness.COLD_QUIET_S) == ()
    assert look_at_disk(tmp_path, 1001 + readiness.COLD_QUIET_S) == ("cold_side_silent",)
    assert not can_write(tmp_path / "gone")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opening = os.open

    def open_full(path: Path, flags: int, mode: int) -> int:
        os.close(opening(path, flags, mode))
        return opening("/dev/full", os.O_WRONLY)

    monkeypatch.setattr("lectr_core.assembly.readiness.os.open", open_full)
    assert not can_write(tmp_path)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == []
