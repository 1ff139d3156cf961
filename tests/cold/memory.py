"""A sink that keeps everything in memory, can fail on demand before or after it has stored, and notices repetitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import attrs
import trio

from lectr_core.model.cursor import Cursor
from lectr_core.model.record import Record

Fault = Literal["open", "before", "after", "hang", "close"]


@attrs.define(eq=False)
class Store:
    """What outlives the sink object."""

    rows: dict[str, Record] = attrs.field(factory=dict)
    """By id."""
    cursors: dict[str, Cursor] = attrs.field(factory=dict)
    repeats: int = 0
    """Records that were written although they were there."""
    writes: list[int] = attrs.field(factory=list)
    """How many records each write brought."""

    def seqs(self, stream: str) -> list[int]:
        return sorted(row.ended.begun.seq for row in self.rows.values() if row.stream == stream)


@attrs.define(eq=False)
class MemorySink:
    """Satisfies `Sink` and `History`."""

    store: Store = attrs.field(factory=Store)
    id: str = "memory"
    faults: list[Fault] = attrs.field(factory=list)
    """What the next calls do instead of working, one after the other."""
    poison: str | None = None
    """Id of a record that is refused."""
    opened: int = 0
    closed: int = 0

    def _fault(self, *kinds: Fault) -> Fault | None:
        return self.faults.pop(0) if self.faults and self.faults[0] in kinds else None

    async def open(self) -> Mapping[str, Cursor]:
        await trio.lowlevel.checkpoint()
        self.opened += 1
        if self._fault("open"):
            raise OSError("cannot open")
        return dict(self.store.cursors)

    async def write(self, records: Sequence[Record], cursors: Sequence[Cursor]) -> None:
        await trio.lowlevel.checkpoint()
        fault = self._fault("before", "after", "hang")
        if fault == "hang":
            await trio.sleep_forever()
        if fault == "before":
            raise OSError("cannot write")
        if any(record.ended.begun.id == self.poison for record in records):
            raise ValueError("a record this sink does not like")
        repeated = sum(record.ended.begun.id in self.store.rows for record in records)
        self.store.repeats += repeated
        self.store.rows.update((record.ended.begun.id, record) for record in records)
        self.store.cursors.update((cursor.stream, cursor) for cursor in cursors)
        self.store.writes.append(len(records))
        if fault == "after":
            raise OSError("stored, but the answer was lost")

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()
        self.closed += 1
        if self._fault("close"):
            raise OSError("cannot close")

    async def cursors(self) -> Mapping[str, Cursor]:
        await trio.lowlevel.checkpoint()
        return dict(self.store.cursors)

    async def count(self) -> Mapping[str, int]:
        await trio.lowlevel.checkpoint()
        return Counter(row.stream for row in self.store.rows.values())
