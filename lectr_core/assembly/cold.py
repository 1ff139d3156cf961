"""The cold process: `python -m lectr_core.assembly.cold`. Gives sinks and price books to the cold room and lets it run.

The order `stop SECONDS` ends it once everything that the journal holds is stored, or when the time is up; what is left is
then stored at the next start. It may be killed at any moment. Never serves a request. Called by the supervisor.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial

import attrs
import trio

from lectr_core.assembly import process, versions
from lectr_core.assembly.health import FOLDER
from lectr_core.assembly.plugins import load_plugins
from lectr_core.cold.standing import Standing, write_standing
from lectr_core.cold.way import run
from lectr_core.errors import LectrError
from lectr_core.ports import PriceBook, Sink

_log = logging.getLogger("lectr.cold")

EXIT_LEFT_BEHIND = 3
"""The time was up before everything was stored."""
# An idle sink looks at the journal ten times a second, so what it says half a second after the workers ended is of a look
# that saw all they wrote.
SETTLED_S = 0.5
# A batch of a thousand records is some 15,000 objects, none of them in a cycle. With Python's own threshold of 700 the
# collector looks at them again and again until they are stored: a fifth of this process's time.
COLLECT_AFTER = 20_000


@attrs.define
class Cold:
    """What one cold process holds."""

    boot: process.Boot
    mouth: process.Mouth
    latest: Standing | None = None
    latest_at: float = 0.0
    """Monotonic (Trio's clock), seconds."""
    left_behind: bool = False
    """Whether it had to end before everything was known to be stored."""
    _news: trio.Event = attrs.field(factory=trio.Event)

    def hear(self, standing: Standing) -> None:
        """Take and write what the cold room says of itself, once a second. Errors: OSError, for the caller to log."""
        if self.latest is None:
            self.mouth.say("ready", self.boot.version)
        self.mouth.say("alive")
        self.latest, self.latest_at = standing, trio.current_time()
        self._news.set()
        self._news = trio.Event()
        write_standing(self.boot.data_path / FOLDER / "cold.json", standing)

    async def stored_all(self) -> None:
        """Waits: until everything is stored that was in the journal when this was called."""
        asked_at = trio.current_time()
        while True:
            await self._news.wait()
            standing = self.latest
            if standing is None or self.latest_at < asked_at + SETTLED_S:
                continue
            if standing.caught_up and not any(sink.busy_s or sink.failures for sink in standing.sinks):
                return

    async def heed(self, work: trio.CancelScope) -> None:
        """Obey the supervisor, and cancel *work* when its time has come. Waits: until then."""
        async with aclosing(process.orders()) as orders:
            async for words in orders:
                match words:
                    case ["stop", limit_s]:
                        with trio.move_on_after(float(limit_s)) as patience:
                            await self.stored_all()
                        self.left_behind = patience.cancelled_caught
                        break
                    case _:
                        _log.warning("an order that nobody knows was dropped")
        # Else the supervisor is gone. Its workers are draining; what they still write is stored at the next start.
        work.cancel()


async def work(boot: process.Boot, mouth: process.Mouth, sinks: tuple[Sink, ...], books: tuple[PriceBook, ...]) -> int:
    """Carry records until told to stop. Returns the exit code. Waits: until then."""
    cold = Cold(boot, mouth)

    async def heed_signals(scope: trio.CancelScope) -> None:
        with trio.open_signal_receiver(signal.SIGTERM) as received:
            async for _ in received:
                cold.left_behind = True
                scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(cold.heed, nursery.cancel_scope)
        nursery.start_soon(heed_signals, nursery.cancel_scope)
        await run(boot.data_path, sinks, books, health=cold.hear)
    return EXIT_LEFT_BEHIND if cold.left_behind else 0


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Run the cold process. Returns the exit code: 0 after a stop, 2 where it cannot start, 3 where records wait."""
    mouth = process.begin()
    try:
        boot = process.read_boot(environ)
        plugins = load_plugins()
        settings = versions.recall(boot.data_path, boot.version, plugins)
        sinks = tuple(sink for _, sink in plugins.sinks(settings))
        books = tuple(book for _, book in plugins.price_books(settings))
        if not sinks:
            _log.warning("no sink plugin is installed: records stay in the journal (try: lectr install sink-sqlite)")
        gc.collect()
        gc.freeze()  # what is there now stays for good
        gc.set_threshold(COLLECT_AFTER, 20, 20)
        return trio.run(partial(work, boot, mouth, sinks, books))
    except LectrError as exc:
        _log.critical("cannot start: %s", exc)
        mouth.say("failed", exc)
        return 2


if __name__ == "__main__":
    sys.exit(main())
