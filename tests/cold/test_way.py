"""The cold process as a whole, on Trio's mock clock: each sink at its own pace, files freed, one process at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from lectr_core.cold import way
from lectr_core.cold.deliver import CALL_LIMIT_S
from lectr_core.cold.standing import SinkStanding, Standing
from lectr_core.errors import OperatorError
from lectr_core.journal.layout import segment_numbers, stream_names
from lectr_core.journal.writer import Writer
from lectr_core.model.cursor import Cursor
from lectr_core.model.record import Record
from tests.cold.memory import MemorySink, Store
from tests.cold.traffic import begun, ended, home, kill, write_whole


@attrs.define
class Cold:
    """A cold process under test."""

    told: list[Standing] = attrs.field(factory=list)

    def sink(self, number: int = 0) -> SinkStanding:
        return self.told[-1].sinks[number]


@asynccontextmanager
async def running(data: Path, sinks: Sequence[MemorySink]) -> AsyncIterator[Cold]:
    cold = Cold()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: way.run(data, sinks, [], health=cold.told.append))
        yield cold
        nursery.cancel_scope.cancel()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def out(data: Path) -> Writer:
    return Writer(data / "journal", segment_bytes=10_000)


async def test_a_record_is_stored_well_within_a_second(
    data: Path, out: Writer, autojump_clock: trio.testing.MockClock
) -> None:
    sink = MemorySink()
    async with running(data, [sink]) as cold:
        await trio.sleep(1)
        out.begun(begun(out, out.next_seq()))
        await trio.sleep(0.3)
        assert sink.store.rows == {}
        out.ended(ended(out, 1))
        await trio.sleep(0.3)
        assert sink.store.seqs(out.stream) == [1]
        write_whole(out, 50)
        out.begun(begun(out, out.next_seq()))
        await trio.sleep(2)
        assert (cold.sink().stored, cold.sink().in_flight, cold.sink().lost) == (51, 1, 0)
        assert (cold.sink().state, cold.sink().behind_s, cold.told[-1].caught_up, cold.told[-1].is_well) == (
            "following",
            0.0,
            True,
            True,
        )
    out.close()
    assert sink.closed == 1


async def test_what_all_sinks_have_stored_is_removed_and_nothing_else(
    data: Path, out: Writer, autojump_clock: trio.testing.MockClock
) -> None:
    slow = MemorySink(faults=["open"] * 5, id="slow")
    async with running(data, [MemorySink(), slow]):
        write_whole(out, 60)
        there = segment_numbers(home(out))
        await trio.sleep(2)
        assert segment_numbers(home(out)) == there, "one sink has not said how far it is"
        await trio.sleep(30)
        assert segment_numbers(home(out)) == there[-1:]
        kill(out)
        await trio.sleep(2)
        assert stream_names(data / "journal") == []
    assert slow.store.seqs(out.stream) == list(range(1, 61))


async def test_without_a_sink_nothing_is_removed(data: Path, out: Writer, autojump_clock: trio.testing.MockClock) -> None:
    write_whole(out, 60)
    out.close()
    async with running(data, []):
        await trio.sleep(10)
    assert len(segment_numbers(home(out))) > 5


async def test_a_sink_that_raises_or_hangs_holds_up_only_itself(
    data: Path, out: Writer, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = MemorySink(id="good"), MemorySink(id="bad", faults=["before", "after", "open", "hang"])
    async with running(data, [good, bad]) as cold:
        write_whole(out, 5)
        await trio.sleep(0.5)
        assert good.store.seqs(out.stream) == [1, 2, 3, 4, 5]
        await trio.sleep(2)
        assert bad.store.seqs(out.stream) == [1, 2, 3, 4, 5], "stored with the fault that came after"
        write_whole(out, 5)
        await trio.sleep(10)
        assert cold.sink(1).busy_s > 5, "a sink that hangs is seen to"
        assert not cold.told[-1].caught_up
        await trio.sleep(CALL_LIMIT_S)
        assert bad.store.seqs(out.stream) == list(range(1, 11))
        assert (cold.sink(1).failures, cold.sink(1).last_fault) == (0, "no answer within 60 s")
    assert (good.store.repeats, bad.store.repeats) == (0, 0)
    assert all("sink bad failed" in record.message for record in caplog.records)
    out.close()


async def test_the_pause_after_failures_grows_up_to_half_a_minute(
    data: Path, out: Writer, autojump_clock: trio.testing.MockClock
) -> None:
    sink = MemorySink(faults=["open"] * 10_000)
    async with running(data, [sink]) as cold:
        await trio.sleep(60)
        assert 7 <= sink.opened <= 10
        before = sink.opened
        await trio.sleep(300)
        assert sink.opened - before == 10
        assert cold.sink().state == "failing"
        assert cold.sink().behind_s > 300
        assert not cold.told[-1].is_well
    out.close()


async def test_a_record_that_a_sink_refuses_is_named_and_all_before_it_is_stored(
    data: Path, out: Writer, autojump_clock: trio.testing.MockClock
) -> None:
    sink = MemorySink(poison=ended(out, 20).begun.id)
    async with running(data, [sink]) as cold:
        write_whole(out, 30)
        await trio.sleep(600)
        assert sink.store.seqs(out.stream) == list(range(1, 20))
        assert cold.sink().blocked_by == sink.poison
        assert cold.sink().batch_limit == 1
        with Writer(data / "journal") as other:
            write_whole(other, 3)
        sink.poison = None
        await trio.sleep(60)
        assert sink.store.seqs(out.stream) == list(range(1, 31))
        assert sink.store.seqs(other.stream) == [1, 2, 3]
        assert (cold.sink().blocked_by, cold.sink().failures) == (None, 0)
    out.close()


async def test_a_store_that_takes_nothing_blames_no_record(
    data: Path, out: Writer, autojump_clock: trio.testing.MockClock
) -> None:
    class Locked(MemorySink):
        async def write(self, records: Sequence[Record], cursors: Sequence[Cursor]) -> None:
            raise OperatorError("locked")

    async with running(data, [Locked()]) as cold:
        write_whole(out, 30)
        await trio.sleep(600)
        assert (cold.sink().batch_limit, cold.sink().blocked_by) == (1, None)
        assert cold.sink().last_fault == "OperatorError: locked"
    out.close()


async def test_large_backlogs_go_in_batches(data: Path, out: Writer, autojump_clock: trio.testing.MockClock) -> None:
    sink = MemorySink()
    write_whole(out, 2_500)
    async with running(data, [sink]):
        await trio.sleep(1)
    assert sink.store.writes == [1000, 1000, 500]
    out.close()


async def test_a_second_cold_process_waits_for_the_first(
    data: Path, out: Writer, autojump_clock: trio.testing.MockClock
) -> None:
    store = Store()
    first, second = MemorySink(store), MemorySink(store)
    async with running(data, [first]):
        await trio.sleep(1)
        async with running(data, [second]) as waiting:
            await trio.sleep(5)
            write_whole(out, 3)
            await trio.sleep(2)
            assert waiting.told[-1].waits_for_other
            assert not waiting.told[-1].caught_up
            assert (first.opened, second.opened) == (1, 0)
    async with running(data, [second]) as alone:
        await trio.sleep(2)
        assert not alone.told[-1].waits_for_other
    assert (store.seqs(out.stream), store.repeats) == ([1, 2, 3], 0)
    out.close()


async def test_a_stream_whose_files_somebody_removed_is_finished_with_what_is_missing_lost(
    data: Path, autojump_clock: trio.testing.MockClock
) -> None:
    sink = MemorySink(Store(cursors={"gone": Cursor(stream="gone", offset=10, highest=7, stored=4)}))
    async with running(data, [sink]) as cold:
        await trio.sleep(2)
        assert cold.sink().lost == 3
    assert sink.store.cursors["gone"] == Cursor(stream="gone", offset=10, highest=7, stored=4, lost=3, finished=True)


async def test_a_stream_that_cannot_be_read_holds_up_no_other(
    data: Path, out: Writer, autojump_clock: trio.testing.MockClock
) -> None:
    broken = data / "journal" / "00000000-broken" / "000001.log"
    broken.mkdir(parents=True)
    sink = MemorySink()
    async with running(data, [sink]) as cold:
        write_whole(out, 3)
        await trio.sleep(2)
        assert sink.store.seqs(out.stream) == [1, 2, 3]
        assert cold.sink().unreadable == ("00000000-broken",)
        assert not cold.told[-1].is_well
    out.close()


async def test_damaged_lines_are_shown(data: Path, out: Writer, autojump_clock: trio.testing.MockClock) -> None:
    with open(home(out) / "000001.log", "ab") as file:
        file.write(b"nonsense\n")
    async with running(data, [MemorySink()]) as cold:
        await trio.sleep(2)
        assert cold.sink().damaged == 1
        kill(out)
        await trio.sleep(2)
        assert cold.sink().damaged == 1


async def test_a_sink_that_cannot_close_does_not_hinder_the_end(data: Path, autojump_clock: trio.testing.MockClock) -> None:
    sink = MemorySink(faults=["close"])
    async with running(data, [sink]):
        await trio.sleep(1)
    assert sink.closed == 1


async def test_a_health_file_that_cannot_be_written_stops_nothing(
    data: Path, out: Writer, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Standing) -> None:
        raise OSError(28, "no space left")

    sink = MemorySink()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: way.run(data, [sink], [], health=refuse))
        write_whole(out, 2)
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert sink.store.seqs(out.stream) == [1, 2]
    assert caplog.text.count("cannot say how the cold process stands: no space left") == 1, "not once a second"
    out.close()
