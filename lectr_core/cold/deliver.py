"""One sink's way through the journal: collect records from all streams, account for them, hand them over with cursors.

What makes each record arrive once: a parcel's cursors stand exactly behind its records, and the sink stores both in one
transaction (reader, I1). After any failure nothing is assumed: the sink is asked again how far it is, and the journal is
read from there. Never here: loops, pauses, catching what a sink raises (`way.py`). Called by `way.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Literal

import attrs
import trio

from lectr_core.cold.account import NONE_WAITS, IsFirst, Waiting, account, always_first
from lectr_core.cold.calibration import Calibration
from lectr_core.cold.measure import told_or_measured
from lectr_core.cold.prices import PriceDesk
from lectr_core.cold.standing import SinkStanding
from lectr_core.errors import OperatorError
from lectr_core.journal.layout import stream_names
from lectr_core.journal.reader import Batch, StreamReader
from lectr_core.journal.recovery import is_writer_gone
from lectr_core.model.cursor import Cursor
from lectr_core.model.record import Account, Ended, Record
from lectr_core.ports import KeepsAccuracy, KeepsPrices, ShowsInFlight, Sink

_log = logging.getLogger("lectr.cold")

BATCH_LIMIT: Final = 1000
"""Records per write. A store's transaction costs milliseconds whatever its size; a thousand records make that nothing."""
CALL_LIMIT_S: Final = 60.0
"""For one call of a sink; then it counts as failed."""
TELL_EVERY_S: Final = 1.0
"""Between two times that a sink is told of requests in flight."""
ACCURACY_EVERY_S: Final = 10.0
"""Between two times that a sink is told how well tokens are predicted."""
MOST_SHOWN: Final = 5_000
"""Requests in flight that a sink is told of: the newest. More on one machine are for a number, not for a list."""
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 30.0

# Accounting takes some 20 µs a record: other sinks' tasks get their turn every 2 ms.
_TURN = 100


@attrs.frozen
class Parcel:
    """What goes to a sink in one write."""

    records: list[Record]
    cursors: list[Cursor]
    is_full: bool
    """There may be more in the journal right now."""


@attrs.define(eq=False)
class Delivery:
    """Holds one sink, its readers and how it stands."""

    sink: Sink
    journal: Path
    desk: PriceDesk
    clock: Callable[[], float] = trio.current_time
    """Monotonic, in seconds."""
    is_first: IsFirst = always_first
    """Which record counts what several may report: `Counted.is_first`."""
    waiting: Waiting = NONE_WAITS
    """Which records are open until then: `Counted`."""
    calibration: Calibration = attrs.field(factory=Calibration)
    """What reported requests say of those that report nothing."""
    teaches: bool = True
    """Whether the calibration learns from what passes here: of several sinks that get the same records, one does."""
    stored: dict[str, Cursor] | None = attrs.field(init=False, default=None)
    """How far each stream is stored, as the sink itself said or confirmed; None until it has said so."""
    failures: int = attrs.field(init=False, default=0)
    _state: Literal["opening", "following", "failing"] = attrs.field(init=False, default="opening")
    _readers: dict[str, StreamReader] = attrs.field(init=False, factory=dict)
    _limit: int = attrs.field(init=False, default=BATCH_LIMIT)
    _turn: int = attrs.field(init=False, default=0)
    _handing: Parcel | None = attrs.field(init=False, default=None)
    _blocked_by: str | None = attrs.field(init=False, default=None)
    _last_fault: str | None = attrs.field(init=False, default=None)
    _stored_count: int = attrs.field(init=False, default=0)
    _unreadable: set[str] = attrs.field(init=False, factory=set)
    _caught_up_at: float = attrs.field(init=False)
    _is_caught_up: bool = attrs.field(init=False, default=False)
    _busy_since: float | None = attrs.field(init=False, default=None)
    _told_at: float = attrs.field(init=False, default=-TELL_EVERY_S)
    _showed: bool = attrs.field(init=False, default=False)  # whether the sink shows any request as in flight
    _prices_kept: int = attrs.field(init=False, default=0)
    _accuracy_of: int = attrs.field(init=False, default=0)  # the state of the calibration that the sink was told
    _accuracy_at: float = attrs.field(init=False, default=-ACCURACY_EVERY_S)

    def __attrs_post_init__(self) -> None:
        self._caught_up_at = self.clock()

    # ── the three steps ───────────────────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Make the sink ready and ask it how far it is. Waits: on the sink, CALL_LIMIT_S at most."""
        self._state = "opening" if self.failures == 0 else "failing"
        self._drop_readers()
        self._prices_kept, self._showed = 0, True
        self._busy_since = self.clock()
        with trio.fail_after(CALL_LIMIT_S):
            self.stored = dict(await self.sink.open())
        self._busy_since = None
        gone = self._gone()
        if gone.cursors:
            await self.hand_over(gone)

    async def collect(self) -> Parcel:
        """Read what is new and account for it. Waits: never long; gives others a turn."""
        batches = self._read()
        records: list[Record] = []
        for batch in batches:
            for ended in batch.ended:
                if len(records) % _TURN == 0:
                    await trio.lowlevel.checkpoint()
                records.append(Record(stream=batch.cursor.stream, ended=ended, account=self._account(ended)))
        cursors = [batch.cursor for batch in batches if self._is_news(batch)]
        return Parcel(records, cursors, is_full=len(records) >= self._limit)

    async def hand_over(self, parcel: Parcel) -> None:
        """Let the sink store *parcel*. Waits: on the sink, CALL_LIMIT_S at most. Cancel: it is stored, or it is not."""
        assert self.stored is not None, "a sink is opened before it is handed anything"
        if parcel.records or parcel.cursors:
            self._handing, self._busy_since, self._is_caught_up = parcel, self.clock(), False
            with trio.fail_after(CALL_LIMIT_S):
                await self.sink.write(parcel.records, parcel.cursors)
            self._handing = self._busy_since = None
            self.stored.update((cursor.stream, cursor) for cursor in parcel.cursors)
            self._stored_count += len(parcel.records)
            await self._learn(parcel.records)
            self._limit = min(self._limit * 2, BATCH_LIMIT)
        self.failures, self._blocked_by, self._state = 0, None, "following"
        self._forget(cursor.stream for cursor in parcel.cursors if cursor.finished)
        self._is_caught_up = not parcel.is_full and not self._unreadable
        if self._is_caught_up:
            self._caught_up_at = self.clock()

    async def tell(self) -> None:
        """Tell the sink what else it may want to know, once a second: requests in flight, prices new to it.

        Waits: on the sink, CALL_LIMIT_S at most. Cancel: it knows, or it does not.
        """
        now = self.clock()
        if now - self._told_at < TELL_EVERY_S:
            return
        self._told_at = now
        with trio.fail_after(CALL_LIMIT_S):
            if isinstance(self.sink, ShowsInFlight):
                begun = [one for reader in self._readers.values() for one in reader.open_requests]
                if begun or self._showed:
                    await self.sink.show_in_flight(begun[-MOST_SHOWN:])
                    self._showed = bool(begun)
            if isinstance(self.sink, KeepsPrices) and len(self.desk.used) > self._prices_kept:
                prices = list(self.desk.used.values())
                await self.sink.keep_prices(prices[self._prices_kept :])
                self._prices_kept = len(prices)
            is_news = self.calibration.learnt != self._accuracy_of and now - self._accuracy_at >= ACCURACY_EVERY_S
            if is_news and isinstance(self.sink, KeepsAccuracy):
                self._accuracy_at, learnt = now, self.calibration.learnt
                await self.sink.keep_accuracy(self.calibration.told())
                self._accuracy_of = learnt

    # ── when it goes wrong, and how it stands ─────────────────────────────────────────────────────────────────────────

    def failed(self, fault: Exception) -> float:
        """Take note of a failure, and log it; return how long to pause, in seconds.

        Where a write fails, the next one is smaller, down to a single record: then all that can be stored is stored, and
        the record that cannot is named. A store that is locked, full or away is no fault of the record that comes next.
        """
        self.failures += 1
        self._state, self._is_caught_up, self._busy_since = "failing", False, None
        self._last_fault = " ".join(f"{type(fault).__name__}: {fault}".split())[:300]
        if isinstance(fault, trio.TooSlowError):
            self._last_fault = f"no answer within {CALL_LIMIT_S:.0f} s"
        if self._handing is not None:
            if len(self._handing.records) == 1 and not isinstance(fault, (OperatorError, trio.TooSlowError)):
                self._blocked_by = self._handing.records[0].ended.begun.id
            self._limit = max(1, self._limit // 4)
            self._handing = None
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self.failures, 20))
        name, count, what = self.sink.id, self.failures, self._last_fault
        _log.warning("sink %s failed (%d in a row), next try in %.1f s: %s", name, count, pause_s, what)
        return pause_s

    async def close(self) -> None:
        """Let go of files and sink. Waits: on the sink."""
        self._drop_readers()
        await self.sink.close()

    def standing(self) -> SinkStanding:
        """How it stands now."""
        now = self.clock()
        return SinkStanding(
            id=self.sink.id,
            state=self._state,
            caught_up=self._is_caught_up,
            behind_s=0.0 if self._is_caught_up else round(now - self._caught_up_at, 3),
            busy_s=0.0 if self._busy_since is None else round(now - self._busy_since, 3),
            stored=self._stored_count,
            in_flight=sum(reader.in_flight for reader in self._readers.values()),
            lost=sum(cursor.lost for cursor in (self.stored or {}).values()),
            damaged=sum(cursor.damaged for cursor in (self.stored or {}).values()),
            failures=self.failures,
            last_fault=self._last_fault,
            batch_limit=self._limit,
            blocked_by=self._blocked_by,
            unreadable=tuple(sorted(self._unreadable)),
        )

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _account(self, ended: Ended) -> Account:
        accounted = account(ended, self.desk.find, self.is_first, self.waiting)
        return told_or_measured(ended, accounted, self.desk.find, self.calibration)

    async def _learn(self, records: Sequence[Record]) -> None:
        """Learn from what is stored, so that a write tried again teaches nothing twice. Waits: gives others a turn."""
        for number, record in enumerate(records if self.teaches else ()):
            if number % _TURN == 0:
                await trio.lowlevel.checkpoint()
            self.calibration.learn(record.ended, record.account)

    def _read(self) -> list[Batch]:
        """A batch from each stream that has something, up to the limit in all; another stream goes first each time."""
        names = stream_names(self.journal)
        self._turn += 1
        first = self._turn % max(1, len(names))
        batches: list[Batch] = []
        found = 0
        for name in names[first:] + names[:first]:
            if found >= self._limit:
                break
            try:
                reader = self._reader(name)
                if reader is None:
                    continue
                batch = reader.read(self._limit - found)
                self._unreadable.discard(name)
            except OSError:
                self._unreadable.add(name)
                self._forget([name])  # and tried anew, from what is stored
                continue
            found += len(batch.ended)
            batches.append(batch)
        self._unreadable.intersection_update(names)
        return batches

    def _reader(self, name: str) -> StreamReader | None:
        """The reader of a stream; None where all of it is stored and it only waits to be removed."""
        assert self.stored is not None, "a sink is opened before the journal is read for it"
        reader = self._readers.get(name)
        if reader is None:
            cursor = self.stored.get(name, Cursor(stream=name))
            if cursor.finished and is_writer_gone(self.journal / name):
                return None
            reader = self._readers[name] = StreamReader(self.journal / name, cursor)
        return reader

    def _is_news(self, batch: Batch) -> bool:
        """Whether the store should know of the cursor. One that only passed `begun` lines may be found again."""
        assert self.stored is not None, "a sink is opened before the journal is read for it"
        cursor, before = batch.cursor, self.stored.get(batch.cursor.stream)
        if batch.ended or cursor.finished or before is None:
            return True
        return (before.segment, before.damaged) != (cursor.segment, cursor.damaged)

    def _gone(self) -> Parcel:
        """Streams that the sink has not finished but whose files somebody removed: what is missing of them is lost."""
        assert self.stored is not None, "a sink is opened before the journal is read for it"
        there = set(stream_names(self.journal))
        gone = [cursor for name, cursor in self.stored.items() if not cursor.finished and name not in there]
        return Parcel(
            [],
            [attrs.evolve(cursor, finished=True, lost=cursor.highest - cursor.stored) for cursor in gone],
            is_full=False,
        )

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            reader = self._readers.pop(name, None)
            if reader is not None:
                reader.close()

    def _drop_readers(self) -> None:
        self._forget(list(self._readers))
