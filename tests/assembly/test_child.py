"""What dies is started again, what is dismissed is not, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from lectr_core.assembly import child as children
from lectr_core.assembly.child import Child, Order


@pytest.fixture
def autojump_clock() -> MockClock:
    """Pauses pass at once; real processes get the moment they need to be heard."""
    return MockClock(autojump_threshold=0.1)


def shell(script: str, *, speaks: bool = True, files: tuple[int, ...] = ()) -> Callable[[], Order]:
    return lambda: Order(
        name="sub", command=("/bin/sh", "-c", script), environ={"PATH": os.environ["PATH"]}, files=files, speaks=speaks
    )


async def test_what_dies_is_started_again_after_growing_pauses(autojump_clock: MockClock) -> None:
    times: list[float] = []

    def order() -> Order:
        times.append(trio.current_time())
        if len(times) == 10:
            child.dismiss()
        return shell("exit 3")()

    child = Child(order)
    await child.keep()
    pauses = [round(after - before, 1) for before, after in pairwise(times)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert child.starts == 10
    assert child.exit_code == 3
    assert child.ended.is_set()


async def test_a_long_life_makes_the_next_pause_short_again(autojump_clock: MockClock) -> None:
    times: list[tuple[float, float]] = []

    async def lengthen() -> None:
        """End the third life after a minute."""
        while child.starts < 3:
            await trio.sleep(0.05)
        await trio.sleep(children.HEALTHY_S)
        child.send(signal.SIGKILL)

    def order() -> Order:
        times.append((trio.current_time(), 0.0))
        if child.starts == 3:
            child.dismiss()
        return shell("exec sleep 1000" if child.starts == 2 else "exit 0")()

    child = Child(order)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child.keep)
        nursery.start_soon(lengthen)
    last_pause = times[3][0] - times[2][0] - children.HEALTHY_S
    assert 0 < last_pause < 0.3


async def test_answers_are_heard_and_errors_shown_under_the_childs_name(capfd: pytest.CaptureFixture[str]) -> None:
    heard: list[list[str]] = []
    child = Child(shell("echo ready v1; echo trouble >&2; printf half"), heard.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child.keep)
        while child.starts == 0:
            await trio.sleep(0.001)
        child.dismiss()
    assert heard == [["ready", "v1"], ["half"]]
    assert "sub | trouble\n" in capfd.readouterr().err


async def test_what_a_companion_prints_is_log(capfd: pytest.CaptureFixture[str]) -> None:
    heard: list[list[str]] = []
    child = Child(shell("echo hello", speaks=False), heard.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child.keep)
        while child.starts == 0:
            await trio.sleep(0.001)
        child.dismiss()
    assert heard == []
    assert "sub | hello\n" in capfd.readouterr().err


async def test_orders_reach_it_and_the_last_one_ends_it() -> None:
    heard: list[list[str]] = []
    child = Child(shell("while read word rest; do echo got $word; [ $word = stop ] && exit 7; done"), heard.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child.keep)
        while child.pid is None:
            await trio.sleep(0.001)
        child.tell("reload", "v2")
        child.dismiss("stop", 1.5)
    assert heard == [["got", "reload"], ["got", "stop"]]
    assert (child.exit_code, child.starts) == (7, 1)


async def test_a_dismissed_one_ends_by_a_signal_and_stays_away() -> None:
    child = Child(shell("exec sleep 1000"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child.keep)
        while child.pid is None:
            await trio.sleep(0.001)
        child.dismiss(by=signal.SIGTERM)
    assert (child.exit_code, child.starts) == (-signal.SIGTERM, 1)


async def test_nobody_is_left_behind_when_the_supervisor_is_cancelled() -> None:
    child = Child(shell("exec sleep 1000"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child.keep)
        while (pid := child.pid) is None:
            await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_command_that_does_not_exist_is_tried_again(autojump_clock: MockClock) -> None:
    tries = 0

    def order() -> Order:
        nonlocal tries
        tries += 1
        if tries == 3:
            child.dismiss()
        return Order(name="gone", command=("/no/such/command",), environ={})

    child = Child(order)
    await child.keep()
    assert (tries, child.starts, child.exit_code) == (3, 0, children.EXIT_NOT_STARTED)


async def test_open_files_are_inherited() -> None:
    reading, writing = os.pipe()
    child = Child(shell(f"echo through >/dev/fd/{writing}", files=(writing,)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child.keep)
        while child.starts == 0:
            await trio.sleep(0.001)
        child.dismiss()
    assert os.read(reading, 100) == b"through\n"
    os.close(reading)
    os.close(writing)


def test_a_leashed_command_ends_with_whoever_started_it(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    leashed = ["-m", "lectr_core.assembly.leash", "sh", "-c", f"echo up >/dev/fd/{writing}; exec sleep 1000"]
    starter = f"import subprocess, sys\nsubprocess.Popen([sys.executable, *{leashed}], pass_fds=[{writing}])\ninput()"
    process = subprocess.Popen([sys.executable, "-c", starter], stdin=subprocess.PIPE, pass_fds=[writing])
    os.close(writing)
    assert os.read(reading, 100) == b"up\n"
    process.kill()
    process.wait()
    assert os.read(reading, 100) == b"", "the sleeping command held this pipe until it ended"
    os.close(reading)
    if process.stdin is not None:
        process.stdin.close()
