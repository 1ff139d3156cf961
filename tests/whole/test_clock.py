"""The wall clock jumps while requests come: durations, sums and the proof stay right, and no record is missing or double."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.whole.gateway import gateway
from tests.whole.load import Load, nothing_is_missing_or_double
from tests.whole.upstream import Upstream

DAY_S = 86_400
# Python runs this at its start, in every process of the gateway: the wall clock is wrong by what the file says.
CLOCK = """
import os, time
real_ns, real_s = time.time_ns, time.time

def offset_s():
    with open(os.environ["CLOCK_OFFSET_S"]) as file:
        return int(file.read() or "0")

time.time_ns = lambda: real_ns() + offset_s() * 1_000_000_000
time.time = lambda: real_s() + offset_s()
"""


def test_a_clock_that_jumps_both_ways_changes_no_duration_no_sum_and_no_count(tmp_path: Path, upstream: Upstream) -> None:
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(CLOCK)
    offset = tmp_path / "offset"
    offset.write_text("0")
    with gateway(tmp_path / "clock", upstream.url, held=True) as running:
        running.stop()
        running.environ = {"PYTHONPATH": str(tmp_path / "clock"), "CLOCK_OFFSET_S": str(offset)}
        running.start()
        finished: dict[int, list[str]] = {}
        failed = 0
        for days in (0, 3, -2, 0):
            whole = offset.with_name("next")
            whole.write_text(str(days * DAY_S))
            whole.rename(offset)
            with Load(running, f"day{days}-{len(finished)}", pause_s=0.01) as load:
                load.more(60)
            finished.setdefault(days, []).extend(load.finished)
            failed += load.failed
        nothing_is_missing_or_double(running, [feature for group in finished.values() for feature in group])
        assert failed == 0
        assert running.lectr("verify", "--strict").returncode == 0
        rows = {row["feature"]: row for row in running.rows()}
        today = datetime.now(UTC)
        for days, group in finished.items():
            for feature in group:
                at = datetime.fromisoformat(rows[feature]["started_at"])
                assert abs(at - today - timedelta(days=days)) < timedelta(minutes=10)
                assert 0 <= rows[feature]["gateway_ms"] <= rows[feature]["duration_ms"] < 60_000
        with closing(sqlite3.connect(f"file:{running.data / 'lectr.db'}?mode=ro", uri=True)) as db:
            (summed,) = db.execute("select sum(requests) from usage_hourly").fetchone()
        assert summed == len(running.rows())
