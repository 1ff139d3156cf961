"""A real worker process, killed with -9 while it writes: what it said it had written is there."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lectr_core.journal.reader import StreamReader
from lectr_core.journal.recovery import is_writer_gone
from lectr_core.model.cursor import Cursor
from tests.journal.disk import read_all, seqs

WORKER = """
import sys
from pathlib import Path
from lectr_core.journal.writer import Writer
from lectr_core.testing.samples import sample_record

out = Writer(Path(sys.argv[1]), segment_bytes=int(sys.argv[2]))
while True:
    record = sample_record(out.next_seq()).ended
    out.begun(record.begun)
    out.ended(record)
    sys.stdout.write(f"{record.begun.seq:1000}\\n")  # long, so that the pipe lets it run only a little ahead
    sys.stdout.flush()
"""


@pytest.mark.slow
@pytest.mark.parametrize("segment_bytes", [5_000, 50_000])
def test_after_kill_9_every_record_that_was_written_is_read_once(tmp_path: Path, segment_bytes: int) -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER, tmp_path, str(segment_bytes)], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    for _ in range(200):
        worker.stdout.readline()
    (stream,) = tmp_path.iterdir()
    assert not is_writer_gone(stream)
    with StreamReader(stream, Cursor(stream=stream.name)) as source:
        batch = source.read(100)
    early, cursor = list(batch.ended), batch.cursor
    worker.send_signal(signal.SIGKILL)
    confirmed = 200 + len(worker.stdout.read().splitlines())
    worker.wait()
    worker.stdout.close()
    assert is_writer_gone(stream)
    late, cursor = read_all(stream, cursor)
    found = seqs(early + late)
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= confirmed - 1
    assert (cursor.stored, cursor.lost, cursor.finished) == (len(found), 0, True)
    assert {record.outcome for record in (early + late)[:confirmed]} == {"ok"}
