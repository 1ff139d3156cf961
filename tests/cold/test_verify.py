"""The proof: balanced where all is there, and not where a record is missing or double."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import pytest

from lectr_core.cold.deliver import Delivery
from lectr_core.cold.free import free_now
from lectr_core.cold.prices import PriceDesk
from lectr_core.cold.verify import StreamProof, ask_forgotten, prove
from lectr_core.journal.finished import FINISHED
from lectr_core.journal.writer import Writer
from lectr_core.model.cursor import Cursor
from tests.cold.memory import MemorySink, Store
from tests.cold.traffic import begun, kill, write_whole
from tests.journal.disk import fit


async def deliver(journal: Path, sink: MemorySink) -> None:
    delivery = Delivery(sink, journal, PriceDesk([]))
    await delivery.open()
    await delivery.hand_over(await delivery.collect())
    delivery._drop_readers()


async def one(journal: Path, sink: MemorySink) -> StreamProof:
    (stream,) = (await prove(journal, [sink])).sinks[0].streams
    return stream


async def test_each_record_is_counted_where_it_is(tmp_path: Path) -> None:
    sink, out = MemorySink(), Writer(tmp_path)
    write_whole(out, 3)
    await deliver(tmp_path, sink)
    write_whole(out, 2)
    out.begun(begun(out, out.next_seq()))
    out.next_seq()
    write_whole(out, 1)
    found = await one(tmp_path, sink)
    assert found == StreamProof(
        sink="memory", stream=out.stream, accepted=8, stored=3, claimed=3, waiting=3, in_flight=1, lost=1
    )
    assert found.is_balanced
    kill(out)
    found = await one(tmp_path, sink)
    assert (found.waiting, found.in_flight, found.is_balanced) == (4, 0, True)
    await deliver(tmp_path, sink)
    proof = await prove(tmp_path, [sink])
    (total,) = proof.sinks
    assert (total.accepted, total.stored, total.waiting, total.in_flight, total.lost, total.missing) == (8, 7, 0, 0, 1, 0)
    assert proof.is_balanced


async def test_a_row_that_vanished_or_came_twice_is_noticed(tmp_path: Path) -> None:
    sink, out = MemorySink(), Writer(tmp_path)
    write_whole(out, 3)
    await deliver(tmp_path, sink)
    gone = sink.store.rows.popitem()
    assert (await one(tmp_path, sink)).missing == 1
    assert not (await prove(tmp_path, [sink])).is_balanced
    sink.store.rows |= {gone[0]: gone[1], "again": gone[1]}
    found = await prove(tmp_path, [sink])
    assert found.sinks[0].streams[0].missing == -1
    assert (found.sinks[0].missing, found.is_balanced) == (1, False)
    out.close()


async def test_what_waits_in_a_workers_memory_is_counted_as_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink, out = MemorySink(), Writer(tmp_path)
    write_whole(out, 2)
    await deliver(tmp_path, sink)
    disk = fit(monkeypatch)
    disk.room = 0
    write_whole(out, 3)
    out.flush_now()
    found = await one(tmp_path, sink)
    assert (found.accepted, found.stored, found.waiting, found.lost, found.is_balanced) == (5, 2, 3, 0, True)
    disk.room = None
    out.close()
    found = await one(tmp_path, sink)
    assert (found.accepted, found.stored, found.waiting, found.lost, found.is_balanced) == (5, 2, 3, 0, True)


async def test_damaged_lines_are_counted_whether_they_are_stored_or_wait(tmp_path: Path) -> None:
    sink, out = MemorySink(), Writer(tmp_path)
    write_whole(out, 2)
    os.write(out._file, b"e 00000000 {}\n")
    assert (await one(tmp_path, sink)).damaged == 1
    await deliver(tmp_path, sink)
    os.write(out._file, b"b 00000000 {}\n")
    write_whole(out, 1)
    assert (await one(tmp_path, sink)).damaged == 2
    await deliver(tmp_path, sink)
    kill(out, b"e 0000")
    await deliver(tmp_path, sink)
    (total,) = (await prove(tmp_path, [sink])).sinks
    assert (total.stored, total.damaged, total.is_balanced) == (3, 3, True)


async def test_a_cursor_that_claims_too_much_is_noticed(tmp_path: Path) -> None:
    sink = MemorySink(Store(cursors={"gone": Cursor(stream="gone", highest=5, stored=6, lost=-1, finished=True)}))
    assert not (await prove(tmp_path, [sink])).is_balanced


async def test_no_journal_and_no_rows_is_balanced(tmp_path: Path) -> None:
    assert (await prove(tmp_path / "none", [MemorySink()])).is_balanced


async def test_a_sink_that_is_down_hides_nothing_of_the_others(tmp_path: Path) -> None:
    class Down(MemorySink):
        async def cursors(self) -> Mapping[str, Cursor]:
            raise OSError("no\nconnection")

    proof = await prove(tmp_path, [Down(id="down"), MemorySink(id="good")])
    down, good = proof.sinks
    assert (down.fault, down.is_balanced) == ("OSError: no connection", False)
    assert good.is_balanced
    assert not proof.is_balanced
    assert await ask_forgotten(tmp_path, [Down(id="down")]) == [("down", "cannot say what it holds: OSError", False)]


async def test_a_store_that_lost_what_it_held_proves_nothing(tmp_path: Path) -> None:
    class Scarred(MemorySink):
        async def gaps(self) -> Sequence[str]:
            return ("a file was moved aside",)

    proof = await prove(tmp_path, [Scarred()])
    assert proof.sinks[0].gaps == ("a file was moved aside",)
    assert not proof.is_balanced


async def test_a_store_put_back_from_an_older_copy_misses_what_came_since(tmp_path: Path) -> None:
    """The files of those workers are gone, so that only what was noted of them can tell."""
    sink, copy = MemorySink(), Store()
    for count in (3, 4):
        out = Writer(tmp_path)
        write_whole(out, count)
        out.close()
        await deliver(tmp_path, sink)
        free_now(tmp_path, [sink.store.cursors], [sink.id])
        if count == 3:
            copy = Store(dict(sink.store.rows), dict(sink.store.cursors))
    assert (await prove(tmp_path, [sink])).is_balanced
    assert await ask_forgotten(tmp_path, [sink]) == []
    for there, missing in ((copy, 4), (Store(), 7)):
        sink.store = there
        (proof,) = (await prove(tmp_path, [sink])).sinks
        assert (proof.accepted, proof.stored, proof.missing, proof.forgotten) == (7, 7 - missing, missing, missing)
        assert not proof.is_balanced
        ((_, line, is_certain),) = await ask_forgotten(tmp_path, [sink])
        assert line.startswith(f"{missing} records that it had stored are not in it any more")
        assert is_certain
    new = MemorySink(id="new")
    assert (await prove(tmp_path, [new])).is_balanced, "it never had any of it"
    (tmp_path / FINISHED).unlink()
    assert (await prove(tmp_path, [sink])).is_balanced


async def test_a_sink_that_cannot_be_asked_is_named(tmp_path: Path) -> None:
    @attrs.define
    class Mute:
        id: str = "mute"

    proof = await prove(tmp_path, [Mute()])  # type: ignore[list-item]  # as a sink without a history looks to prove()
    assert (proof.silent, proof.sinks) == (("mute",), ())


async def test_a_sink_at_work_is_counted_when_it_holds_still(
    tmp_path: Path, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, out = MemorySink(), Writer(tmp_path)
    write_whole(out, 10)
    counted = 0
    count = MemorySink.count

    async def count_meanwhile(self: MemorySink) -> Mapping[str, int]:
        nonlocal counted
        counted += 1
        rows = await count(self)
        if counted < 4:
            write_whole(out, 1)
            await deliver(tmp_path, sink)
        return rows

    monkeypatch.setattr(MemorySink, "count", count_meanwhile)
    assert (await one(tmp_path, sink)).is_balanced
    assert counted == 4
    out.close()


async def test_a_sink_that_knows_one_moment_is_counted_once_however_it_moves(tmp_path: Path) -> None:
    out = Writer(tmp_path)
    asked = 0

    class Busy(MemorySink):
        async def snapshot(self) -> tuple[Mapping[str, Cursor], Mapping[str, int]]:
            nonlocal asked
            asked += 1
            moment = await self.cursors(), await self.count()
            write_whole(out, 3)
            await deliver(tmp_path, self)
            write_whole(out, 2)
            return moment

    sink = Busy()
    write_whole(out, 10)
    await deliver(tmp_path, sink)
    found = await one(tmp_path, sink)
    assert found.is_balanced
    assert (asked, found.stored, found.waiting) == (1, 10, 5)
    out.close()


async def test_files_that_cannot_be_read_do_not_stop_the_proof(tmp_path: Path, autojump_clock: object) -> None:
    (tmp_path / "broken" / "000001.log").mkdir(parents=True)
    found = await one(tmp_path, MemorySink())
    assert (found.stream, found.accepted) == ("broken", 0)
