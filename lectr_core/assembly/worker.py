"""A worker process: `python -m lectr_core.assembly.worker`. Builds one gateway and serves until it is told to stop.

Its listening sockets are inherited, so that it can die and come back without a client being refused. Orders: `reload
VERSION` (a version that cannot be built is refused, and the present one stays), `stop SECONDS`; when the supervisor is gone
it drains and ends. Keys and certificate are looked at four times a second. Never stores, prices or shows anything. Called by
the supervisor.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Protocol

import attrs
import trio

from lectr_core.assembly import process, versions
from lectr_core.assembly.certificate import Pair, make_context
from lectr_core.assembly.conduct import drains, stale_retries
from lectr_core.assembly.egress import egress_of
from lectr_core.assembly.handover import aside
from lectr_core.assembly.health import Board, Health
from lectr_core.assembly.keys import Watched, read_book, reread_book
from lectr_core.assembly.plugins import Plugins, load_plugins
from lectr_core.errors import LectrError, OperatorError
from lectr_core.hot.gateway import Gateway, Version
from lectr_core.journal.writer import Writer
from lectr_core.model.keys import KeyRing

_log = logging.getLogger("lectr.worker")

# A changed key has to hold within a second; four looks leave room for a busy loop and cost 8 µs in all.
KEYS_EVERY_S = 0.25
HEALTH_EVERY_S = 1.0
# The supervisor kills a worker that misses some twenty of them.
BEAT_EVERY_S = 1.0
# Stopping ends the tasks that wait at the doors at once; a moment later nobody uses these sockets any more.
SHUT_AFTER_S = 0.1


# A connection that stands idle is closed only after this time, where others serve meanwhile: a request that is on its way on
# it is still answered, and told that it was the last.
IDLE_GRACE_S = 5.0


class Serving(Protocol):
    """What a worker needs of a gateway."""

    version: Version
    keys: KeyRing
    tls: ssl.SSLContext | None

    async def serve(self, listeners: list[socket.socket], task_status: trio.TaskStatus[None]) -> None:
        """Accept and serve until stopped."""

    def stop(self, drain_s: float | None = None, idle_s: float = 0.0) -> None:
        """Stop accepting; serve() returns when open requests are done, or after *drain_s*. Idle ones end after *idle_s*."""

    def counters(self) -> dict[str, int]:
        """Plain counts."""


MakeGateway = Callable[[Version, KeyRing, Writer], Serving]


@attrs.define
class Worker:
    """Everything one worker process holds."""

    boot: process.Boot
    mouth: process.Mouth
    plugins: Plugins
    gateway: Serving
    journal: Writer
    board: Board
    watched: Watched
    pair: Pair
    state: str = "starting"
    notes: dict[str, str | int] = attrs.field(factory=dict)
    _stopping: trio.Event = attrs.field(init=False, factory=trio.Event)

    async def serve(self, listeners: list[socket.socket]) -> None:
        """The life of the worker. Waits: until it is stopped and drained. Cancel: connections are cut, records kept."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._serve_then_end, listeners, nursery.cancel_scope)
            # What is there now stays for good; the collector need not look at it again and again.
            gc.collect()
            gc.freeze()
            self.state = "serving"
            nursery.start_soon(self._heed)
            nursery.start_soon(self._heed_signals)
            nursery.start_soon(self._watch_keys)
            nursery.start_soon(self._show)
            nursery.start_soon(self._beat)
            nursery.start_soon(self._shut, listeners)
            self.mouth.say("ready", self.gateway.version.id)
        self.state = "stopped"
        self.show_now()

    def show_now(self) -> None:
        """Write the health file, where it says something new."""
        faults = getattr(getattr(self.gateway, "faults", None), "counts", {})
        self.board.show(
            Health(
                process=self.boot.name,
                pid=os.getpid(),
                state=self.state,
                version=self.gateway.version.id,
                updated_ns=time.time_ns(),
                counters=self.gateway.counters(),
                faults=dict(faults),
                notes={**self.notes, "stream": self.journal.stream, "keys": len(self.gateway.keys.holders)},
            )
        )

    async def reload(self, version: str) -> None:
        """Swap to a kept version; one that cannot be built is refused. Waits: for a thread that builds it."""
        try:
            made = await trio.to_thread.run_sync(make_version, self.plugins, self.boot, version)
            pair = Pair(made.settings)
            tls = make_context(made.settings)
        except LectrError as exc:
            _log.error("version %s is refused, %s stays: %s", version, self.gateway.version.id, exc)
            self.notes["refused"] = f"{version}: {exc}"
            self.mouth.say("refused", version, exc)
            return
        self.gateway.version = made
        self.gateway.tls, self.pair = tls, pair
        self.notes.pop("tls_fault", None)
        self.notes.pop("refused", None)
        self.mouth.say("ready", made.id)

    def stop(self, drain_s: float | None = None, idle_s: float = 0.0) -> None:
        """Stop accepting and let open requests finish; see `Gateway.stop`."""
        self.state = "draining"
        self.gateway.stop(drain_s, idle_s)
        self._stopping.set()

    async def _serve_then_end(
        self,
        listeners: list[socket.socket],
        others: trio.CancelScope,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        await self.gateway.serve(listeners, task_status)
        others.cancel()

    async def _shut(self, listeners: list[socket.socket]) -> None:
        """Close the doors while open requests are drained: where the supervisor is gone, the next one can open them."""
        await self._stopping.wait()
        await trio.sleep(SHUT_AFTER_S)
        for listener in listeners:
            listener.close()

    async def _heed(self) -> None:
        async with aclosing(process.orders()) as orders:
            async for words in orders:
                match words:
                    case ["reload", version]:
                        await self.reload(version)
                    case ["stop", drain_s]:
                        self.stop(float(drain_s))
                    case ["aside"]:
                        self.boot = attrs.evolve(self.boot, name=aside(self.boot.name))
                    case ["retire", drain_s]:
                        self.stop(float(drain_s), IDLE_GRACE_S)
                    case _:
                        _log.warning("an order that nobody knows was dropped")
        _log.warning("the supervisor is gone: draining")
        self.stop()

    async def _heed_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM) as received:
            async for _ in received:
                self.stop(0.0 if self.state == "draining" else None)

    async def _watch_keys(self) -> None:
        while True:
            await trio.sleep(KEYS_EVERY_S)
            if self.pair.changed():
                self._take_certificate()
            if not self.watched.changed():
                continue
            try:
                self.gateway.keys = reread_book(self.boot.data_path).ring()
                self.notes.pop("keys_fault", None)
            except LectrError as exc:
                _log.error("the keys stay as they were: %s", exc)
                self.notes["keys_fault"] = str(exc)
            self.show_now()

    def _take_certificate(self) -> None:
        try:
            self.gateway.tls = make_context(self.pair.gateway)
            self.notes.pop("tls_fault", None)
            _log.info("the new certificate is in force")
        except OperatorError as exc:
            _log.error("the certificate stays as it was: %s", exc)
            self.notes["tls_fault"] = str(exc)
        self.show_now()

    async def _beat(self) -> None:
        """Say that the loop turns, and how much the journal could not write."""
        while True:
            await trio.sleep(BEAT_EVERY_S)
            self.mouth.say("alive", self.journal.waiting_bytes)

    async def _show(self) -> None:
        while True:
            self.show_now()
            await trio.sleep(HEALTH_EVERY_S)


def make_version(plugins: Plugins, boot: process.Boot, version: str) -> Version:
    """Build a kept version. Errors: OperatorError, UnsettledSettings, PluginError."""
    settings = versions.recall(boot.data_path, version, plugins)
    providers, policies = versions.build(plugins, settings, with_files=False)
    egress = egress_of(settings, providers.values())
    conduct = stale_retries(settings), drains(settings)
    return Version(settings.version, providers, policies, settings.gateway, egress, *conduct)


async def work(boot: process.Boot, mouth: process.Mouth, plugins: Plugins, make: MakeGateway = Gateway) -> None:
    """Build everything and serve. Waits: until stopped. Errors: LectrError where it cannot start."""
    watched = Watched(boot.data_path)
    watched.changed()  # before the first reading: a change made in between is then seen at the first look
    ring = read_book(boot.data_path).ring()
    version = make_version(plugins, boot, boot.version)
    listeners = [socket.socket(fileno=number) for number in boot.listeners]
    with Writer(boot.data_path / "journal", is_patient=boot.again) as journal:
        gateway = make(version, ring, journal)
        pair = Pair(version.settings)  # before its first reading, as with the keys
        gateway.tls = make_context(version.settings)
        await Worker(boot, mouth, plugins, gateway, journal, Board(boot.data_path), watched, pair).serve(listeners)
    for listener in listeners:
        listener.close()


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Run one worker. Returns the exit code: 0 after a stop, 2 where it cannot start."""
    mouth = process.begin()
    try:
        boot = process.read_boot(environ)
        plugins = load_plugins()
        trio.run(partial(work, boot, mouth, plugins))
    except LectrError as exc:
        _log.critical("cannot start: %s", exc)
        mouth.say("failed", exc)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
