"""What every sink promises: records and cursors in one transaction, nothing twice, and its place found again.

Async, under Trio; call it from a test of your own. The sink is opened, closed and opened again on the same store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import trio

from lectr_core.model.cursor import Cursor
from lectr_core.model.record import Record
from lectr_core.ports import History, Sink
from lectr_core.testing.promise import must
from lectr_core.testing.samples import bare_record, sample_record

_LIMIT_S = 60


async def check_sink(make_sink: Callable[[], Sink]) -> None:
    """Write, cut off, repeat and come back. *make_sink* gives a new object on one and the same store, empty at first.

    Errors: Broken, with the promise that is not kept.
    Waits:  on the store, a minute at most.
    Cancel: the store holds some of the sample records.
    """
    with trio.fail_after(_LIMIT_S):
        await _check_writing(make_sink)
        await _check_streams(make_sink)
        await _check_cancelling(make_sink)


async def _check_writing(make_sink: Callable[[], Sink]) -> None:
    sink = make_sink()
    must(isinstance(sink, Sink), f"{type(sink).__name__} does not satisfy lectr_core.Sink")
    found = await sink.open()
    must(not found, f"an empty store must give no cursors, got {dict(found)!r}")
    records: list[Record] = [sample_record(1), bare_record(2), sample_record(3)]
    cursor = Cursor(stream="stream-a", segment=1, offset=300, highest=3, stored=3)
    await sink.write(records, [cursor])
    await _expect(sink, {"stream-a": cursor}, {"stream-a": 3})
    await sink.write(records, [cursor])
    await _expect(sink, {"stream-a": cursor}, {"stream-a": 3}, "the same records written twice must be stored once")
    await sink.close()

    again = make_sink()
    found = dict(await again.open())
    must(found == {"stream-a": cursor}, f"opened again, the sink must know its cursor {cursor!r}, got {found!r}")
    farther = attrs.evolve(cursor, segment=2, offset=0, highest=5, lost=2, finished=True)
    await again.write([], [farther])
    found = dict(await again.open())
    must(found == {"stream-a": farther}, f"a cursor that moves without records must be kept, got {found!r}")
    await again.close()


async def _check_streams(make_sink: Callable[[], Sink]) -> None:
    sink = make_sink()
    before = dict(await sink.open())
    cursors = [Cursor(stream=name, offset=200, highest=200, stored=200) for name in ("stream-b", "stream-c")]
    mixed = [sample_record(seq, stream=cursor.stream) for seq in range(1, 201) for cursor in cursors]
    await sink.write(mixed, cursors)
    expected = before | {cursor.stream: cursor for cursor in cursors}
    await _expect(sink, expected, {"stream-a": 3, "stream-b": 200, "stream-c": 200}, "two streams must not mix")
    await sink.close()


async def _check_cancelling(make_sink: Callable[[], Sink]) -> None:
    sink = make_sink()
    await sink.open()
    cursor = Cursor(stream="stream-d", offset=100, highest=50, stored=50)
    records: Sequence[Record] = [sample_record(seq, stream="stream-d") for seq in range(1, 51)]
    with trio.CancelScope() as scope:
        scope.cancel()
        await sink.write(records, [cursor])
    await sink.close()

    again = make_sink()
    found = dict(await again.open()).get("stream-d")
    must(found in (None, cursor), f"a cancelled write must keep all or nothing, got cursor {found!r}")
    if isinstance(again, History):
        stored = dict(await again.count()).get("stream-d", 0)
        both = stored == (50 if found else 0)
        must(both, f"a cancelled write kept {stored} of 50 rows and cursor {found!r}; rows and cursor go together")
    await again.write(records, [cursor])
    found = dict(await again.open()).get("stream-d")
    must(found == cursor, f"after a cancelled write, the same write must go through, got cursor {found!r}")
    await again.close()


async def _expect(
    sink: Sink, cursors: dict[str, Cursor], rows: dict[str, int], promise: str = "what is written is kept"
) -> None:
    if isinstance(sink, History):
        found, counted = dict(await sink.cursors()), dict(await sink.count())
        must(found == cursors, f"{promise}: cursors are {found!r}, not {cursors!r}")
        must(counted == rows, f"{promise}: rows are {counted!r}, not {rows!r}")
