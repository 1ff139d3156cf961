"""The proof that no record is missing: for each sink and stream, what was accepted against what became of it.

Reads the journal and asks the sinks, changes nothing, and may run beside a cold process at work. The sum

    accepted = stored + waiting + in flight + lost

is checked with *stored* counted in the sink's rows themselves, not taken from the cursor that claims it. Never here: words
for people, exit codes (the command `lectr verify` in assembly). Called by it, and by the demo's summary.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
import trio

from lectr_core.journal.finished import Held, read_finished
from lectr_core.journal.layout import stream_names
from lectr_core.journal.reader import StreamReader
from lectr_core.journal.recovery import is_writer_gone, told_highest
from lectr_core.model.cursor import Cursor
from lectr_core.ports import Gaps, History, Remarks, Sink, Snapshots

# A sink at work moves on while it is counted; asked again a moment later it stands still long enough.
_TRIES: Final = 20
_PAUSE_S: Final = 0.05
_BATCH: Final = 1000
GAPS_LIMIT_S: Final = 5.0
FORGOTTEN: Final = "it was removed, emptied, replaced or put back from a copy"


@attrs.frozen(kw_only=True)
class StreamProof:
    """One stream as one sink has it."""

    sink: str
    stream: str
    accepted: int
    """Sequence numbers that the worker gave out, as far as journal and cursor know."""
    stored: int
    """Rows in the sink, those included that its retention removed since."""
    claimed: int
    """Records handed over, by the cursor: equal to *stored*, or something is wrong in the sink."""
    waiting: int
    """Not stored yet: an end without a row, a request that its dead worker never ended, a line in its worker's memory."""
    in_flight: int
    """Begun, not ended, and the worker lives."""
    lost: int
    """Known to have left no record."""
    damaged: int = 0
    """Lines of the journal that were not what had been written. What they cost is in *lost*, or became `interrupted`."""
    is_forgotten: bool = False
    """The sink had stored more of it than it knows of: it was emptied, or put back from an older copy."""

    @property
    def is_balanced(self) -> bool:
        """Whether every sequence number is accounted for, once."""
        return self.stored == self.claimed and self.missing == 0 and self.lost >= 0

    @property
    def missing(self) -> int:
        """Records that nothing accounts for; negative where there are too many."""
        return self.accepted - self.stored - self.waiting - self.in_flight - self.lost


@attrs.frozen(kw_only=True)
class SinkProof:
    """One sink: all its streams and their sums."""

    sink: str
    streams: tuple[StreamProof, ...]
    fault: str | None = None
    """Why the sink could not be asked; then there are no streams."""
    gaps: tuple[str, ...] = ()
    """What the sink held once and lost, by its own word: no count shows it, so nothing is proved."""

    @property
    def is_balanced(self) -> bool:
        """Whether all is accounted for. A sink that cannot be asked proves nothing."""
        return self.fault is None and not self.gaps and all(stream.is_balanced for stream in self.streams)

    @property
    def accepted(self) -> int:
        return sum(stream.accepted for stream in self.streams)

    @property
    def stored(self) -> int:
        return sum(stream.stored for stream in self.streams)

    @property
    def waiting(self) -> int:
        return sum(stream.waiting for stream in self.streams)

    @property
    def in_flight(self) -> int:
        return sum(stream.in_flight for stream in self.streams)

    @property
    def lost(self) -> int:
        return sum(stream.lost for stream in self.streams)

    @property
    def damaged(self) -> int:
        return sum(stream.damaged for stream in self.streams)

    @property
    def forgotten(self) -> int:
        """Records that it had stored and does not know of any more."""
        return sum(stream.missing for stream in self.streams if stream.is_forgotten)

    @property
    def missing(self) -> int:
        return sum(abs(stream.missing) for stream in self.streams)


@attrs.frozen(kw_only=True)
class Proof:
    """All sinks that can be asked."""

    sinks: tuple[SinkProof, ...]
    silent: tuple[str, ...]
    """Sinks that cannot say what they hold (they are no `History`)."""

    @property
    def is_balanced(self) -> bool:
        """Whether no record is missing or double anywhere."""
        return all(sink.is_balanced for sink in self.sinks)


async def prove(journal: Path, sinks: Sequence[Sink]) -> Proof:
    """Count everything. Waits: on each sink in turn, and for one at work to hold still for a moment."""
    able = [sink for sink in sinks if isinstance(sink, History)]
    return Proof(
        sinks=tuple([await _prove_sink(journal, sink.id, sink) for sink in able]),
        silent=tuple(sink.id for sink in sinks if not isinstance(sink, History)),
    )


async def ask_gaps(sinks: Sequence[Sink]) -> list[tuple[str, str, bool]]:
    """What the sinks say they lost. Waits: on each, GAPS_LIMIT_S at most.

    Shapes: (sink, line, whether the sink said so); False: it could not be asked, and the line says why.
    """
    found = []
    for sink in sinks:
        if isinstance(sink, Gaps):
            gaps, could = await _asked(sink.gaps, "cannot say what it lost")
            found += [(sink.id, gap, could) for gap in gaps]
    return found


async def ask_remarks(sinks: Sequence[Sink]) -> list[tuple[str, str]]:
    """What the sinks say should be looked at. Waits: on each, GAPS_LIMIT_S at most. Shapes: (sink, line)."""
    found = []
    for sink in sinks:
        if isinstance(sink, Remarks):
            remarks, _ = await _asked(sink.remarks, "cannot say how it stands")
            found += [(sink.id, remark) for remark in remarks]
    return found


async def ask_forgotten(journal: Path, sinks: Sequence[Sink]) -> list[tuple[str, str, bool]]:
    """Who had stored records of workers long gone and knows of them no more. Waits and Shapes: as `ask_gaps`."""
    found = []
    for sink in sinks:
        if isinstance(sink, History):
            try:
                finished = read_finished(journal, sink.id)
                with trio.fail_after(GAPS_LIMIT_S):
                    cursors = await sink.cursors()
            except Exception as exc:  # noqa: BLE001 - as in _prove_sink
                found.append((sink.id, f"cannot say what it holds: {type(exc).__name__}", False))
                continue
            known = {stream: cursor.stored for stream, cursor in cursors.items()}
            missing = sum(max(0, held.stored - known.get(stream, 0)) for stream, held in finished.items())
            if missing:
                found.append((sink.id, f"{missing} records that it had stored are not in it any more: {FORGOTTEN}", True))
    return found


async def _asked(question: Callable[[], Awaitable[Sequence[str]]], else_said: str) -> tuple[Sequence[str], bool]:
    """Its answer, and whether there was one."""
    try:
        with trio.fail_after(GAPS_LIMIT_S):
            return await question(), True
    except Exception as exc:  # noqa: BLE001 - as in _prove_sink
        return (f"{else_said}: {type(exc).__name__}",), False


async def _prove_sink(journal: Path, name: str, sink: History) -> SinkProof:
    try:
        streams = await _prove_streams(journal, name, sink)
        gaps = tuple(await sink.gaps()) if isinstance(sink, Gaps) else ()
    except Exception as exc:  # noqa: BLE001 - a sink is a plugin: one that is down must not hide what the others prove
        return SinkProof(sink=name, streams=(), fault=" ".join(f"{type(exc).__name__}: {exc}".split())[:300])
    return SinkProof(sink=name, streams=streams, gaps=gaps)


async def _prove_streams(journal: Path, name: str, sink: History) -> tuple[StreamProof, ...]:
    """Count all streams of one sink, at a moment at which it did not move, or as of one moment where it can say that."""
    for _ in range(_TRIES):
        finished = read_finished(journal, name)  # before the sink is asked: it has had all of that already
        if isinstance(sink, Snapshots):
            cursors, rows = await sink.snapshot()
            holds_still = True
        else:
            cursors, rows = await sink.cursors(), await sink.count()
            holds_still = await sink.cursors() == cursors
        proofs, is_moving = _count(journal, name, cursors, rows, finished)
        if holds_still and not is_moving:
            break
        await trio.sleep(_PAUSE_S)
    return proofs


def _count(
    journal: Path, name: str, cursors: Mapping[str, Cursor], rows: Mapping[str, int], finished: Mapping[str, Held]
) -> tuple[tuple[StreamProof, ...], bool]:
    """Every stream that is known to journal, cursors or rows; and whether files went while they were read."""
    there = stream_names(journal)
    proofs = []
    is_moving = False
    for stream in sorted({*there, *cursors, *rows, *finished}):
        cursor = cursors.get(stream, Cursor(stream=stream))
        waiting = in_flight = in_memory = 0
        held = finished.get(stream)
        if held is not None and held.stored > cursor.stored and stream not in there:
            proofs.append(_forgotten(name, stream, held, rows.get(stream, 0)))
            continue
        if stream in there and not (cursor.finished and is_writer_gone(journal / stream)):
            try:
                cursor, waiting, in_flight = _read_on(journal / stream, cursor)
                in_memory = max(0, told_highest(journal / stream) - cursor.highest)
            except OSError:
                is_moving = True
        proofs.append(
            StreamProof(
                sink=name,
                stream=stream,
                accepted=cursor.highest + in_memory,
                stored=rows.get(stream, 0),
                claimed=cursor.stored - waiting,
                waiting=waiting + in_memory,
                in_flight=in_flight,
                lost=cursor.lost,
                damaged=cursor.damaged,
            )
        )
    return tuple(proofs), is_moving


def _forgotten(name: str, stream: str, held: Held, rows: int) -> StreamProof:
    return StreamProof(
        sink=name,
        stream=stream,
        accepted=held.highest,
        stored=rows,
        claimed=held.stored,
        waiting=0,
        in_flight=0,
        lost=held.lost,
        is_forgotten=True,
    )


def _read_on(stream: Path, cursor: Cursor) -> tuple[Cursor, int, int]:
    """Read all that a sink with this cursor has not got: where that ends, how many records wait, how many are in flight."""
    waiting = 0
    with StreamReader(stream, cursor) as reader:
        while True:
            batch = reader.read(_BATCH)
            waiting += len(batch.ended)
            if not batch.ended or batch.cursor.finished:
                return batch.cursor, waiting, reader.in_flight
