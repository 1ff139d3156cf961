"""Whatever is killed, whenever it is killed: every record arrives once, and the sum of `lectr verify` holds."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lectr_core.cold.deliver import Delivery
from lectr_core.cold.free import free_now
from lectr_core.cold.prices import PriceDesk
from lectr_core.cold.verify import Proof, prove
from lectr_core.journal import writer as writer_module
from lectr_core.journal.layout import stream_names
from lectr_core.journal.writer import Writer
from tests.cold.memory import Fault, MemorySink, Store
from tests.cold.traffic import begun, ended, kill, refused, write_whole
from tests.journal.disk import Disk


class Gateway(RuleBasedStateMachine):
    """Workers that come and go over one journal, a cold process that does too, and two sinks with faults of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Path(self.folder.name)
        self.disk = Disk()
        vars(writer_module)["os"] = self.disk
        self.stores = [Store(), Store()]
        self.expected: dict[str, dict[int, str]] = {}  # by stream: what must become of each sequence number
        self.unsure: dict[str, set[int]] = {}  # those that a full disk may have cost
        self.start_worker()
        self.start_cold()

    def start_worker(self) -> None:
        fault, self.disk.fault = self.disk.fault, None
        self.out = Writer(self.journal, segment_bytes=4_000, backlog_bytes=6_000)
        self.disk.fault = fault
        self.open: list[int] = []
        self.ends, self.doubts = (
            self.expected.setdefault(self.out.stream, {}),
            self.unsure.setdefault(self.out.stream, set()),
        )

    def start_cold(self) -> None:
        self.sinks = [MemorySink(store, id=f"sink-{number}") for number, store in enumerate(self.stores)]
        self.deliveries = [Delivery(sink, self.journal, PriceDesk([]), lambda: 0.0) for sink in self.sinks]
        for delivery in self.deliveries:
            delivery._limit = 7

    def doubt(self, *seqs: int) -> None:
        if self.disk.fault is not None or self.out.waiting_bytes:
            self.doubts.update(seqs)

    # ── workers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule()
    def begin(self) -> None:
        seq = self.out.next_seq()
        self.ends[seq] = "interrupted"
        self.open.append(seq)
        self.out.begun(begun(self.out, seq))
        self.doubt(seq)

    @rule(data=st.data())
    @precondition(lambda self: self.open)
    def end(self, data: st.DataObject) -> None:
        seq = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        self.ends[seq] = "ok"
        self.out.ended(ended(self.out, seq))
        self.doubt(seq)

    @rule()
    def refuse(self) -> None:
        seq = self.out.next_seq()
        self.ends[seq] = "lectr_refused"
        self.out.ended(refused(self.out, seq))
        self.doubt(seq)

    @rule(count=st.integers(1, 12))
    def exchange(self, count: int) -> None:
        first = self.out.highest + 1
        self.ends.update((seq, "ok") for seq in range(first, first + count))
        write_whole(self.out, count)
        self.doubt(*range(first, first + count))

    @rule()
    def rotate(self) -> None:
        self.out._is_renewed()

    @rule(code=st.sampled_from([errno.ENOSPC, errno.EIO]), landing=st.integers(0, 2000))
    def break_disk(self, code: int, landing: int) -> None:
        self.disk.fault, self.disk.landing = code, landing

    @rule()
    def mend_disk(self) -> None:
        self.disk.fault = None
        self.out.flush_now()

    @rule()
    def close_worker(self) -> None:
        self.out.close()
        self.start_worker()

    @rule(torn=st.sampled_from([b"", b"e {", b"b ", b'e 00000000 {"begun":{"seq":1}']))
    def kill_worker(self, torn: bytes) -> None:
        kill(self.out, torn)
        self.start_worker()

    # ── cold ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(which=st.integers(0, 1), limit=st.integers(1, 9))
    def deliver(self, which: int, limit: int) -> None:
        self.deliveries[which]._limit = limit
        trio.run(self.step, self.deliveries[which])

    @rule(which=st.integers(0, 1), fault=st.sampled_from(["open", "before", "after"]))
    def break_sink(self, which: int, fault: Fault) -> None:
        self.sinks[which].faults.append(fault)

    @rule()
    def kill_cold(self) -> None:
        for delivery in self.deliveries:
            delivery._drop_readers()
        self.start_cold()

    @rule()
    def keep_house(self) -> None:
        free_now(self.journal, [delivery.stored for delivery in self.deliveries])

    async def step(self, delivery: Delivery) -> None:
        """One turn of `way.follow`."""
        try:
            if delivery.stored is None or delivery.failures:
                await delivery.open()
            await delivery.hand_over(await delivery.collect())
        except OSError as exc:
            delivery.failed(exc)

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def nothing_is_missing_or_double(self) -> None:
        proof = trio.run(prove, self.journal, self.sinks)
        assert proof.is_balanced, proof
        assert all(store.repeats == 0 for store in self.stores)

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            vars(writer_module)["os"] = os
            self.folder.cleanup()

    def finish(self) -> None:
        self.disk.fault = None
        self.out.close()
        for sink in self.sinks:
            sink.faults.clear()
        trio.run(self.deliver_all)
        assert stream_names(self.journal) == [], "all is stored by every sink, so nothing is kept"
        proof = trio.run(prove, self.journal, self.sinks)
        assert proof.is_balanced, proof
        for store in self.stores:
            self.check(store, proof)

    async def deliver_all(self) -> None:
        for _ in range(1000):
            for delivery in self.deliveries:
                await self.step(delivery)
            self.keep_house()
            if not stream_names(self.journal):
                return

    def check(self, store: Store, proof: Proof) -> None:
        assert store.repeats == 0
        for stream, ends in self.expected.items():
            rows = [row.ended for row in store.rows.values() if row.stream == stream]
            found = {record.begun.seq: record.outcome for record in rows}
            assert len(found) == len(rows)
            assert found.keys() <= ends.keys()
            doubts = self.unsure[stream]
            for seq, outcome in ends.items():
                if seq not in doubts:
                    assert found.get(seq) == outcome
                elif seq in found:
                    assert found[seq] in (outcome, "interrupted")


Gateway.TestCase.settings = settings(max_examples=50, stateful_step_count=50, deadline=None)
TestGateway = pytest.mark.slow(Gateway.TestCase)
