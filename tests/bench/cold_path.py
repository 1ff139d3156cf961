"""The other side of the journal: how many records a second one core accounts for and stores, and how far it lags behind.

Called by `__main__.py` and `curves.py`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import attrs

from lectr_core.assembly.process import Boot
from lectr_core.journal.writer import Writer
from lectr_core.testing.samples import sample_record
from tests.bench import machine
from tests.bench.load import clients
from tests.bench.measures import SMALL
from tests.bench.subjects import Subject
from tests.whole.gateway import gateway, until

LOOK_S: Final = 0.05
RATE: Final = 2_000
MODELS: Final = ("gpt-4o-mini", "gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash")


def write_journal(data: Path, records: int) -> None:
    """What a worker leaves of so many requests: each begun and ended."""
    with Writer(data / "journal") as journal:
        for _ in range(records):
            seq = journal.next_seq()
            ended = sample_record(seq, stream=journal.stream, provider="openai", model=MODELS[seq % len(MODELS)]).ended
            journal.begun(ended.begun)
            journal.ended(ended)


def rows(data: Path) -> int:
    """Records stored so far."""
    with contextlib.suppress(sqlite3.OperationalError):
        with contextlib.closing(sqlite3.connect(f"file:{data / 'lectr.db'}?mode=ro", uri=True, timeout=10)) as db:
            return int(db.execute("select count(*) from requests").fetchone()[0])
    return 0


def records_a_second(place: Path, records: int) -> dict[str, float]:
    """Records through account and SQLite for one second of the cold process's CPU time, and of the clock."""
    with gateway(place, "http://127.0.0.1:9", held=False) as running:
        running.stop()
    data = running.data
    (version,) = (path.stem for path in (data / "config").glob("*.toml"))
    write_journal(data, records)
    journal_bytes = sum(path.stat().st_size for path in (data / "journal").rglob("*") if path.is_file()) / records
    stored = rows(data)
    boot = Boot(name="cold", data=str(data), version=version)
    with (place / "cold.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lectr_core.assembly.cold"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, **boot.environ()},
        )
    try:
        machine.pin([process.pid], machine.cores()[0])
        first = int(until(lambda: max(0, rows(data) - stored), what="the first records are stored", patience_s=60))
        began_s, began_cpu_s = time.perf_counter(), machine.cpu_s([process.pid])
        until(lambda: rows(data) - stored >= records, what="all records are stored", patience_s=120)
        took_s, cpu_s = time.perf_counter() - began_s, machine.cpu_s([process.pid]) - began_cpu_s
    finally:
        process.terminate()
        process.wait(timeout=30)
    size = sum(path.stat().st_size for path in data.glob("lectr.db*"))
    left = records - first
    return {
        "cold_rate": left / cpu_s,
        "cold_rate_wall": left / took_s,
        "cold_us": cpu_s / left * 1e6,
        "row_bytes": size / rows(data),
        "journal_bytes": journal_bytes,
    }


@attrs.define
class _Looker:
    """Looks again and again how many rows are stored."""

    data: Path
    seen: list[tuple[float, int]] = attrs.field(factory=list)
    over: threading.Event = attrs.field(factory=threading.Event)

    def run(self) -> None:
        """Until it is over."""
        while not self.over.wait(LOOK_S):
            count = rows(self.data)
            self.seen.append((time.monotonic(), count))


def lag(subject: Subject, scale: float) -> dict[str, float]:
    """The oldest answer not stored yet, looked at every 50 ms while 2,000 requests a second come; its worst age."""
    assert subject.gateway is not None
    data = subject.gateway.data
    before = until(lambda: rows(data), what="what came before is stored")
    time.sleep(1.0)  # what an earlier measure left is stored by now, so that rows and answers are counted from one point
    before = rows(data)
    looker = _Looker(data)
    thread = threading.Thread(target=looker.run, daemon=True)
    thread.start()
    with clients(subject.port, 16) as them:
        seen = them.paced(subject.request(SMALL), int(RATE * max(1.0, 5 * scale)), RATE)
    time.sleep(1.0)
    looker.over.set()
    thread.join()
    ages = [0.0]
    for at_s, count in looker.seen:
        stored = count - before
        if stored < len(seen.done_at) and seen.done_at[stored] < at_s:
            ages.append(at_s - seen.done_at[stored])
    return {"cold_lag": max(ages), "cold_lag_rate": len(seen.done_at) / seen.lasted_s}
