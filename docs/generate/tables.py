"""Writes docs/reference/tables.md from the schema itself: `python docs/generate/tables.py > docs/reference/tables.md`.

Makes an empty database and reads its columns and its table `about_columns`. A test runs it and compares, so that the page
cannot fall behind. Nothing else calls it.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from lectr_sink_sqlite import meanings
from lectr_sink_sqlite.store import Store

OPENING: Final = """\
# Tables

% Written by docs/generate/tables.py; change plugins/lectr-sink-sqlite/src/lectr_sink_sqlite/meanings.py instead.

`lectr-sink-sqlite` keeps everything in one SQLite file: `lectr.db` in the data directory, unless `[sink.sqlite]` says
otherwise. It is in WAL mode, so anything may read it while Lectr writes; it belongs to its owner alone (mode 0600); every
table is STRICT, so a column holds what its type says. A table or column is only ever added, never renamed or taken away.

Rules that hold everywhere:

- **NULL is unknown, never 0.** A cost that is 0 is known to be 0.
- A number that the provider did not report is never shown as exact: `tokens_source` says where it comes from, `*_low` and
  `*_high` how wrong it can be.
- Money is kept as whole nano-dollars (`*_nanousd`). The `*_usd` columns are made from it when you read them: they are for
  people. Add up the nano-dollars.
- Times are UTC. `started_at` sorts as text.
- Columns marked *generated* cannot be written and take no room.

The same words stand in the file itself: `SELECT * FROM about_columns`.

## How fast it is

Measured with `python plugins/lectr-sink-sqlite/bench/write.py` (100,000 rows in batches of 1,000, all indexes, rollups
and cursors in the same transaction, Python 3.11, two cores, other work going on): 16,500 rows a second of wall time and
20,500 of CPU time at 1,000 requests a second; 15,400 and 16,300 where requests are a second apart, so that almost every
row has a sum of its own in the rollups by the minute; in batches of 100, 12,200 rows a second of CPU time. A row takes
about 1.1 kB, indexes included, and up to 0.3 kB more in rollups where requests are few and far between.

## Which rollup to ask

| for a time of | ask | because a thousand groups are then |
|---|---|---|
| up to six hours | `usage_minutely`, `latency_minutely` | at most 360 rows each |
| up to a week | `usage_hourly`, `latency_hourly` | at most 168 rows each |
| more | `usage_daily`, `latency_daily` | one row a day each |

The three hold the same sums under the same names; only the first column differs: `minute`, `hour`, `day`. Each row is
for one org, feature, provider, model, outcome and error category (latencies: outcome `ok`, one org, feature, provider and
model); add up what you do not ask apart. Histograms add up too: see [query your data](../how-to/query-your-data.md).
"""

ENDING: Final = "## What happens when something goes wrong\n\n| what | then |\n|---|---|\n"

WRONG: Final = {
    "another process holds the lock for over `busy_limit_s`": (
        "nothing is stored, the records wait in the journal, and the write is tried again"
    ),
    "the disk is full": "the same",
    "the process is killed in the middle": (
        "the transaction is gone as a whole; what it held is written again from the journal"
    ),
    "the file is removed or emptied, or another takes its place": (
        "the sink notices before its next write, the log says so, and a new one is filled with what the journal still holds"
    ),
    "the file is damaged": (
        "it is moved to `lectr.db.corrupt-<time>`, a new one begins, and the log says so; "
        "what the journal still holds is stored again; `lectr verify` "
        "exits with 1 for as long as it lies there, since what only it holds is in no count"
    ),
    "a row is older than `retention_days`, or the file holds more than `max_bytes`": (
        "the oldest rows are removed, a little at a time after each write; the rollups by hour and day keep their sums"
    ),
    "the file holds more than `max_bytes` and has no rows left": (
        "sums by the minute that are over an hour old are removed; sums by the hour and day stay, whatever they take"
    ),
    "old rows cannot be removed (locked, disk full)": (
        "records are stored as before, the log says so, and it is tried again a minute later"
    ),
    "two gateways are told to store in one file": (
        "the second stores nothing, `lectr doctor` says so, and its records wait in its journal: give it another `path`"
    ),
    "a newer Lectr has changed the file, and this one is older": (
        "nothing is written, `lectr doctor` says so, and records wait in the journal: "
        "what the newer one sums up as well would silently go wrong. Reading goes on"
    ),
    "a provider reports absurd counts, again and again": "a sum that would pass 2^63 stays at 2^63 - 1; rows are stored",
    "readers are there all the time, so that SQLite never begins its write-ahead log anew": (
        "once the log is over 64 MiB, readers are waited for, a second a minute at most, and it is cut to nothing"
    ),
    "one reader keeps its transaction open for hours": (
        "nothing is held up, and the log grows: the sink's log says so each minute, and `lectr doctor` from 256 MiB on"
    ),
    "old rows outlive their limit, sums alone fill `max_bytes`, or features have names without number": (
        "`lectr doctor` says so, and what to do"
    ),
    "much of the file is free": "it is given back to the disk, a little at a time after each write",
}


def page() -> str:
    """The whole page, as it is stored."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "lectr.db"
        store = Store(path=path, busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=lambda: 0)
        store.open()
        store.close()
        with closing(sqlite3.connect(path)) as connection:
            tables = [_table(connection, name, said) for name, said in meanings.TABLES.items()]
    wrong = "".join(f"| {what} | {then} |\n" for what, then in WRONG.items())
    return "\n".join([OPENING, *tables, ENDING + wrong])


def _table(connection: sqlite3.Connection, name: str, said: str) -> str:
    columns = connection.execute(
        """SELECT column.name, column.type, column.hidden, about.unit, about.meaning
        FROM pragma_table_xinfo(?) AS column LEFT JOIN about_columns AS about
        ON about.in_table = ? AND about.name = column.name ORDER BY column.cid""",
        (name, name),
    )
    is_view = said.startswith("View")
    rows = [
        f"| `{column}` | {'' if is_view else kind.lower() + (', generated' if hidden else '')} | {unit} | {meaning} |"
        for column, kind, hidden, unit, meaning in columns
    ]
    indexes = connection.execute(
        """SELECT list.name, group_concat(info.name, ', ')
        FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info
        WHERE list.origin = 'c' GROUP BY list.name ORDER BY list.seq DESC""",
        (name,),
    ).fetchall()
    lines = [f"## `{name}`", "", said, "", "| column | type | unit | meaning |", "|---|---|---|---|", *rows]
    if indexes:
        lines += ["", "Indexes: " + "; ".join(f"`{columns}`" for _, columns in indexes) + "."]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    print(page(), end="")
