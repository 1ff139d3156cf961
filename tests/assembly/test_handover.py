"""What one program leaves to the next: taken once, by the process it is meant for, and nothing of it is left open."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
import trio

from lectr_core.assembly import handover
from lectr_core.assembly.ground import Doors, hold_data, open_doors, take_data
from lectr_core.assembly.handover import VARIABLE, Handover, OldWorker, Retired, named, take_handover
from lectr_core.errors import Bug, OperatorError

LEFT = Handover(pid=7, lock=3, doors=(("127.0.0.1:1", 4),), workers=(OldWorker(name="w", pid=8, orders=5, log=6),))
TEXT = json.dumps(attrs.asdict(LEFT))

# A worker as far as this goes: says what it is told, and ends when told to.
WORKER = """
import sys
for line in sys.stdin:
    print("told", line.strip(), file=sys.stderr, flush=True)
    if "stop" in line:
        break
"""


def test_handover_is_taken_once_and_by_the_process_it_is_meant_for() -> None:
    environ = {VARIABLE: TEXT}
    assert take_handover(environ, 7) == LEFT
    assert environ == {}
    assert take_handover(environ, 7) is None
    assert take_handover({VARIABLE: TEXT}, 8) is None
    with pytest.raises(Bug):
        take_handover({VARIABLE: "nonsense"}, 7)


def test_door_that_was_open_is_taken_over_with_those_who_wait_at_it() -> None:
    with open_doors(("127.0.0.1:0",)) as before:
        number = os.dup(before.sockets[0].fileno())
        place = before.sockets[0].getsockname()
        with socket.create_connection(place) as early:
            before.shut()
            with open_doors(("127.0.0.1:0",), handed=[("127.0.0.1:0", number)]) as doors:
                assert doors.addresses[0].port == place[1]
                doors.sockets[0].setblocking(True)
                sock, who = doors.sockets[0].accept()
                sock.close()
                assert who == early.getsockname()


def test_door_that_nobody_wants_any_more_is_closed(tmp_path: Path) -> None:
    old, new = f"unix:{tmp_path / 'old'}", f"unix:{tmp_path / 'new'}"
    with open_doors((old,)) as before:
        number = os.dup(before.sockets[0].fileno())
        with open_doors((new,), handed=[(old, number)]) as doors:
            assert doors.texts == (new,)
            assert not (tmp_path / "old").exists()
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(number)


def test_doors_of_a_service_manager_stay_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        left = Handover(pid=7, lock=3, doors=named(Doors((), (opened,))))
        assert left.is_managed
    assert not LEFT.is_managed


def test_hold_on_the_data_directory_is_never_let_go(tmp_path: Path) -> None:
    with hold_data(tmp_path / "data") as (data, lock):
        handed = os.dup(lock)
    with hold_data(tmp_path / "data", handed) as (again, number):
        assert (again, number) == (data, handed)
        with pytest.raises(OperatorError, match="in use"), take_data(data):
            pass
    with take_data(data):
        pass


async def test_program_that_does_not_start_is_an_error_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "-c", "import sys; sys.exit('no such plugin')"])
    with pytest.raises(OperatorError, match=r"does not start \(exit code 1\): no such plugin"):
        await handover.rehearse(dict(os.environ))


async def test_rehearsal_tells_the_program_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "orig_argv", ["python", "-c", "import os, sys; sys.exit(0 if os.environ['LECTR_REHEARSAL'] else 1)"]
    )
    await handover.rehearse(dict(os.environ))


@pytest.mark.slow
@pytest.mark.parametrize("hurried", [False, True])
async def test_old_worker_is_told_to_finish_and_waited_for(
    hurried: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "health").mkdir()
    (tmp_path / "health" / "worker-0-before.json").write_text("{}")
    process = subprocess.Popen([sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stderr is not None
    old = OldWorker(
        name="worker-0-before", pid=process.pid, orders=os.dup(process.stdin.fileno()), log=os.dup(process.stderr.fileno())
    )
    process.stderr.close()
    retired, hurry = Retired(tmp_path, (old,)), trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(retired.see_out, 30.0, hurry)
        told = ""
        while "told retire 30.0" not in told:
            await trio.sleep(0.01)
            told += capsys.readouterr().err
        assert "worker-0-before | told retire 30.0" in told
        assert not retired.gone.is_set()
        if hurried:
            hurry.set()
        else:
            process.send_signal(signal.SIGTERM)
    assert retired.gone.is_set()
    assert list((tmp_path / "health").iterdir()) == []
    process.stdin.close()
    process.wait()


async def test_no_old_workers_are_gone_from_the_start(tmp_path: Path) -> None:
    retired = Retired(tmp_path)
    assert retired.gone.is_set()
    await retired.see_out(30.0, trio.Event())
