"""Killed or out of room at any step: migrating an older file, storing, removing, giving room back. What is there is whole.

Where a process may be traced, it is killed at its N-th write to any file; else that is skipped and says so. The full disk
is SQLite's own bound on pages.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lectr_sink_sqlite import history
from lectr_sink_sqlite.store import Store

from lectr_core import Cursor, OperatorError, Record

Make = Callable[..., Record]
NOW_NS = 1_760_000_000_000_000_000
RECORDS = 1_200

WORK = """
    import importlib.util, itertools, sys
    from pathlib import Path
    from lectr_core import Cursor
    from lectr_sink_sqlite import file, retention, schema
    from lectr_sink_sqlite.store import Store
    spec = importlib.util.spec_from_file_location("shared", sys.argv[2])
    shared = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shared)
    retention._SLACK_PAGES, retention.VACUUM_PAGES, file.WAL_KEEP_BYTES = 20, 40, 100_000
    minutes = itertools.count(shared.START_NS, 61 * 10**9)
    store = Store(path=Path(sys.argv[1]), busy_limit_s=1.0, retention_days=2, retention_chunk=150, minutes_days=1,
                  max_bytes=1_500_000, now_ns=lambda: next(minutes))
    cursor = store.open().get("s1")
    old_ns, step_ns = shared.START_NS - 5 * shared.DAY_NS, 5 * shared.DAY_NS // 1_200
    for begin in range(cursor.highest if cursor else 0, 1_200, 100):
        batch = [shared.make_record(seq, started_ns=old_ns + seq * step_ns) for seq in range(begin + 1, begin + 101)]
        store.write(batch, [Cursor(stream="s1", highest=begin + 100, stored=begin + 100)])
        store.sweep()
        store.sweep()
        store.tend()
    store.close()
"""


def work(path: Path, *before: str) -> subprocess.CompletedProcess[str]:
    shared = str(Path(__file__).with_name("conftest.py"))
    command = [*before, sys.executable, "-c", textwrap.dedent(WORK), str(path), shared]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def asked(path: Path, question: str) -> Any:  # Any: whatever is asked for
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchone()[0]


def traced_until(write: int) -> tuple[str, ...]:
    """What kills a command at its N-th write."""
    return ("strace", "-f", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", f"inject=pwrite64:signal=KILL:when={write}")


@pytest.mark.slow
# Of some 3,000: in the migrations, the first batches, the first that also remove, the last that give room back.
@pytest.mark.parametrize("write", [2, 60, 300, 700, 1_300, 2_200])
def test_a_kill_at_any_write_leaves_whole_batches_and_what_follows_completes_them(tmp_path: Path, write: int) -> None:
    path = tmp_path / "lectr.db"
    if shutil.which("strace") is None or subprocess.run([*traced_until(1), "true"], check=False).returncode:
        pytest.skip("no process can be traced here")
    done = work(path, *traced_until(write))
    assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
    assert asked(path, "PRAGMA integrity_check") == "ok"
    again = work(path)
    assert again.returncode == 0, again.stderr
    assert history.counts(path, 1.0) == {"s1": RECORDS}
    assert history.cursors(path, 1.0)["s1"].stored == RECORDS
    for table in ("usage_hourly", "usage_daily"):
        assert asked(path, f"SELECT sum(requests) FROM {table}") == RECORDS
    assert asked(path, "SELECT count(*) FROM requests") < RECORDS, "old rows went meanwhile"
    assert asked(path, "PRAGMA integrity_check") == "ok"


def test_wherever_the_disk_is_full_a_batch_is_stored_whole_or_not_at_all(tmp_path: Path, make: Make) -> None:
    store = Store(path=tmp_path / "lectr.db", busy_limit_s=0.05, retention_days=0, retention_chunk=10, now_ns=lambda: NOW_NS)
    store.open()
    stored = refused = 0
    said: set[str] = set()
    for batch in range(12):
        begin = stored * 40
        records = [make(begin + seq, feature=f"f{seq}") for seq in range(1, 41)]
        (pages,) = store._live.execute("PRAGMA page_count").fetchone()
        for room in range(0, 200, 3 + batch):
            store._live.execute(f"PRAGMA max_page_count = {pages + room}")
            try:
                store.write(records, [Cursor(stream="s1", highest=begin + 40, stored=begin + 40)])
            except OperatorError as fault:
                said.add(str(fault).rpartition(": ")[2])
                refused += 1
                assert history.counts(store.path, 1.0) == ({"s1": begin} if begin else {})
                continue
            stored += 1
            break
        assert history.counts(store.path, 1.0) == {"s1": stored * 40}
        assert asked(store.path, "SELECT sum(requests) FROM usage_minutely") == stored * 40
    assert stored == 12
    assert refused > 12
    assert said == {"database or disk is full"}
    assert asked(store.path, "PRAGMA integrity_check") == "ok"
    store.close()
