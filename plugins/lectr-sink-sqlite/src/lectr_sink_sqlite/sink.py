"""The sink and the history that Lectr talks to: the blocking `Store`, one call at a time, in a worker thread.

Nothing about SQLite stands here. Called by the cold process, and by commands that ask about the past.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import trio

from lectr_core import Accuracy, Begun, Cursor, Record, UsedPrice
from lectr_sink_sqlite import file, history, remarks
from lectr_sink_sqlite.settings import SqliteSettings


class SqliteSink:
    """Stores records in one SQLite file; answers how far it is and how much it holds."""

    id = "sqlite"

    def __init__(self, path: Path, settings: SqliteSettings, now_ns: Callable[[], int] = time.time_ns) -> None:
        from lectr_sink_sqlite.store import Store  # imports sqlite-utils: a quarter of a second that a worker need not pay

        self.path = path
        self._busy_limit_s = settings.busy_limit_s
        self._settings, self._now_ns = settings, now_ns
        self._store = Store(
            path=path,
            busy_limit_s=settings.busy_limit_s,
            retention_days=settings.retention_days,
            retention_chunk=settings.retention_chunk,
            minutes_days=settings.minutes_days,
            max_bytes=settings.max_bytes,
            now_ns=now_ns,
        )
        # One thread at a time may use the connection; who is cancelled while waiting here has changed nothing.
        self._turn = trio.CapacityLimiter(1)

    async def open(self) -> Mapping[str, Cursor]:
        """Open, or open again after a failure; bring the schema up to date; say how far each stream is stored.

        Waits: on the disk; after damage, for the whole file to be read. Cancel: the opening is finished first.
        Errors: OperatorError where the file cannot be opened; a damaged file is moved aside instead.
        """
        return await trio.to_thread.run_sync(self._store.open, limiter=self._turn)

    async def write(self, records: Sequence[Record], cursors: Sequence[Cursor]) -> None:
        """Store what is not stored yet, and the cursors, in one transaction. Then remove a little of what is too old.

        Waits: on the disk, and up to `busy_limit_s` on another process's lock. Cancel: the transaction is finished first.
        Errors: OperatorError where nothing could be stored (locked, full, damaged): ask again.
        """
        await trio.to_thread.run_sync(self._write, records, cursors, limiter=self._turn)

    def _write(self, records: Sequence[Record], cursors: Sequence[Cursor]) -> None:
        self._store.write(records, cursors)
        self._store.sweep()
        self._store.tend()

    async def show_in_flight(self, begun: Sequence[Begun]) -> None:
        """Put these into the table `in_flight`, in place of those there. Waits, Cancel, Errors: as `write`."""
        await trio.to_thread.run_sync(self._store.show_in_flight, begun, limiter=self._turn)

    async def keep_prices(self, prices: Sequence[UsedPrice]) -> None:
        """Put these into the table `prices`, where they are not there yet. Waits, Cancel, Errors: as `write`."""
        await trio.to_thread.run_sync(self._store.keep_prices, prices, limiter=self._turn)

    async def keep_accuracy(self, told: Sequence[Accuracy]) -> None:
        """Replace the table `token_accuracy`. Waits, Cancel, Errors: as `write`."""
        await trio.to_thread.run_sync(self._store.keep_accuracy, told, limiter=self._turn)

    async def close(self) -> None:
        """Let go of the file. Waits: on the disk. Cancel: it is closed first."""
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._store.close, limiter=self._turn)

    async def cursors(self) -> Mapping[str, Cursor]:
        """Every stream's cursor, without changing anything. Waits: on the disk. Cancel: nothing is left behind."""
        return await trio.to_thread.run_sync(partial(history.cursors, self.path, self._busy_limit_s))

    async def count(self) -> Mapping[str, int]:
        """Rows ever stored, by stream, removed ones included. Waits: on the disk, about 50 ms for a million rows."""
        return await trio.to_thread.run_sync(partial(history.counts, self.path, self._busy_limit_s))

    async def snapshot(self) -> tuple[Mapping[str, Cursor], Mapping[str, int]]:
        """`cursors` and `count` of one moment. Waits: as `count`; nobody else waits for it."""
        return await trio.to_thread.run_sync(partial(history.snapshot, self.path, self._busy_limit_s))

    async def gaps(self) -> Sequence[str]:
        """Files that were damaged and moved aside, as long as they lie there. Waits: on the disk."""
        return await trio.to_thread.run_sync(file.moved_aside, self.path)

    async def remarks(self) -> Sequence[str]:
        """What takes room without a bound, and limits that are not kept. Waits: on the disk, some ms."""
        return await trio.to_thread.run_sync(remarks.remarks, self.path, self._settings, self._now_ns())
