"""A journal whose disk takes its time: requests wait for it and for nothing else, and every record is there.

A worker appends a line in its own loop, so a disk that is slow to take it slows the requests of that worker by as much. How
much that is on real disks, and why no thread stands in between: docs/explanation/journal.md.
"""

from __future__ import annotations

from pathlib import Path

from tests.whole.gateway import gateway
from tests.whole.load import Load, nothing_is_missing_or_double
from tests.whole.upstream import Upstream

# Python runs this at its start, in every process of the gateway: the journal's lines take 20 ms each.
SLOW = """
import os, time
real = os.write

def write(file, data):
    if bytes(data[:2]) in (b"b ", b"e "):
        time.sleep(0.02)
    return real(file, data)

os.write = write
"""


def test_a_slow_journal_fails_no_request_and_loses_no_record(tmp_path: Path, upstream: Upstream) -> None:
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "sitecustomize.py").write_text(SLOW)
    with gateway(tmp_path / "slow", upstream.url, held=True) as running:
        running.stop()
        running.environ = {"PYTHONPATH": str(tmp_path / "slow")}
        running.start()
        with Load(running) as load:
            load.more(100)
        nothing_is_missing_or_double(running, load.finished)
        assert load.failed == 0
        assert running.lectr("verify", "--strict").returncode == 0
        assert min(row["duration_ms"] for row in running.rows("status = 200")) >= 20, "the begun line was slow indeed"
