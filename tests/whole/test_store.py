"""The store is locked or damaged, or its process stands still, while requests come: records wait, and are stored later.

No client notices; `lectr verify` says what waits, what is stored, and what only a damaged file still holds.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.whole.gateway import Gateway, as_json, gateway, until
from tests.whole.load import Load, nothing_is_missing_or_double, pid_of
from tests.whole.upstream import Upstream

PAUSE_S = 0.02
SINK = "[sink.sqlite]\nbusy_limit_s = 0.2\n"


@pytest.fixture
def own(tmp_path: Path, upstream: Upstream) -> Iterator[Gateway]:
    with gateway(tmp_path, upstream.url, held=True, extra=SINK) as running:
        yield running


def sums(running: Gateway, code: int = 0) -> dict[str, int]:
    """What `lectr verify` counts; its exit code is *code*."""
    said = running.lectr("verify", "--json", check=False)
    (sink,) = as_json(said.stdout)["sinks"]
    assert said.returncode == code, said.stdout
    counts: dict[str, int] = sink
    return counts


def doctor(running: Gateway) -> str:
    return running.lectr("doctor", "--offline", "--json", check=False).stdout


def logged(running: Gateway, words: str) -> int:
    return running.log.read_text().count(words)


def test_a_locked_database_makes_records_wait_and_nothing_else(own: Gateway) -> None:
    with Load(own, pause_s=PAUSE_S) as load:
        load.more(30)
        until(lambda: own.rows(), what="the database is there")
        with closing(sqlite3.connect(own.data / "lectr.db", timeout=10, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            held = len(own.rows())
            load.more(100)
            until(lambda: logged(own, "database is locked") >= 3, what="the sink has tried again and again")
            assert len(own.rows()) == held
            assert sums(own)["waiting"] > 0
            assert "database is locked" in doctor(own)
            other.execute("ROLLBACK")
        load.more(30)
    nothing_is_missing_or_double(own, load.finished)
    assert load.failed == 0


def damage(running: Gateway) -> None:
    """Spoil the database behind its first page while its process stands still, and let a new process find it.

    The write-ahead log is brought in before: where only that is damaged, SQLite goes back to what was before it.
    """

    def stopped_between_two_writes() -> int | None:
        pid = int(until(lambda: pid_of(running, "assembly.cold"), what="the cold process"))
        os.kill(pid, signal.SIGSTOP)
        with closing(sqlite3.connect(path, timeout=0.1)) as other:
            (is_busy, *_) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            os.kill(pid, signal.SIGCONT)
        return None if is_busy else pid

    path = running.data / "lectr.db"
    pid = until(stopped_between_two_writes, what="the cold process stands still and holds no lock")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    os.kill(pid, signal.SIGKILL)
    until(lambda: logged(running, "is damaged"), what="the damage is said")


def test_a_damaged_database_is_moved_aside_and_what_the_journal_holds_is_stored_again(own: Gateway) -> None:
    with Load(own, pause_s=PAUSE_S) as load:
        load.more(50)
        until(lambda: len(own.rows()) > 20, what="some records are stored")
        damage(own)
        load.more(50)
    (aside,) = own.data.glob("lectr.db.corrupt-*[0-9]Z")
    # the worker still lives, so its first segment is still there: every record of its life is stored again
    wanted = set(load.finished)
    until(lambda: not wanted - {row["feature"] for row in own.rows()}, what="all that the journal holds is stored again")
    until(lambda: own.lectr("verify", "--json", check=False).stdout.count('"waiting": 0'), what="nothing waits")
    counted = sums(own, code=1)
    assert counted["accepted"] == counted["stored"] == len(own.rows())
    assert aside.name in own.lectr("verify", check=False).stdout
    assert aside.name in doctor(own)
    for part in own.data.glob("lectr.db.corrupt-*"):
        part.rename(own.place / part.name)
    assert sums(own)["lost"] == 0
    assert load.failed == 0


def test_what_only_a_damaged_database_held_is_counted_as_lost(own: Gateway) -> None:
    """Segments that were stored are removed: what stood in them cannot be stored again."""
    with Load(own, pause_s=PAUSE_S) as load:
        load.more(60)
    nothing_is_missing_or_double(own, load.finished)
    (stream,) = (path for path in (own.data / "journal").iterdir() if path.is_dir())
    (stream / "000001.log").unlink()
    until(lambda: (stream / "000002.log").exists(), what="the worker begins another segment")
    damage(own)
    with Load(own, "later", pause_s=PAUSE_S) as later:
        later.more(20)
    until(lambda: not set(later.finished) - {row["feature"] for row in own.rows()}, what="what came later is stored")
    counted = sums(own, code=1)
    assert counted["lost"] >= len(load.finished)
    assert counted["accepted"] == counted["stored"] + counted["lost"]
    assert own.lectr("verify", "--strict", check=False).returncode == 1


def test_a_cold_process_that_stands_still_makes_records_wait_and_frees_nothing(own: Gateway) -> None:
    with Load(own, pause_s=0.0) as load:
        load.more(50)
        pid = until(lambda: pid_of(own, "assembly.cold"), what="the cold process")
        os.kill(pid, signal.SIGSTOP)
        held = set((own.data / "journal").glob("*/*.log"))
        stored = len(own.rows())
        load.more(500)
        assert len(own.rows()) == stored
        assert held <= set((own.data / "journal").glob("*/*.log"))
        assert sums(own)["waiting"] >= 400
        os.kill(pid, signal.SIGCONT)
        load.more(50)
    nothing_is_missing_or_double(own, load.finished)
    assert load.failed == 0


def test_a_database_put_back_from_an_older_copy_or_emptied_is_no_proof(own: Gateway) -> None:
    """What its workers wrote is long stored and freed, so the journal alone cannot tell."""

    def live(name: str) -> None:
        with Load(own, name) as load:
            load.more(20)
        nothing_is_missing_or_double(own, load.finished)
        own.stop()
        own.start()

    live("first")
    copy = own.place / "copy.db"
    with closing(sqlite3.connect(own.data / "lectr.db")) as there, closing(sqlite3.connect(copy)) as other:
        there.backup(other)
    held = len(own.rows())
    live("second")
    until(lambda: own.lectr("verify", check=False).returncode == 0, what="all is proved")
    newer = len(own.rows())
    for content, left in ((copy.read_bytes(), held), (b"", 0)):
        own.stop()
        (own.data / "lectr.db").write_bytes(content)
        assert own.lectr("verify", check=False).returncode == 1
        own.start()
        own.stored(left + 1)
        assert sums(own, code=1)["missing"] >= newer - left
        assert "not in it any more" in doctor(own)
    (own.data / "journal/finished").unlink()
    assert sums(own)["missing"] == 0
