"""A database of very many requests in little time: a small history, stored as always, then copied within SQLite.

Each request stands *times* times in it, under ids and numbers of its own; the sums and histograms are *times* what they
were, by the same org, feature, provider, model, outcome, kind of error and time. So a large one differs from a small one in
nothing but how many requests there are. Called by the tests and the measure beside it.
"""

from __future__ import annotations

import json
import random
import sqlite3
import uuid
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

import attrs
from lectr_sink_sqlite import file
from lectr_sink_sqlite.rollup_tables import GRAINS, HISTOGRAMS, SUMS
from lectr_sink_sqlite.store import Store

from lectr_core import Cursor, Record
from lectr_core.testing.samples import sample_record

SEEDS: Final = 10_000
"""Requests of the small history."""
DAYS: Final = 30
MODELS: Final = (("openai", "gpt-a"), ("openai", "gpt-b"), ("anthropic", "claude-a"), ("gemini", "gemini-a"))
FEATURES: Final = tuple(f"feature-{number}" for number in range(12))
FAILURES: Final = ("provider_error", "upstream_failed", "lectr_refused", "interrupted", "gateway_shutdown")
FAILED_SHARE: Final = 0.1
"""So that even a small one has more failures of each kind than any page shows."""
S_NS: Final = 1_000_000_000


def seeds(now: datetime, count: int = SEEDS) -> list[Record]:
    """A month of few requests, oldest first, each at the beginning of a minute, the last in the minute before *now*."""
    chance = random.Random(11)
    end_min = int(now.timestamp()) // 60 - 1
    made = []
    for seq in range(1, count + 1):
        plain = sample_record(seq)
        provider, model = chance.choice(MODELS)
        failed = chance.random() < FAILED_SHARE
        begun = attrs.evolve(
            plain.ended.begun,
            id=str(uuid.UUID(int=(seq << 40) | chance.getrandbits(40))),
            started_ns=(end_min - (count - seq) * DAYS * 24 * 60 // count) * 60 * S_NS,
            org=f"org-{chance.randrange(3)}",
            feature=chance.choice(FEATURES),
            provider=provider,
            model_requested=model,
            model_sent=model,
            max_tokens=1_000,
            streamed=chance.random() < 0.5,
        )
        ended = attrs.evolve(
            plain.ended,
            begun=begun,
            outcome=chance.choice(FAILURES) if failed else "ok",
            status=500 if failed else 200,
            error_category=chance.choice(("rate_limit", "server", "timeout")) if failed else None,
            duration_ns=int(chance.lognormvariate(21, 0.6)),
            reading=attrs.evolve(plain.ended.reading, model=None if failed else model),
            headroom={"x-ratelimit-remaining-requests": "99", "x-ratelimit-limit-requests": "100"},
        )
        made.append(attrs.evolve(plain, ended=ended))
    return made


def make(path: Path, times: int, now: datetime) -> None:
    """A new database at *path*, of SEEDS x *times* requests up to *now*."""
    records = seeds(now)
    store = Store(path=path, busy_limit_s=5.0, retention_days=0, retention_chunk=1, now_ns=lambda: 0)
    store.open()
    for at in range(0, len(records), 1_000):
        store.write(records[at : at + 1_000], [Cursor(stream=records[0].stream, highest=at, stored=at)])
    store.close()
    with closing(file.connect(path, 5.0)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        connection.execute("BEGIN")
        _copy_rows(connection, times)
        _multiply_sums(connection, times)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _copy_rows(connection: sqlite3.Connection, times: int) -> None:
    """Stored as they would have been: in the order of time. Indexes are made afterwards, which is quicker."""
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'requests' AND type = 'index' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    columns = [
        name
        for _, name, *_, hidden in connection.execute("PRAGMA table_xinfo(requests)")
        if not hidden and name not in {"id", "seq", "started_at"}
    ]
    connection.execute("CREATE TEMP TABLE small AS SELECT * FROM requests")
    connection.execute("DELETE FROM requests")
    # The last digits of an id count the copies, which spread over the minute: so ids sort by time as well.
    connection.execute(
        f"""INSERT INTO requests (id, seq, started_at, {", ".join(columns)})
        WITH RECURSIVE copies (copy) AS (SELECT 0 UNION ALL SELECT copy + 1 FROM copies WHERE copy + 1 < ?1)
        SELECT substr(id, 1, 26) || printf('%010x', copy), (seq - 1) * ?1 + copy + 1,
            substr(started_at, 1, 17) || printf('%06.3fZ', 59.9 * copy / ?1), {", ".join(columns)}
        FROM (SELECT * FROM temp.small ORDER BY seq) CROSS JOIN copies""",
        (times,),
    )
    connection.execute("DROP TABLE temp.small")
    for _, statement in indexes:
        connection.execute(statement)


def _multiply_sums(connection: sqlite3.Connection, times: int) -> None:
    def multiplied(text: str | None) -> str | None:
        if text is None:
            return None
        first, *counts = json.loads(text)
        return json.dumps([first, *(count * times for count in counts)], separators=(",", ":"))

    connection.create_function("multiplied", 1, multiplied, deterministic=True)
    for grain in GRAINS:
        connection.execute(f"UPDATE {grain.usage} SET {', '.join(f'{name} = {name} * {times}' for name in SUMS)}")
        each = ", ".join(f"{name}_json = multiplied({name}_json)" for name in HISTOGRAMS)
        connection.execute(f"UPDATE {grain.latency} SET {each}")
