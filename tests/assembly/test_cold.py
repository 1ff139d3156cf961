"""The cold process ends when everything is stored, or when its time is up, and says which."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import MockClock

from lectr_core.assembly import cold, process
from lectr_core.cold.standing import SinkStanding, Standing

SINK = SinkStanding(
    id="store",
    state="following",
    caught_up=True,
    behind_s=0.0,
    busy_s=0.0,
    stored=1,
    in_flight=0,
    lost=0,
    damaged=0,
    failures=0,
    last_fault=None,
    batch_limit=1,
    blocked_by=None,
    unreadable=(),
)


def standing(**more: object) -> Standing:
    sink = attrs.evolve(SINK, **more)  # type: ignore[arg-type]  # a test's own values
    return Standing(pid=1, written_at="", waits_for_other=False, sinks=(sink,), price_faults={})


class Stage:
    """A cold process with the supervisor's ends of its pipes, and a cold room that says what a test wants."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.orders_in, self.orders_out = os.pipe()
        heard_in, heard_out = os.pipe()
        self.heard_in = heard_in
        boot = process.Boot(name="cold", data=str(data), version="v1")
        self.cold = cold.Cold(boot, process.Mouth(heard_out))
        monkeypatch.setattr(os, "dup", lambda _: self.orders_in)

    async def room(self, told: list[Standing]) -> None:
        """Say each of *told*, once a second, the last one for ever."""
        while True:
            self.cold.hear(told.pop(0) if len(told) > 1 else told[0])
            await trio.sleep(1)

    async def end(self, *told: Standing) -> tuple[bool, float]:
        """Whether everything was stored in the end, and when that was."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.room, list(told))
            await self.cold.heed(nursery.cancel_scope)
        return not self.cold.left_behind, trio.current_time()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


BEHIND = standing(caught_up=False)
BUSY = standing(busy_s=0.4)
FAILING = standing(failures=1)
DONE = standing()


async def test_it_says_once_when_it_is_ready_and_keeps_its_health(
    stage: Stage, tmp_path: Path, autojump_clock: MockClock
) -> None:
    os.write(stage.orders_out, b"stop 10\n")
    await stage.end(DONE)
    assert os.read(stage.heard_in, 100) == b"ready v1\nalive\nalive\n"
    assert (tmp_path / "health" / "cold.json").exists()


@pytest.mark.parametrize(
    ("told", "ends_at_s"),
    [
        ((DONE,), 1),  # what it said at 0 s may be of a look before the last record was written
        ((DONE, BEHIND, BEHIND, DONE), 3),
        ((DONE, BUSY, DONE), 2),
        ((DONE, FAILING, FAILING, FAILING, DONE), 4),
    ],
)
async def test_a_stop_waits_for_everything_that_was_written(
    stage: Stage, told: tuple[Standing, ...], ends_at_s: int, autojump_clock: MockClock
) -> None:
    os.write(stage.orders_out, b"stop 100\n")
    everything, at_s = await stage.end(*told)
    assert everything
    assert at_s == pytest.approx(ends_at_s)


async def test_when_the_time_is_up_it_says_that_records_wait(stage: Stage, autojump_clock: MockClock) -> None:
    os.write(stage.orders_out, b"dance\nstop 5\n")
    everything, at_s = await stage.end(FAILING)
    assert not everything
    assert at_s == pytest.approx(5)


async def test_without_a_supervisor_it_ends_at_once(stage: Stage, autojump_clock: MockClock) -> None:
    os.close(stage.orders_out)
    assert (await stage.end(BEHIND))[0]


async def test_its_exit_code_tells(stage: Stage, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    async def run(data: Path, sinks: object, books: object, *, health: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(cold, "run", run)
    os.write(stage.orders_out, b"stop 2\n")
    assert await cold.work(stage.cold.boot, stage.cold.mouth, (), ()) == cold.EXIT_LEFT_BEHIND
