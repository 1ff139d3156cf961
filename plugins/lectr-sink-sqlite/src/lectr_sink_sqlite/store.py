"""The SQLite connection that writes. One transaction a batch: rows, rollups and cursors, or nothing.

Blocking; called by `sink.py`, in one worker thread at a time. Knows no Trio; what only reads stands in `history.py`.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
from sqlite_utils import Database

from lectr_core import Accuracy, Begun, Cursor, OperatorError, PluginError, Record, UsedPrice, decode_cursor, encode_cursor
from lectr_sink_sqlite import beside, closing, file, meanings, retention, rollups, schema
from lectr_sink_sqlite.rows import INSERT, Row, row, tame

log = logging.getLogger("lectr.sink.sqlite")

# How often it is looked for what is too old or too much. At a thousand requests a second that is 70 MB.
SWEEP_EVERY_NS = 60 * 1_000_000_000

PUT_CURSOR = """INSERT INTO cursors (stream, cursor) VALUES (?, ?)
ON CONFLICT (stream) DO UPDATE SET cursor = excluded.cursor"""

# What Python's sqlite3 raises for a value that SQLite cannot keep.
UNKEEPABLE = (OverflowError, UnicodeEncodeError)

# What it raises where a value is none that its column takes: the row is at fault, and the file is well.
REFUSED = (sqlite3.IntegrityError, sqlite3.DataError)


@attrs.define
class Store:
    """One file, one connection. Every method may raise OperatorError, and PluginError where a row is refused; the file then
    holds what it held before."""

    path: Path
    busy_limit_s: float
    retention_days: int
    retention_chunk: int
    now_ns: Callable[[], int]
    """Wall clock, nanoseconds since 1970."""
    minutes_days: int = 0
    max_bytes: int = 0
    _connection: sqlite3.Connection | None = attrs.field(default=None, init=False, repr=False)
    _lock: int | None = attrs.field(default=None, init=False)
    """Held as long as it is open: nobody else stores in the file."""
    _suspect: bool = attrs.field(default=False, init=False)
    """Whether SQLite called the file damaged since it was opened: then the next opening reads it all."""
    _place: file.Place | None = attrs.field(default=None, init=False)
    """Which file is open."""
    _swept_ns: int = attrs.field(default=0, init=False)
    """When nothing was left to remove for the last time, or nothing could be removed."""

    _tended_ns: int = attrs.field(default=0, init=False)
    """When the length of the write-ahead log was looked at for the last time."""

    def open(self) -> dict[str, Cursor]:
        """Open or open again, bring the schema up to date, and say how far each stream is stored."""
        self.close()
        try:
            self._lock = file.take_lock(self.path)
            self._connection = self._opened()
        except (sqlite3.Error, OSError) as exc:
            if not isinstance(exc, sqlite3.Error) or not file.is_broken(exc):
                raise OperatorError(f"cannot open {self.path}: {exc}") from exc
            self._connection = self._begun_anew(exc)
        self._suspect = False
        self._place = file.place(self.path)
        with self._faults("read the cursors of"):
            if self._live.execute("SELECT 1 FROM in_flight").fetchone():
                self.show_in_flight(())  # what an earlier process showed is no longer so
            return {stream: decode_cursor(text) for stream, text in self._live.execute("SELECT stream, cursor FROM cursors")}

    def write(self, records: Sequence[Record], cursors: Sequence[Cursor]) -> None:
        """Store rows not stored yet, what they add to the rollups, and the cursors, in one transaction."""
        if self._connection is not None and file.place(self.path) != self._place:
            file.say_gone(self.path)
            self._suspect = True  # letting go of it puts pages of the log into what stands there now
            raise OperatorError(f"{self.path} was removed or emptied, or another file stands in its place")
        rows = [row(record) for record in records]
        places = [(cursor.stream, encode_cursor(cursor)) for cursor in cursors]
        closed = [(one, record.ended.begun.id) for record in records for one in record.account.closes]
        with self._faults("write to"):
            try:
                self._commit(rows, places, closed)
            except UNKEEPABLE:
                self._commit([tame(values) for values in rows], places, closed)

    def show_in_flight(self, begun: Sequence[Begun]) -> None:
        """Take *begun* as all that is in flight."""
        with self._transaction("show what is in flight in") as live:
            beside.show_in_flight(live, begun, self.now_ns())

    def keep_prices(self, prices: Sequence[UsedPrice]) -> None:
        """Keep the prices that are not kept yet."""
        with self._transaction("keep prices in") as live:
            beside.keep_prices(live, prices, self.now_ns())

    def keep_accuracy(self, told: Sequence[Accuracy]) -> None:
        """Keep how well tokens are predicted, in place of what was known."""
        with self._transaction("keep the accuracy of tokens in") as live:
            beside.keep_accuracy(live, told, self.now_ns())

    def sweep(self) -> int:
        """Remove one chunk of what is beyond a limit, if it is time to look. Returns how much there was to do.

        Short on purpose: called after each batch, so that a large backlog goes away between writes. What it cannot remove
        it leaves for a minute, with a line in the log: the batch before it is stored, and so must the next one be.
        Errors: OperatorError where the file is damaged.
        """
        now_ns = self.now_ns()
        if 0 <= now_ns - self._swept_ns < SWEEP_EVERY_NS:  # below 0: the clock was set back, who knows how far
            return 0
        keep = retention.Retention(
            days=self.retention_days,
            minutes_days=self.minutes_days,
            max_bytes=self.max_bytes,
            chunk=self.retention_chunk,
        )
        done = 0
        with self._if_possible("remove old rows from"):
            done = retention.step(self._live, keep, now_ns)
        if not done:
            self._swept_ns = now_ns
        return done

    def tend(self) -> None:
        """Once a minute: begin the write-ahead log anew, if it is long. Where that cannot be, the log says so.

        Errors: as `sweep`.
        """
        now_ns = self.now_ns()
        if 0 <= now_ns - self._tended_ns < SWEEP_EVERY_NS:
            return
        self._tended_ns = now_ns
        held = file.log_bytes(self.path)
        if held > file.WAL_KEEP_BYTES:
            with self._if_possible("begin the write-ahead log anew of"):
                if not file.begin_log_anew(self._live, self.busy_limit_s):
                    log.warning("%s: a log of %d MB, and another process does not let go of it", self.path, held // 10**6)

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    @property
    def _live(self) -> sqlite3.Connection:
        if self._connection is None:
            raise OperatorError(f"{self.path} is not open")
        return self._connection

    def _commit(self, rows: Sequence[Row], places: Sequence[tuple[str, str]], closed: Sequence[tuple[str, str]]) -> None:
        live = self._live
        live.execute("BEGIN IMMEDIATE")
        try:
            (mark,) = live.execute(rollups.MARK).fetchone()
            live.executemany(INSERT, rows)
            rollups.add(live, mark)
            closing.close(live, closed)
            live.executemany(PUT_CURSOR, places)
            live.execute("COMMIT")
        except UNKEEPABLE:
            live.rollback()
            raise

    def _opened(self) -> sqlite3.Connection:
        connection = file.connect(self.path, self.busy_limit_s)
        try:
            if self._suspect:
                file.check(connection)
            schema.bring_up_to_date(Database(connection, execute_plugins=False))
            meanings.write(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _begun_anew(self, fault: sqlite3.Error) -> sqlite3.Connection:
        try:
            file.set_aside(self.path, fault, self.now_ns())
            self._suspect = False
            return self._opened()
        except (sqlite3.Error, OSError) as exc:
            raise OperatorError(f"cannot begin {self.path} anew: {exc}") from exc

    @contextmanager
    def _transaction(self, doing: str) -> Iterator[sqlite3.Connection]:
        with self._faults(doing):
            live = self._live
            live.execute("BEGIN IMMEDIATE")
            yield live
            live.execute("COMMIT")

    @contextmanager
    def _if_possible(self, doing: str) -> Iterator[None]:
        """What is done after a batch, and so fails none. Errors: OperatorError where the file is damaged."""
        try:
            with self._faults(doing):
                yield
        except OperatorError as fault:
            if self._suspect:
                raise
            log.warning("%s; tried again in a minute", fault)

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Undo what is open, remember that a file seems damaged, and say SQLite's errors as ours."""
        try:
            yield
        except sqlite3.Error as fault:
            self._undo()
            self._suspect = self._suspect or file.is_broken(fault)
            if isinstance(fault, REFUSED):
                raise PluginError(f"cannot {doing} {self.path}: {fault}") from fault
            raise OperatorError(f"cannot {doing} {self.path}: {fault}") from fault
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.rollback()
