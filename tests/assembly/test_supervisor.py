"""Real processes: what dies comes back, what is changed holds, what is stopped ends in order."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trio

from lectr_core.assembly import up
from lectr_core.assembly.ground import take_data
from lectr_core.assembly.health import Health, read_health
from lectr_core.assembly.listen import Address, bound, open_socket
from lectr_core.assembly.plugins import load_plugins
from lectr_core.assembly.reload import Watch
from lectr_core.assembly.running import Running, run_up
from lectr_core.assembly.settings import Loaded, read_settings
from lectr_core.assembly.supervisor import Supervisor
from lectr_core.errors import OperatorError, UnsettledSettings

pytestmark = [pytest.mark.slow, pytest.mark.whole]

PATIENCE_S = 30.0


async def until(true: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not true():
            await trio.sleep(0.02)


async def status(base_url: str, **headers: str) -> int:
    """What a request is answered with; 0 where the connection breaks."""
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"{base_url}/v1/models", headers=headers)).status_code
        except httpx.HTTPError:
            return 0


def health_of(data: Path, name: str) -> Health:
    return next(health for health in read_health(data) if health.process == name)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_program_can_run_a_gateway_with_a_key_that_ends_with_it(tmp_path: Path) -> None:
    pids: list[int] = []
    keys: list[str] = []

    async def ready(running: Running) -> int:
        keys.append(running.key)
        assert await status(running.base_url) == 401
        refused = await status(running.base_url, **{"X-Lectr-Key": running.key})
        assert refused not in (0, 401), "the key is known (what follows depends on the providers installed)"
        await until(lambda: len(read_health(tmp_path / "data")) >= 2)
        pids.extend(health.pid for health in read_health(tmp_path / "data") if health.process != "supervisor")
        return 5

    document = {"gateway": {"listen": "127.0.0.1:0"}, "provider": {}}
    assert run_up(document, data=tmp_path / "data", ready=ready, explorer=False) == 5
    assert pids
    assert all(is_gone(pid) for pid in pids)
    from lectr_core.assembly.keys import read_book

    assert read_book(tmp_path / "data").ring().find(keys[0].encode()) is None


def test_a_killed_process_comes_back_and_no_request_is_refused(tmp_path: Path) -> None:
    async def ready(running: Running) -> int:
        data = tmp_path / "data"
        await until(lambda: any(health.process == "worker-1" for health in read_health(data)))
        for name in ("worker-0", "worker-1"):
            old = health_of(data, name).pid
            os.kill(old, signal.SIGKILL)
            answers = [await status(running.base_url) for _ in range(20)]
            assert set(answers) <= {401, 0}
            assert answers.count(0) <= 1, "the other worker listens on the same socket"
            await until(lambda name=name, old=old: health_of(data, name).pid != old)  # type: ignore[misc]  # bound now
        return 0

    document = {"gateway": {"listen": "127.0.0.1:0", "workers": 2}}
    assert run_up(document, data=tmp_path / "data", ready=ready, explorer=False) == 0


class Reloading:
    """A gateway whose settings come from a file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "lectr.toml"
        self.data = folder / "data"
        self.plugins = load_plugins()

    def write(self, more: str) -> None:
        self.file.write_text(f"[gateway]\nlisten = '127.0.0.1:0'\ndata = '{self.data}'\n{more}\n")

    def read(self) -> Loaded:
        return read_settings(self.plugins, config=self.file, environ={})

    def run(self, ready: Callable[[Supervisor, up.FirstKey | None], object]) -> int:
        watch = Watch(lambda: self.file)
        return up.start(
            self.plugins,
            self.read(),
            ready=ready,
            key_for=up.no_key,
            with_companions=False,
            reread=self.read,
            watch=watch,
        )


def test_a_changed_file_is_taken_over_and_an_invalid_one_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gateway = Reloading(tmp_path)
    gateway.write("")

    def worker_version() -> str:
        return health_of(gateway.data, "worker-0").version

    async def ready(supervisor: Supervisor, _: object) -> int:
        first = supervisor.settings.version
        gateway.write("idle_limit_s = 33")
        await until(lambda: supervisor.settings.version != first)
        second = supervisor.settings.version
        assert (gateway.data / "config" / f"{second}.toml").exists()
        await until(lambda: worker_version() == second)
        gateway.write("idle_limit_s = 'no'\nlissten = 1")
        await until(lambda: supervisor.refused is not None)
        assert supervisor.settings.version == second
        gateway.write("idle_limit_s = 34\nworkers = 2")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: supervisor.refused is None and supervisor.settings.version != second)
        await until(lambda: worker_version() == supervisor.settings.version)
        return 0

    with caplog.at_level(logging.INFO, logger="lectr"):
        assert gateway.run(ready) == 0
    told = caplog.text
    assert "gateway.idle_limit_s: expected a number, got 'no'" in told
    assert "gateway.lissten: unknown; did you mean 'listen'?" in told
    assert "gateway.workers changed: it holds from the next start on" in told


def test_signals_stop_it_in_order(tmp_path: Path) -> None:
    gateway = Reloading(tmp_path)
    gateway.write("")
    pids: list[int] = []

    async def ready(supervisor: Supervisor, _: object) -> None:
        children = [*supervisor.workers, supervisor.cold]
        await until(lambda: all(child.pid is not None for child in children))
        pids.extend(child.pid for child in children if child.pid is not None)
        os.kill(os.getpid(), signal.SIGTERM)

    assert gateway.run(ready) == 0
    assert health_of(gateway.data, "supervisor").state == "stopped"
    assert health_of(gateway.data, "worker-0").state == "stopped"
    assert len(pids) == 2
    assert all(is_gone(pid) for pid in pids)


async def never(running: Running) -> int:
    raise AssertionError("it must not come this far")


def test_a_taken_port_a_held_directory_and_invalid_settings_stop_the_start(tmp_path: Path) -> None:
    with open_socket(Address("127.0.0.1", 0)) as opened:
        taken = bound(Address("127.0.0.1", 0), opened)
        with pytest.raises(OperatorError, match=f"{taken.port} is taken"):
            run_up({"gateway": {"listen": str(taken)}}, data=tmp_path, ready=never)
    with take_data(tmp_path), pytest.raises(OperatorError, match="in use by another gateway"):
        run_up({"gateway": {"listen": "127.0.0.1:0"}}, data=tmp_path, ready=never)
    with pytest.raises(UnsettledSettings, match="nonsense: unknown"):
        run_up({"nonsense": {}}, data=tmp_path, ready=never)


def test_an_error_in_the_callers_part_comes_out_as_itself(tmp_path: Path) -> None:
    async def ready(running: Running) -> int:
        raise OperatorError("the rehearsal failed")

    with pytest.raises(OperatorError, match=r"^the rehearsal failed$"):
        run_up({"gateway": {"listen": "127.0.0.1:0"}}, data=tmp_path, ready=ready, explorer=False)
