"""How long questions to the rollups take: `python bench/ask.py DATABASE [LIMIT_MS]`. Reads only; may run beside a writer.

Fill a database first: `lectr demo --history 30d --requests 10000000 --only-history --data DIR`. "Now" is the newest row.
Prints medians of wall and CPU time of several runs; ends with 1 where one of wall time is over the limit (50 ms).
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from lectr_sink_sqlite import file
from lectr_sink_sqlite.asking.now import look
from lectr_sink_sqlite.asking.period import period
from lectr_sink_sqlite.asking.sums import ask, coarsest

RUNS = 7
LIMIT_MS = 50.0

# What `--by`, `--since` and `--where` of a report would say.
REPORTS: Sequence[tuple[str, timedelta, dict[str, str]]] = (
    ("", timedelta(days=30), {}),
    ("feature", timedelta(days=30), {}),
    ("feature,model", timedelta(days=30), {}),
    ("day,feature", timedelta(days=30), {}),
    ("day", timedelta(days=30), {"feature": "search"}),
    ("provider,error_category", timedelta(days=30), {}),
    ("feature,model", timedelta(days=7), {}),
    ("hour", timedelta(days=7), {}),
    ("hour,model", timedelta(days=7), {"provider": "anthropic"}),
    ("hour,feature", timedelta(days=1), {}),
    ("org", timedelta(days=1), {}),
    ("minute", timedelta(hours=6), {}),
    ("minute", timedelta(hours=1), {"feature": "search"}),
    ("feature", timedelta(hours=1), {}),
)

SHARES = "histogram_percentile(h, 0.5), histogram_percentile(h, 0.95), histogram_percentile(h, 0.99)"
STATEMENTS = {
    "cost by day and provider, 30 days": """SELECT day, provider, sum(cost_nanousd), sum(cost_low_nanousd),
        sum(cost_high_nanousd) FROM usage_daily WHERE day >= date(:now, '-30 days') GROUP BY 1, 2""",
    "three percentiles by model, 30 days": f"""SELECT model, {SHARES} FROM (SELECT model, histogram_sum(duration_json) AS h
        FROM latency_daily WHERE day >= date(:now, '-30 days') GROUP BY 1)""",
    "three percentiles by hour, 7 days, one feature": f"""SELECT hour, {SHARES} FROM (
        SELECT hour, histogram_sum(duration_json) AS h FROM latency_hourly
        WHERE hour >= strftime('%Y-%m-%dT%H:00:00Z', :now, '-7 days') AND feature = 'search' GROUP BY 1)""",
    "cache share by feature and day, 30 days": """SELECT day, feature, sum(cached_input_tokens) * 1.0 / sum(input_tokens)
        FROM usage_daily WHERE day >= date(:now, '-30 days') GROUP BY 1, 2""",
    "the view spend_by_model_day": "SELECT * FROM spend_by_model_day LIMIT 200",
    "the view recent_requests": "SELECT * FROM recent_requests LIMIT 100",
}


def timed(work: Callable[[], object]) -> list[tuple[float, float]]:
    """Milliseconds of wall and of CPU time of each run, the first (which fills the cache) left out."""
    work()
    spans = []
    for _ in range(RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        spans.append(((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000))
    return spans


def main(path: str, limit_ms: str = str(LIMIT_MS)) -> int:
    """Ask everything. Returns the exit code."""
    connection = file.connect_for_reading(Path(path), 5.0)
    if connection is None:
        print(f"there is no {path}", file=sys.stderr)
        return 2
    with closing(connection):
        worst = 0.0
        (newest, rows) = connection.execute("SELECT max(started_at), max(rowid) FROM requests").fetchone()
        print(f"about {rows:,} requests, {Path(path).stat().st_size / 1e9:.1f} GB, the newest of {newest}")
        for grain in ("minutely", "hourly", "daily"):
            (groups,) = connection.execute(f"SELECT count(*) FROM usage_{grain}").fetchone()
            print(f"  usage_{grain}: {groups:,} rows")
        now = datetime.fromisoformat(newest)
        for name, work in questions(connection, now):
            spans = timed(work)
            wall, cpu = (statistics.median(part) for part in zip(*spans, strict=True))
            worst = max(worst, wall)
            print(f"{wall:8.1f} ms, {cpu:7.1f} of CPU  {name}")
    print(f"the slowest median is {worst:.1f} ms")
    return 1 if worst > float(limit_ms) else 0


def questions(connection: sqlite3.Connection, now: datetime) -> list[tuple[str, Callable[[], object]]]:
    """Each question with what runs it."""
    found: list[tuple[str, Callable[[], object]]] = []
    for by, length, where in REPORTS:
        names = [name for name in by.split(",") if name]
        asked = period(now - length, now, coarsest(names), "2000")
        words = f"report by {by or 'nothing'}, {length}" + (f", {where}" if where else "")
        found.append((words, partial(ask, connection, asked, names, where)))
    found += [(name, partial(_all, connection, sql, now)) for name, sql in STATEMENTS.items()]
    return [*found, ("top, 5 minutes", partial(look, connection, now, 5, "feature", {}))]


def _all(connection: sqlite3.Connection, sql: str, now: datetime) -> object:
    return connection.execute(sql, {"now": now.isoformat()}).fetchall()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
