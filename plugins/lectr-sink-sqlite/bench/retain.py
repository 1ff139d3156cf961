"""What removing costs the writes meanwhile: `python bench/retain.py DATABASE [PER_SECOND]`. Changes it: use a copy.

Every limit is set so that a third of what is there must go: rows by age and by size, sums by the minute, room given back.
Batches of a second's requests are written, each followed by a step of removal as the sink does it, until nothing is left to
remove. A batch has one second; what it takes of it is the lag that a reader sees on top of the usual.
"""

from __future__ import annotations

import importlib.util
import sqlite3
import statistics
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import attrs
from lectr_sink_sqlite import retention
from lectr_sink_sqlite.store import Store

from lectr_core import Cursor, Record

_spec = importlib.util.spec_from_file_location("write", Path(__file__).with_name("write.py"))
assert _spec is not None
assert _spec.loader is not None
_write = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_write)


MOST_BATCHES = 1_500


def batch(number: int, per_second: int) -> list[Record]:
    """A second's requests, of now."""
    now_ns = time.time_ns()
    made = []
    for record in _write.records(per_second, per_second):
        begun = attrs.evolve(
            record.ended.begun,
            id=f"{number:08x}{record.ended.begun.id[8:]}",
            seq=number * per_second + record.ended.begun.seq,
            started_ns=now_ns,
        )
        made.append(attrs.evolve(record, stream="bench", ended=attrs.evolve(record.ended, begun=begun)))
    return made


def state(path: Path) -> str:
    """What is in the file."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as reader:
        (rows, oldest) = reader.execute("SELECT count(*), min(started_at) FROM requests").fetchone()
        (minutes,) = reader.execute("SELECT count(*) FROM usage_minutely").fetchone()
        (ever,) = reader.execute("SELECT sum(requests) FROM usage_daily").fetchone()
        used = retention.used_bytes(reader)
    size = path.stat().st_size
    return (
        f"{rows:,} rows since {oldest[:16]}, {minutes:,} sums by the minute, {ever:,} requests ever, "
        f"{used / 1e6:,.0f} MB in use of {size / 1e6:,.0f}"
    )


def main(name: str, per_second: str = "1000") -> None:
    """Set the limits, write until nothing is left to remove, and say what that took."""
    path = Path(name)
    with closing(sqlite3.connect(path)) as reader:
        (oldest, newest) = reader.execute("SELECT min(started_at), max(started_at) FROM requests").fetchone()
        (minute,) = reader.execute("SELECT min(minute) FROM usage_minutely").fetchone()
        used = retention.used_bytes(reader)
    now = datetime.now(UTC)
    age_days = (now - datetime.fromisoformat(oldest)).days
    minute_days = (now - datetime.fromisoformat(minute)).days
    print(f"before: {state(path)}")
    store = Store(
        path=path,
        busy_limit_s=5.0,
        retention_days=max(1, age_days * 5 // 6),
        minutes_days=max(1, minute_days * 2 // 3),
        max_bytes=used * 2 // 3,
        retention_chunk=2_000,
        now_ns=time.time_ns,
    )
    store.open()
    wrote, swept, number, quiet = [], [], 0, 0
    count = int(per_second)
    while quiet < 3 and number < MOST_BATCHES:
        records = batch(number, count)
        number += 1
        begin = time.perf_counter()
        store.write(records, [Cursor(stream="bench", highest=number * count, stored=number * count)])
        middle = time.perf_counter()
        quiet = quiet + 1 if not store.sweep() else 0
        wrote.append(middle - begin)
        swept.append(time.perf_counter() - middle)
    store.close()
    print(f"after:  {state(path)}")
    both = [one + other for one, other in zip(wrote, swept, strict=True)]
    print(f"{number:,} batches of {count:,} requests, newest before {newest[:16]}; milliseconds:")
    for what, spans in (("writing", wrote), ("removing", swept), ("both", both)):
        ordered = sorted(spans)
        middle_ms, late_ms = statistics.median(ordered) * 1e3, ordered[int(len(ordered) * 0.99)] * 1e3
        print(f"  {what:9} median {middle_ms:6.0f}  99 of 100 {late_ms:6.0f}  worst {ordered[-1] * 1e3:6.0f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
