"""A data directory that is full, read-only or removed while requests come: no client notices, and the proof tells the truth.

The disk is a small file system of its own, in memory; where this user may not mount one, these tests say so and are skipped.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from tests.whole.gateway import Gateway, as_json, free_port, gateway, until
from tests.whole.load import Load, nothing_is_missing_or_double
from tests.whole.test_crash import kill
from tests.whole.upstream import Upstream

PAUSE_S = 0.02
"""Between two requests of a client: what waits in memory then stays far below its bound."""


@attrs.frozen
class Stage:
    """A gateway whose data directory is a disk of its own."""

    gateway: Gateway
    admin: str

    def ready(self) -> tuple[int, set[str]]:
        """What `/readyz` says."""
        got = httpx.get(f"{self.admin}/readyz", trust_env=False)
        return got.status_code, set(got.json().get("reasons", ()))

    def doctor(self) -> str:
        """What `lectr doctor` finds wrong; it must find something."""
        found = self.gateway.lectr("doctor", "--offline", "--json", check=False)
        assert found.returncode == 1
        return found.stdout

    def proof(self, *options: str) -> tuple[int, dict[str, Any]]:  # Any: JSON
        """Exit code and sums of `lectr verify`."""
        said = self.gateway.lectr("verify", "--json", *options, check=False)
        (sink,) = as_json(said.stdout)["sinks"]
        return said.returncode, sink


@contextlib.contextmanager
def mounted(*arguments: str) -> Iterator[None]:
    """Mount something for as long as the block lasts; skips the test where that is not allowed."""
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a disk of its own here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", arguments[-1]], check=True)


@pytest.fixture
def stage(tmp_path: Path, upstream: Upstream) -> Iterator[Stage]:
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    (tmp_path / "data").mkdir()
    port = free_port()
    with mounted("-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", str(tmp_path / "data")):
        with gateway(tmp_path, upstream.url, held=True, extra=f'[admin]\nlisten = "127.0.0.1:{port}"\n') as running:
            yield Stage(running, f"http://127.0.0.1:{port}")


def fill(path: Path) -> None:
    """Write a file until the disk is full to the last byte."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    os.write(opened, bytes(size))
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            os.write(opened, b"x")
    finally:
        os.close(opened)


def test_a_full_disk_stops_no_request_and_loses_no_record(stage: Stage) -> None:
    ballast = stage.gateway.data / "ballast"
    with Load(stage.gateway, pause_s=PAUSE_S) as load:
        load.more(50)
        fill(ballast)
        load.more(200)
        until(lambda: stage.ready()[0] == 503, what="it is not ready to record")
        assert stage.ready()[1] & {"records_wait", "journal_not_writable"}
        assert "its disk takes nothing" in stage.doctor()
        before = len(load.finished)
        until(lambda: stage.proof()[1]["accepted"] >= before, what="it is said how much waits in memory")
        code, sums = stage.proof()
        assert (code, sums["lost"]) == (0, 0)
        assert sums["waiting"] > 100
        ballast.unlink()
        load.more(50)
    until(lambda: stage.ready() == (200, set()), what="it is ready again")
    nothing_is_missing_or_double(stage.gateway, load.finished)
    code, sums = stage.proof("--strict")
    assert (code, load.failed) == (0, 0)
    assert (sums["lost"], sums["damaged"]) == (0, 0)


def test_what_was_only_in_the_memory_of_a_killed_worker_is_counted_as_lost(stage: Stage) -> None:
    ballast = stage.gateway.data / "ballast"
    with Load(stage.gateway, pause_s=PAUSE_S) as load:
        load.more(50)
        fill(ballast)
        load.more(100)
    until(lambda: stage.proof()[1]["accepted"] >= len(load.finished), what="it is said how much waits in memory")
    kill(stage.gateway, "assembly.worker")
    ballast.unlink()
    until(lambda: not stage.proof()[1]["waiting"], what="the dead worker's journal is read")
    code, sums = stage.proof()
    assert code == 0
    assert sums["lost"] > 50
    assert sums["accepted"] == sums["stored"] + sums["lost"] >= len(load.finished)
    assert stage.proof("--strict")[0] == 1


def test_a_disk_that_is_read_only_stops_no_request_and_loses_no_record(stage: Stage) -> None:
    """Files that are open can still be written; nothing new can be made: no segment, no health file, no lock."""
    data = str(stage.gateway.data)
    with Load(stage.gateway, pause_s=PAUSE_S) as load:
        load.more(50)
        with mounted("--bind", data, data):
            subprocess.run(["mount", "-o", "remount,bind,ro", data], check=True)
            load.more(100)
            until(lambda: "journal_not_writable" in stage.ready()[1], what="it says that nothing can be written")
            assert "its disk takes nothing" in stage.doctor()
            assert stage.proof()[0] == 0
        load.more(50)
    until(lambda: stage.ready() == (200, set()), what="it is ready again")
    nothing_is_missing_or_double(stage.gateway, load.finished)
    assert (stage.proof("--strict")[0], load.failed) == (0, 0)


def test_a_worker_that_dies_while_the_disk_is_read_only_is_replaced_by_one_that_serves(stage: Stage) -> None:
    data = str(stage.gateway.data)
    with mounted("--bind", data, data):
        subprocess.run(["mount", "-o", "remount,bind,ro", data], check=True)
        kill(stage.gateway, "assembly.worker")
        with Load(stage.gateway, pause_s=PAUSE_S) as load:
            load.more(50)
    until(lambda: stage.ready() == (200, set()), what="it is ready again")
    nothing_is_missing_or_double(stage.gateway, load.finished)
    assert stage.proof("--strict")[0] == 0


def test_a_data_directory_that_is_removed_stops_no_request_and_the_proof_says_what_went_with_it(stage: Stage) -> None:
    data = stage.gateway.data
    with Load(stage.gateway, pause_s=PAUSE_S) as load:
        load.more(100)
        until(lambda: len(stage.gateway.rows()) > 50, what="some records are stored")
        for entry in list(data.iterdir()):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        load.more(100)
        until(lambda: stage.gateway.rows(), what="a new database takes records")
        load.more(50)
        until(lambda: "somebody removed the data directory" in stage.doctor(), what="the doctor knows")
        before = len(load.finished)
        load.more(50)
    later = set(load.finished[before:])
    until(lambda: not later - {row["feature"] for row in stage.gateway.rows()}, what="what came later is stored")
    until(lambda: not stage.proof()[1]["waiting"], what="nothing waits")
    code, sums = stage.proof()
    assert (code, load.failed) == (0, 0)
    assert sums["accepted"] == sums["stored"] + sums["lost"]
    assert sums["stored"] == len(stage.gateway.rows())
    assert sums["accepted"] >= len(load.finished)
    assert sums["lost"] > 50, "what was stored before went with the database"
    assert stage.proof("--strict")[0] == 1
