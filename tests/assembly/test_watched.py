"""Real processes: who hangs is replaced, the admin listener tells, systemd is told, its sockets are used."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from lectr_core.assembly import pulse, up
from lectr_core.assembly.plugins import load_plugins
from lectr_core.assembly.settings import read_settings
from lectr_core.assembly.supervisor import Supervisor

pytestmark = [pytest.mark.slow, pytest.mark.whole]

PATIENCE_S = 30.0

ACTIVATE = """
import os, sys
if sys.argv[1] != "3":
    os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "lectr_core.assembly.cli", "serve", "--listen", "127.0.0.1:1"])
"""


async def until(true: Callable[[], object]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not true():
            await trio.sleep(0.02)


async def get(url: str) -> tuple[int, Any]:  # Any: JSON
    """Status and body; 0 where the connection breaks or nothing comes."""
    async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
        try:
            answer = await client.get(url)
        except httpx.HTTPError:
            return 0, None
    return answer.status_code, answer.json()


async def until_answered(url: str, status: int) -> Any:  # Any: JSON
    with trio.fail_after(PATIENCE_S):
        while (answer := await get(url))[0] != status:
            await trio.sleep(0.05)
    return answer[1]


Ready = Callable[[Supervisor, up.FirstKey | None], object]


def run(folder: Path, settings: str, ready: Ready) -> int:
    file = folder / "lectr.toml"
    file.write_text(f"[gateway]\nlisten = '127.0.0.1:0'\ndata = '{folder / 'data'}'\n{settings}\n")
    plugins = load_plugins()

    def read() -> Any:  # Any: what read_settings returns
        return read_settings(plugins, config=file, environ={})

    return up.start(plugins, read(), ready=ready, key_for=up.no_key, with_companions=False, reread=read)


def test_a_worker_that_hangs_is_replaced_while_the_other_serves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def ready(supervisor: Supervisor, _: object) -> int:
        hung, well = supervisor.workers
        old, other = hung.pid, well.pid
        assert old is not None
        os.kill(old, signal.SIGSTOP)
        served = 0
        with trio.fail_after(PATIENCE_S):
            while hung.starts == 1:
                # the kernel may give a connection to the one that hangs, until that is killed
                served += (await get(f"{supervisor.doors.base_url}/v1/models"))[0] == 401
        assert served > 0
        await until(lambda: hung.pid not in (None, old))
        assert (well.pid, well.starts) == (other, 1)
        return 0

    assert run(tmp_path, "workers = 2\nhang_limit_s = 5.0", ready) == 0
    assert "worker-0 has said nothing for" in caplog.text
    assert "worker-0 ended (killed by SIGKILL) and is started again" in caplog.text


def test_a_cold_process_that_hangs_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ready(supervisor: Supervisor, _: object) -> int:
        cold = supervisor.cold
        await until(lambda: supervisor._pulses["cold"].is_ready)
        old = cold.pid
        assert old is not None
        os.kill(old, signal.SIGSTOP)
        await until(lambda: cold.starts > 1 and cold.pid not in (None, old))
        return 0

    monkeypatch.setattr(pulse, "COLD_PATIENCE_S", 0.0)  # else it is given a minute
    assert run(tmp_path, "hang_limit_s = 5.0", ready) == 0
    assert "cold has said nothing for" in caplog.text


def test_the_admin_listener_tells_what_is_missing_and_when_it_is_back(tmp_path: Path) -> None:
    async def ready(supervisor: Supervisor, _: object) -> int:
        assert supervisor.admin is not None
        base = supervisor.admin.doors.base_url
        assert await get(f"{base}/healthz") == (200, {"status": "ok"})
        assert await until_answered(f"{base}/readyz", 200) == {"status": "ok"}
        assert supervisor.cold.pid is not None
        os.kill(supervisor.cold.pid, signal.SIGKILL)
        said = await until_answered(f"{base}/readyz", 503)
        assert "cold_side_down" in said["reasons"]
        await until_answered(f"{base}/readyz", 200)
        worker = supervisor.workers[0]
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        said = await until_answered(f"{base}/readyz", 503)
        assert "no_worker_ready" in said["reasons"]
        await until_answered(f"{base}/readyz", 200)
        assert (await get(f"{supervisor.doors.base_url}/readyz"))[0] != 200, "clients' addresses do not tell"
        return 0

    assert run(tmp_path, "[admin]\nlisten = '127.0.0.1:0'", ready) == 0


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(str(tmp_path / "notify"))
        opened.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "600000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        yield opened


def test_systemd_is_told_of_start_reload_life_and_end(tmp_path: Path, manager: socket.socket) -> None:
    told: list[str] = []

    def hear() -> list[str]:
        try:
            while True:
                told.append(manager.recv(4096).decode().partition("\n")[0])
        except BlockingIOError:
            return told

    async def ready(supervisor: Supervisor, _: object) -> int:
        assert "READY=1" in hear(), "before anybody is told that connections are accepted"
        for child in supervisor.workers:
            assert b"NOTIFY_SOCKET=" not in Path(f"/proc/{child.pid}/environ").read_bytes()
        await until(lambda: hear().count("WATCHDOG=1") >= 3)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: hear().count("READY=1") == 2)
        (tmp_path / "lectr.toml").write_text("nonsense")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: hear().count("READY=1") == 3)
        return 0

    assert run(tmp_path, "", ready) == 0
    steps = [word for word in hear() if word != "WATCHDOG=1"]
    assert steps == ["READY=1", *(["RELOADING=1", "READY=1"] * 2), "STOPPING=1"], "a refused reload ends as well"


@contextmanager
def activated(folder: Path, opened: socket.socket) -> Iterator[None]:
    """A gateway that is handed a socket, as systemd does it, and that ends well."""
    environ = {**os.environ, "LECTR_GATEWAY_DATA": str(folder / "data")}
    number = opened.fileno()
    command = [sys.executable, "-c", ACTIVATE, str(number)]
    process = subprocess.Popen(command, env=environ, cwd=folder, stderr=subprocess.PIPE, pass_fds=[number])
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors.decode()


def test_a_socket_that_systemd_opened_outlives_a_restart(tmp_path: Path) -> None:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen()
        port = opened.getsockname()[1]
        with activated(tmp_path, opened):
            said = trio.run(until_answered, f"http://127.0.0.1:{port}/v1/models", 401)
            assert "error" in json.dumps(said)
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as waiting:
            waiting.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
            with activated(tmp_path, opened):
                assert waiting.recv(64).startswith(b"HTTP/1.1 401 "), "who came between the two is served by the second"
