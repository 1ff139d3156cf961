"""What every question takes over very many requests: `python -m tests.size.measure [DATABASE | --requests N]`.

Prints, dearest first, each question of each page, table page, report and `top`: rows, SQLite's steps, and the median CPU and
wall time of some runs with the cache warm. Without a database one of N requests (10 million) is made first, in some
minutes and gigabytes, and removed. "Now" is the newest request. Ends with 1 where a bound is broken by CPU time: 50 ms for
a question to the sums, 200 ms for all questions of a page.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs
from lectr_sink_sqlite import file

from tests.size import many, questions
from tests.size.questions import Sent

RUNS: Final = 3
EVERY: Final = 20
"""Steps between two counts."""
QUESTION_MS: Final = 50.0
PAGE_MS: Final = 200.0
LINES: Final = 40


@attrs.frozen
class Took:
    """What one question took."""

    by: str
    says: str
    rows: int
    steps: int
    cpu_ms: float
    wall_ms: float


def steps(connection: sqlite3.Connection, work: Callable[[], object]) -> int:
    """How many instructions of SQLite's machine *work* takes, to the next EVERY: the same on any machine, at any time."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += EVERY
        return 0

    connection.set_progress_handler(count, EVERY)
    try:
        work()
    finally:
        connection.set_progress_handler(None, 0)
    return counted


def fetched(connection: sqlite3.Connection, sent: Sent) -> Callable[[], Sequence[object]]:
    """What asks the question as it is asked."""

    def fetch() -> Sequence[object]:
        cursor = connection.execute(sent.sql, sent.parameters)
        return cursor.fetchall() if sent.at_most is None else cursor.fetchmany(sent.at_most)

    return fetch


def took(connection: sqlite3.Connection, by: str, says: str, work: Callable[[], object]) -> Took:
    """Measured RUNS times, after a first time that fills the cache."""
    found = work()
    spans = []
    for _ in range(RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        spans.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu_s, wall_s = (statistics.median(part) for part in zip(*spans, strict=True))
    rows = len(found) if isinstance(found, list) else 1
    return Took(by, says, rows, steps(connection, work), cpu_s * 1e3, wall_s * 1e3)


@contextmanager
def opened(path: Path) -> Iterator[tuple[sqlite3.Connection, datetime]]:
    """For reading, with rows by name; and when the newest request began."""
    connection = file.connect_for_reading(path, 5.0)
    assert connection is not None, f"there is no {path}"
    with closing(connection):
        connection.row_factory = sqlite3.Row
        (newest,) = connection.execute("select max(started_at) from requests").fetchone()
        yield connection, datetime.fromisoformat(newest)


def main(path: Path) -> int:
    """Measure over the database at *path*. Returns the exit code."""
    with opened(path) as (connection, now):
        (count,) = connection.execute("select sum(requests) from usage_daily").fetchone()
        print(f"{count:,} requests, {path.stat().st_size / 1e9:.1f} GB")
        sent = questions.of_pages(connection, now) | questions.of_datasette(path, questions.filters(connection))
        known: dict[tuple[str, str], Took] = {}
        pages: dict[str, tuple[float, float]] = {}
        for address, asked in sent.items():
            each = []
            for question in asked:
                # Pages share questions: each is measured once.
                same = (question.sql, str(question.parameters))
                if same not in known:
                    known[same] = took(connection, address, " ".join(question.sql.split()), fetched(connection, question))
                each.append(known[same])
            pages[address] = (sum(one.cpu_ms for one in each), sum(one.wall_ms for one in each))
        all_of = list(known.values())
        for name, work in questions.of_commands(connection, now):
            all_of.append(took(connection, name, "all of it", work))
    print(f"{len(all_of):,} questions of {len(pages)} pages and the commands; the dearest:")
    print(f"{'CPU ms':>8}{'wall ms':>9}{'steps':>11}{'rows':>7}  whose, and what")
    for one in sorted(all_of, key=lambda one: -one.cpu_ms)[:LINES]:
        print(f"{one.cpu_ms:8.1f}{one.wall_ms:9.1f}{one.steps:11,}{one.rows:7,}  {one.by}  {one.says[:110]}")
    print("the dearest pages, all their questions together:")
    for address, (cpu_ms, wall_ms) in sorted(pages.items(), key=lambda each: -each[1][0])[: LINES // 2]:
        print(f"{cpu_ms:8.1f}{wall_ms:9.1f}  {address}")
    slow = [one for one in all_of if one.cpu_ms > QUESTION_MS and ("from usage_" in one.says or "from latency_" in one.says)]
    print(f"{len(slow)} questions to the sums over {QUESTION_MS:g} ms of CPU; ", end="")
    over = [address for address, (cpu_ms, _) in pages.items() if cpu_ms > PAGE_MS]
    print(f"{len(over)} pages over {PAGE_MS:g} ms")
    return 1 if slow or over else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.size.measure", description="What questions take.")
    parser.add_argument("database", type=Path, nargs="?", help="an existing one; only read")
    parser.add_argument("--requests", type=int, default=10_000_000, help="how many to make where there is none")
    chosen = parser.parse_args()
    if chosen.database is not None:
        sys.exit(main(chosen.database))
    with tempfile.TemporaryDirectory(prefix="lectr-size-") as place:
        many.make(Path(place) / "lectr.db", max(1, chosen.requests // many.SEEDS), datetime.now(UTC))
        sys.exit(main(Path(place) / "lectr.db"))
