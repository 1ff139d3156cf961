"""Who hangs is killed, who is slow to start or was heard of is not, and nobody dies of the supervisor's own pauses."""

from __future__ import annotations

import signal

import pytest
import trio
from trio.testing import MockClock

from lectr_core.assembly import pulse as pulses
from lectr_core.assembly.child import Child, Order
from lectr_core.assembly.pulse import Pulse, guard


class Still(Child):
    """A child without a process, in its first life, that remembers what it was sent."""

    def __init__(self) -> None:
        super().__init__(lambda: Order(name="still", command=(), environ={}))
        self.sent: list[signal.Signals] = []
        self.number: int | None = 1
        self.starts = 1
        self.began_at = trio.current_time()

    @property
    def pid(self) -> int | None:
        return self.number

    def send(self, what: signal.Signals) -> None:
        self.sent.append(what)
        self.number = None


async def beat(pulse: Pulse, times: int) -> None:
    for _ in range(times):
        pulse.hear(["alive", "0"], trio.current_time())
        await trio.sleep(1)


async def test_a_worker_that_falls_silent_is_killed_and_the_other_is_not(autojump_clock: MockClock) -> None:
    hung, well = Pulse("hung", Still()), Pulse("well", Still())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(guard, (hung, well), lambda: 20.0)
        nursery.start_soon(beat, well, 60)
        await beat(hung, 5)
        await trio.sleep(18)
        assert hung.child.pid is not None
        await trio.sleep(3)
        assert isinstance(hung.child, Still)
        assert hung.child.sent == [signal.SIGKILL]
        await trio.sleep(30)
        assert well.child.pid is not None
        nursery.cancel_scope.cancel()


async def test_a_cold_process_that_falls_silent_is_given_more_time_and_then_killed(autojump_clock: MockClock) -> None:
    cold = Pulse("cold", Still(), pulses.COLD_PATIENCE_S)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(guard, (cold,), lambda: 20.0)
        cold.hear(["ready", "v1"], trio.current_time())
        for _ in range(100):
            cold.hear(["alive"], trio.current_time())
            await trio.sleep(1)
        await trio.sleep(pulses.COLD_PATIENCE_S - 2)
        assert cold.child.pid is not None
        await trio.sleep(3)
        assert isinstance(cold.child, Still)
        assert cold.child.sent == [signal.SIGKILL]
        nursery.cancel_scope.cancel()


async def test_a_starting_worker_gets_the_time_to_import_its_plugins(autojump_clock: MockClock) -> None:
    pulse = Pulse("slow", Still())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(guard, (pulse,), lambda: 20.0)
        await trio.sleep(pulses.START_LIMIT_S - 1)
        assert pulse.child.pid is not None
        await trio.sleep(3)
        assert pulse.child.pid is None
        nursery.cancel_scope.cancel()


async def test_after_a_pause_of_the_supervisor_the_workers_are_heard_first(mock_clock: MockClock) -> None:
    pulse = Pulse("worker", Still())
    pulse.hear(["ready", "v1"], trio.current_time())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(guard, (pulse,), lambda: 20.0)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(300)  # nobody ran, and what the worker said waits in its pipe
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(4):
            mock_clock.jump(0.5)
            await trio.testing.wait_all_tasks_blocked()
        assert pulse.child.pid is not None
        for _ in range(20):
            mock_clock.jump(0.5)
            await trio.testing.wait_all_tasks_blocked()
        assert pulse.child.pid is None, "it says nothing after the pause either"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("wait_s", "beating"), [(0.0, True), (pulses.QUIET_S, True), (pulses.QUIET_S + 0.1, False)])
async def test_it_is_ready_while_it_says_so(wait_s: float, beating: bool, autojump_clock: MockClock) -> None:
    pulse = Pulse("worker", Still())
    now = trio.current_time()
    assert not pulse.is_beating(now), "it has said nothing yet"
    pulse.hear(["alive", "12"], now)
    assert not pulse.is_beating(now), "alive is not ready"
    pulse.hear(["ready", "v1"], now)
    assert pulse.waiting_bytes == 12
    assert pulse.is_beating(now + wait_s) is beating


async def test_what_one_life_said_does_not_count_for_the_next(autojump_clock: MockClock) -> None:
    child = Still()
    pulse = Pulse("worker", child)
    pulse.hear(["ready", "v1"], 0.0)
    pulse.hear(["alive", "7"], 0.0)
    child.number = None
    assert (pulse.is_ready, pulse.silent_s(100.0)) == (False, 0.0)
    child.number, child.starts, child.began_at = 2, 2, 90.0
    assert (pulse.is_ready, pulse.silent_s(100.0)) == (False, 10.0)
    pulse.hear(["alive", "0"], 95.0)
    assert (pulse.is_ready, pulse.waiting_bytes, pulse.silent_s(100.0)) == (False, 0, 5.0)
