"""The process above all others: opens the doors, starts workers, cold side and companions, and keeps them alive.

It never reads a client's request or a record, so nothing that these do can take it down. Reload: the new version is checked
here with all its faults, kept, and then told to the workers; an invalid one changes nothing. Stop: workers drain first, then
the cold side stores what is left, then companions end; a second signal hurries each. Called by `up`.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import trio

from lectr_core.assembly import handover, pulse, versions
from lectr_core.assembly.admin import Admin
from lectr_core.assembly.certificate import warn_if_plain
from lectr_core.assembly.child import Child, Order
from lectr_core.assembly.environment import inherited, of_our_own, without_credentials
from lectr_core.assembly.ground import Doors
from lectr_core.assembly.handover import Retired
from lectr_core.assembly.health import Board, Health
from lectr_core.assembly.plugins import Plugins
from lectr_core.assembly.process import Boot
from lectr_core.assembly.pulse import Pulse
from lectr_core.assembly.readiness import Readiness
from lectr_core.assembly.reload import Watch, weigh
from lectr_core.assembly.service import Service
from lectr_core.assembly.settings import Loaded
from lectr_core.errors import LectrError, OperatorError
from lectr_core.model.settings import Settings
from lectr_core.ports import Companion

_log = logging.getLogger("lectr.supervisor")

WATCH_EVERY_S: Final = 0.5
HEALTH_EVERY_S: Final = 1.0
COMPANION_LIMIT_S: Final = 5.0
"""For a companion to end after SIGTERM; then it is killed."""
CUT_LIMIT_S: Final = 5.0
"""Beyond the drain time, for a process to end by itself; then it is killed."""

Begun = Callable[["Supervisor"], Awaitable[int | None]]


@attrs.define(eq=False)
class Supervisor:
    """One running gateway."""

    plugins: Plugins
    loaded: Loaded
    data: Path
    """Absolute."""
    doors: Doors
    companions: Sequence[Companion] = ()
    reread: Callable[[], Loaded] | None = None
    """Reads the settings again; None: they came from a program and do not change."""
    watch: Watch | None = None
    """The file they came from, as it was before it was read the first time: a change made since is then seen."""
    admin: Admin | None = None
    """Where it tells how it is; None: nowhere."""
    service: Service = attrs.field(factory=Service)
    """Who started it and wants to hear from it."""
    lock: int = -1
    """Descriptor by which the data directory is held."""
    retired: Retired | None = None
    """Workers of the program that this process ran before."""
    workers: list[Child] = attrs.field(init=False, factory=list)
    cold: Child = attrs.field(init=False)
    others: list[Child] = attrs.field(init=False, factory=list)
    refused: str | None = attrs.field(init=False, default=None)
    """Why the newest version of the settings is not in force."""
    _ready: dict[str, trio.Event] = attrs.field(init=False, factory=dict)
    _failed: dict[str, str] = attrs.field(init=False, factory=dict)
    _stop: trio.Event = attrs.field(init=False, factory=trio.Event)
    _hurry: trio.Event = attrs.field(init=False, factory=trio.Event)
    _code: int = attrs.field(init=False, default=0)
    _state: str = attrs.field(init=False, default="starting")
    _is_replacing: bool = attrs.field(init=False, default=False)
    _board: Board = attrs.field(init=False)
    _pulses: dict[str, Pulse] = attrs.field(init=False, factory=dict)
    _watched: list[Pulse] = attrs.field(init=False, factory=list)
    _readiness: Readiness = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._board = Board(self.data)
        self.cold = Child(partial(self._order, "cold", "cold", ()), partial(self._hear, "cold"))
        self._pulses["cold"] = Pulse("cold", self.cold, pulse.COLD_PATIENCE_S)
        self._readiness = Readiness(self.data, self._watched, self._pulses["cold"], lambda: self._state)

    @property
    def settings(self) -> Settings:
        """Those in force."""
        return self.loaded.settings

    @property
    def base_url(self) -> str:
        """What a client uses."""
        url = self.doors.base_url
        return url if self.settings.gateway.tls_certificate is None else url.replace("http://", "https://", 1)

    async def run(self, begun: Begun) -> int:
        """Start everything, call *begun* once connections are accepted, and go on until told to stop.

        Returns the exit code: what *begun* returned (which ends the run), else 0; 1 where records wait to be stored.
        Waits: until then. Cancel: every process is killed; the next start stores what is in the journal.
        Errors: OperatorError where a process cannot start.
        """
        versions.keep(self.data, self.loaded)
        warn_if_plain(self.settings.gateway, self.doors)
        async with trio.open_nursery() as outer:
            await outer.start(self._heed_signals, outer)
            handover.heed_signals()
            outer.start_soon(self.service.ping, self._readiness.is_alive)
            if self.admin is not None:
                outer.start_soon(self.admin.serve, self._readiness.reasons)
            async with trio.open_nursery() as lives:
                self._start_all(lives)
                trouble = await self._all_ready()
                if trouble is not None:
                    outer.cancel_scope.cancel()
                self._state = "serving"
                if trouble is None and not self._stop.is_set():
                    self.service.ready(self._status())
                if trouble is None and self.retired is not None:
                    outer.start_soon(self.retired.see_out, self.settings.gateway.drain_s, self._hurry)
                async with trio.open_nursery() as tasks:
                    tasks.start_soon(self._watch_file)
                    tasks.start_soon(self._show)
                    watched = (*self._watched, self._pulses["cold"])
                    tasks.start_soon(pulse.guard, watched, lambda: self.settings.gateway.hang_limit_s)
                    tasks.start_soon(self._call, begun)
                    await self._stop.wait()
                    tasks.cancel_scope.cancel()
                await self._end_in_order(lives)
            outer.cancel_scope.cancel()
        if trouble is not None:
            raise OperatorError(trouble)
        self._state = "stopped"
        self._show_now()
        return self._code

    def stop(self) -> None:
        """End in order; a second call hurries."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def reload(self) -> bool:
        """Take over what the file says now. Returns whether it is in force; every fault is logged."""
        if self._state != "serving":
            return self._reload()  # the service manager has not heard of the start yet, or has heard of the end
        self.service.reloading()
        try:
            return self._reload()
        finally:
            self.service.ready(self._status())

    def _reload(self) -> bool:
        if self.reread is None:
            _log.warning("these settings came from a program; there is nothing to read again")
            return False
        try:
            change = weigh(self.loaded, self.reread(), self.plugins, self.doors)
            versions.keep(self.data, change.loaded)
        except LectrError as exc:
            self.refused = str(exc)
            for line in str(exc).splitlines():
                _log.warning("%s", line)
            _log.warning("the settings are refused; version %s stays in force", self.settings.version)
            return False
        self.refused = None
        if not change.is_new:
            _log.info("the settings say the same as before")
            return True
        for setting in change.later:
            _log.warning("%s changed: it holds from the next start on", setting)
        self.loaded = change.loaded
        warn_if_plain(self.settings.gateway, self.doors)
        for worker in self.workers:
            worker.tell("reload", self.settings.version)
        if change.restart_cold:
            self.cold.again()
        _log.info("version %s of the settings is in force", self.settings.version)
        return True

    # ── beginning ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start_all(self, lives: trio.Nursery) -> None:
        listeners = tuple(opened.fileno() for opened in self.doors.sockets)
        for number in range(worker_count(self.settings)):
            name = f"worker-{number}"
            self._ready[name] = trio.Event()
            self.workers.append(Child(partial(self._order, name, "worker", listeners), partial(self._hear, name)))
            self._pulses[name] = Pulse(name, self.workers[-1])
            self._watched.append(self._pulses[name])
        self.others = [Child(partial(self._companion_order, companion)) for companion in self.companions]
        for child in (*self.others, self.cold, *self.workers):
            lives.start_soon(child.keep)

    async def _all_ready(self) -> str | None:
        """Waits: until each worker accepts, or somebody stops the start. Returns why a worker cannot, else None."""
        while not self._stop.is_set() and not all(ready.is_set() for ready in self._ready.values()):
            if self._failed:
                return "; ".join(f"{name}: {text}" for name, text in self._failed.items())
            if any(worker.starts > 1 for worker in self.workers):
                return "a worker ended before it was ready; what it said is above"
            await trio.sleep(0.02)
        return None

    def _order(self, name: str, main: str, listeners: tuple[int, ...]) -> Order:
        again = name in self._ready and self._ready[name].is_set()
        if again:
            versions.keep_again(self.data, self.loaded)
        boot = Boot(name=name, data=str(self.data), version=self.settings.version, listeners=listeners, again=again)
        return Order(
            name=name,
            # -P: the working directory is no place to import from
            command=(sys.executable, "-P", "-m", f"lectr_core.assembly.{main}"),
            environ={**of_our_own(), **boot.environ()},
            files=listeners,
        )

    def _companion_order(self, companion: Companion) -> Order:
        return Order(
            name=companion.id,
            command=(sys.executable, "-P", "-m", "lectr_core.assembly.leash", *companion.command()),
            environ={**without_credentials(self.settings), **companion.environ()},
            speaks=False,
        )

    def _status(self) -> str:
        """One line for the service manager."""
        note = "" if self.refused is None else "; newer settings are refused, see the log"
        return f"{len(self.workers)} workers, version {self.settings.version}{note}"

    def _hear(self, name: str, words: list[str]) -> None:
        self._pulses[name].hear(words, trio.current_time())
        match words:
            case ["ready", version]:
                if name in self._ready:
                    self._ready[name].set()
                _log.info("%s is ready with version %s", name, version)
            case ["failed", *text] if name in self._ready and not self._ready[name].is_set():
                self._failed[name] = " ".join(text)
            case ["refused", version, *_]:
                self.refused = f"{name} refused version {version}"
            case _:
                pass

    # ── meanwhile ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _call(self, begun: Begun) -> None:
        code = await begun(self)
        if code is not None:
            self._code = code
            self.stop()

    async def _heed_signals(self, tasks: trio.Nursery, task_status: trio.TaskStatus[None]) -> None:
        had_terminal = os.isatty(2)
        with trio.open_signal_receiver(*handover.SIGNALS) as received:
            task_status.started()
            async for number in received:
                if number == signal.SIGUSR2:
                    tasks.start_soon(self._replace)
                elif number == signal.SIGHUP and not (had_terminal and not os.isatty(2)):  # else its window was closed
                    if self.watch is not None:
                        self.watch.noted()
                    self.reload()
                else:
                    _log.info("stopping in order; once more to hurry" if not self._stop.is_set() else "hurrying")
                    self.stop()

    async def _replace(self) -> None:
        """Become the program as it is installed now. Waits: until that is certain to start; comes back only if it is not."""
        while self._state == "starting":
            await trio.sleep(0.1)
        try:
            if self._is_replacing or self._state != "serving" or (self.retired and not self.retired.gone.is_set()):
                raise OperatorError("not now: it stops, or is being replaced already")
            self._is_replacing = True
            if self.reread is None:
                raise OperatorError("it runs within another program")
            weigh(self.loaded, self.reread(), self.plugins, self.doors)
            await handover.rehearse(inherited())
        except LectrError as exc:
            self._is_replacing = False
            _log.error("the program is not replaced: %s", exc)
            return
        _log.info("becoming the program as it is installed now")
        self.service.reloading()
        drain_s = self.settings.gateway.drain_s
        self.cold.dismiss("stop", drain_s)
        for other in self.others:
            other.dismiss(by=signal.SIGTERM)
        await self._ended(self.others, COMPANION_LIMIT_S, hurry=None)
        await self._ended([self.cold], drain_s + CUT_LIMIT_S, hurry=None)
        for worker in self.workers:
            worker.tell("aside")
        handover.hold_signals()
        for _ in range(3):
            await trio.lowlevel.checkpoint()  # those that came just before are heeded
        if self._stop.is_set():
            handover.heed_signals()
            return
        try:
            handover.become(self.lock, self.doors, self.admin.doors if self.admin else None, self.workers)
        except OSError as exc:
            handover.heed_signals()
            _log.critical("the new program cannot be begun, so this one stops: %s", exc.strerror)
            self.stop()

    async def _watch_file(self) -> None:
        while self.watch is not None:
            await trio.sleep(WATCH_EVERY_S)
            if self.watch.changed():
                self.reload()

    async def _show(self) -> None:
        while True:
            self._show_now()
            await trio.sleep(HEALTH_EVERY_S)

    def _show_now(self) -> None:
        notes: dict[str, object] = {"listen": [str(address) for address in self.doors.addresses]}
        if self.refused:
            notes["refused"] = self.refused
        children = (*self.workers, self.cold, *self.others)
        self._board.show(
            Health(
                process="supervisor",
                pid=os.getpid(),
                state=self._state,
                version=self.settings.version,
                updated_ns=time.time_ns(),
                counters={"workers": len(self.workers), "starts": sum(child.starts for child in children)},
                notes=notes,
            )
        )

    # ── end ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _end_in_order(self, lives: trio.Nursery) -> None:
        self._state = "draining"
        self.service.stopping()
        self._show_now()
        drain_s = self.settings.gateway.drain_s
        for worker in self.workers:
            worker.dismiss("stop", drain_s)
        self.doors.shut()
        await self._ended(self.workers, drain_s + CUT_LIMIT_S, hurry=("stop", 0))
        if self.retired is not None:
            await self.retired.gone.wait()
        self.cold.dismiss("stop", drain_s)
        await self._ended([self.cold], drain_s + CUT_LIMIT_S, hurry=None)
        if self.cold.exit_code != 0 or self._is_replacing:  # then it ended before the workers did
            _log.warning("records wait in the journal; they are stored at the next start")
            self._code = self._code or 1
        for other in self.others:
            other.dismiss(by=signal.SIGTERM)
        await self._ended(self.others, COMPANION_LIMIT_S, hurry=None)
        lives.cancel_scope.cancel()

    async def _ended(self, children: Sequence[Child], limit_s: float, *, hurry: tuple[object, ...] | None) -> None:
        """Waits: until all have ended; whoever has not when the time is up, or when hurried in vain, is killed."""
        async with trio.open_nursery() as nursery:

            async def press() -> None:
                await self._hurry.wait()
                for child in children:
                    if hurry is not None:
                        child.tell(*hurry)
                    else:
                        child.send(signal.SIGTERM)

            async def kill() -> None:
                await trio.sleep(limit_s)
                for child in children:
                    child.send(signal.SIGKILL)

            nursery.start_soon(press)
            nursery.start_soon(kill)
            for child in children:
                await child.ended.wait()
            nursery.cancel_scope.cancel()


def worker_count(settings: Settings) -> int:
    """How many workers; `auto` is one a processor core that this process may use."""
    wanted = settings.gateway.workers
    return len(os.sched_getaffinity(0)) if wanted == "auto" else wanted
