"""The real gateway, as its users start it: `lectr serve` with a `lectr.toml`, its own data directory and a free port."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

LECTR: Final = os.environ.get("LECTR_TEST_COMMAND") or str(Path(sysconfig.get_path("scripts")) / "lectr")
"""The command under test; another one may be named, to try what a package manager installed."""
PATIENCE_S: Final = 30.0
"""Far longer than anything here takes: only a fault runs into it."""

PROVIDERS: Final = ("openai", "anthropic", "groq", "gemini")
HELD_KEYS: Final = {name: f"held-{name}-canary-7f3a" for name in PROVIDERS}
"""What the operator holds, by provider."""


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(true: Callable[[], Any], *, what: str, patience_s: float = PATIENCE_S) -> Any:  # Any: whatever is truthy
    """Ask again and again until the answer is true, and return it. Errors: AssertionError where patience runs out."""
    end = time.monotonic() + patience_s
    while True:
        if found := true():
            return found
        assert time.monotonic() < end, f"still not: {what}"
        time.sleep(0.02)


def document(upstream_url: str, port: int, data: Path, *, held: bool, extra: str = "", gateway: str = "") -> str:
    """A `lectr.toml` that sends every provider's requests to one address."""
    parts = [f'[gateway]\nlisten = "127.0.0.1:{port}"\ndata = "{data}"\ndrain_s = 3.0\n{gateway}']
    for name in PROVIDERS:
        prefix = "/openai" if name == "groq" else ""  # as its real address has it
        parts.append(f'[provider.{name}]\nbase_url = "{upstream_url}{prefix}"')
        if held:
            parts.append(f'api_key_env = "HELD_{name.upper()}"')
    return "\n".join([*parts, extra, ""])


@attrs.define
class Gateway:
    """One gateway and everything it left behind."""

    place: Path
    port: int
    key: str
    process: subprocess.Popen[bytes] | None = None
    environ: Mapping[str, str] = attrs.field(factory=dict)
    descriptors: int | None = None
    """How many files each process may have open; None: as many as this one."""

    @property
    def url(self) -> str:
        """Its base address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self.place / "data"

    @property
    def config(self) -> Path:
        """Its settings file."""
        return self.place / "lectr.toml"

    @property
    def log(self) -> Path:
        """All that it printed."""
        return self.place / "serve.log"

    def lectr(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run another command against the same settings."""
        command = [LECTR, "--config", str(self.config), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self._environ(), timeout=PATIENCE_S)
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [LECTR, "--config", str(self.config), "serve"],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=self._environ(),
                cwd=self.place,
                preexec_fn=self._narrow if self.descriptors is not None else None,
            )
        until(self.answers, what=f"the gateway answers; it said: {self.log.read_text()[-2000:]}")

    def answers(self) -> bool:
        """Whether somebody accepts connections and refuses a request without a key."""
        assert self.process is not None
        assert self.process.poll() is None, f"the gateway ended: {self.log.read_text()[-2000:]}"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as sock:
                sock.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return sock.recv(12).startswith(b"HTTP/1.1 ")
        except OSError:
            return False

    def stop(self) -> None:
        """Ask it to stop, as Ctrl-C does, and make sure that nothing of it is left."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=PATIENCE_S)
            self.process = None
        finally:
            if self.process is not None:
                self.kill_all()

    def pids(self) -> dict[int, str]:
        """Every process of it, with its command line."""
        assert self.process is not None
        parents, lines = {}, {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                pid = int(entry.name)
                parents[pid] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                lines[pid] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return {pid: lines[pid] for pid in found if lines.get(pid)}

    def kill_all(self) -> None:
        """Kill every process of it at once, the first one first, so that nothing is started again."""
        assert self.process is not None
        for pid in sorted(self.pids()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def rows(self, where: str = "1", *values: object) -> list[dict[str, Any]]:  # Any: what SQLite holds
        """Records stored so far that meet a condition, oldest first."""
        path = self.data / "lectr.db"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            try:
                found = db.execute(f"select * from requests where {where} order by started_at, id", values)
            except sqlite3.OperationalError:
                return []  # the sink has not made its tables yet
            return [dict(row) for row in found]

    def stored(self, count: int, where: str = "1", *values: object) -> list[dict[str, Any]]:  # Any: what SQLite holds
        """Wait until as many records are stored, and return them."""
        until(lambda: len(self.rows(where, *values)) >= count, what=f"{count} rows where {where} {values}")
        return self.rows(where, *values)

    def _narrow(self) -> None:
        assert self.descriptors is not None
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def _environ(self) -> dict[str, str]:
        usual = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        held = {f"HELD_{name.upper()}": value for name, value in HELD_KEYS.items()}
        return {**usual, **held, **self.environ}


def new_key(gateway: Gateway, org: str = "acme", name: str = "ci") -> str:
    """Make an org key with the command line, as an operator does."""
    said = gateway.lectr("keys", "create", "--org", org, "--name", name).stdout
    found = re.search(r"lc_key_[A-Za-z0-9_-]{43}", said)
    assert found, f"no key in: {said!r}"
    return found.group()


@contextlib.contextmanager
def gateway(
    place: Path, upstream_url: str, *, held: bool, extra: str = "", gateway: str = "", descriptors: int | None = None
) -> Iterator[Gateway]:
    """Run a gateway for as long as the block lasts."""
    running = Gateway(place=place, port=free_port(), key="", descriptors=descriptors)
    running.config.write_text(document(upstream_url, running.port, running.data, held=held, extra=extra, gateway=gateway))
    running.key = new_key(running)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def as_json(text: str) -> Any:  # Any: JSON
    """What a command printed with `--json`."""
    return json.loads(text)
