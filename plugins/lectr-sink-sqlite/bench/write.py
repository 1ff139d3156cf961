"""How many records a second `write` stores, on one core: `python bench/write.py [ROWS [BATCH [PER_SECOND]]]`.

PER_SECOND says how many requests began in a second of the records' own time: a batch then falls into few minutes, as
those of a busy gateway do, or into so many that almost every row has a sum of its own in the rollups by the minute.
Runs the blocking store alone, in a new file under the temporary directory, with rollups, cursors and all indexes on.
Prints rows a second of wall time and of CPU time.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import tempfile
import time
import uuid
from pathlib import Path

import attrs
from lectr_sink_sqlite.store import Store

from lectr_core import Cursor, Record

_spec = importlib.util.spec_from_file_location("shared", Path(__file__).parent.parent / "tests" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_shared)

MODELS = ("gpt-4o-mini-2024-07-18", "claude-sonnet-4-5", "llama-3.3-70b-versatile", "gemini-2.5-flash")
PROVIDERS = ("openai", "anthropic", "groq", "gemini")


def records(count: int, per_second: int) -> list[Record]:
    """Records of 4 providers, 20 features and 3 orgs."""
    chance = random.Random(7)
    plain = _shared.make_record()
    made = []
    for seq in range(1, count + 1):
        which = chance.randrange(4)
        begun = attrs.evolve(
            plain.ended.begun,
            seq=seq,
            id=str(uuid.UUID(int=(seq << 80) | chance.getrandbits(80))),
            started_ns=_shared.START_NS + seq * 10**9 // per_second,
            feature=f"feature-{chance.randrange(20)}",
            org=f"org-{chance.randrange(3)}",
            provider=PROVIDERS[which],
        )
        reading = attrs.evolve(plain.ended.reading, model=MODELS[which])
        ended = attrs.evolve(plain.ended, begun=begun, reading=reading, duration_ns=chance.randrange(10**8, 10**10))
        made.append(attrs.evolve(plain, ended=ended))
    return made


def main(rows: int = 100_000, batch: int = 1_000, per_second: int = 1_000) -> None:
    """Write *rows* in batches of *batch*."""
    made = records(rows, per_second)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "lectr.db"
        store = Store(path=path, busy_limit_s=5.0, retention_days=0, retention_chunk=1, now_ns=time.time_ns)
        store.open()
        wall, cpu, slowest = time.perf_counter(), time.process_time(), 0.0
        for at in range(0, rows, batch):
            before = time.perf_counter()
            store.write(made[at : at + batch], [Cursor(stream="s1", highest=at + batch, stored=at + batch)])
            slowest = max(slowest, time.perf_counter() - before)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        store.close()
        size = os.stat(path).st_size / rows
    print(
        f"{rows} rows, {per_second} a second, in batches of {batch}: "
        f"{rows / wall:,.0f} rows/s of wall time, {rows / cpu:,.0f} rows/s of CPU time"
    )
    print(f"slowest batch {slowest * 1000:.0f} ms, {size:.0f} bytes a row with all indexes")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
