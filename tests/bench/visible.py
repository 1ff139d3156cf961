"""How long after its answer a request is there to be seen: in SQL, in `lectr tail`, on the screen of `lectr top`.

Under a steady load, requests with a feature of their own go through one after the other; each place is watched as a user
would, and the first time that the feature stands there is noted. Never judges anything.

    python -m tests.bench.visible --rate 1000 --markers 40
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import re
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs

from tests.bench import subjects
from tests.bench.load import clients
from tests.bench.measures import SMALL, quantile

ROWS, COLUMNS = 120, 160
LOOK_S: Final = 0.01
GIVE_UP_S: Final = 10.0
_MARK: Final = re.compile(rb"mark-\d{4}")


@attrs.define
class Sightings:
    """When each mark was seen first, by place. Units: s of the monotonic clock."""

    at_s: dict[str, dict[bytes, float]] = attrs.field(factory=dict)

    def look(self, place: str, shown: bytes) -> None:
        """Take what *place* shows now."""
        now_s, seen = time.monotonic(), self.at_s.setdefault(place, {})
        for mark in _MARK.findall(shown):
            seen.setdefault(mark, now_s)


def opened(path: Path) -> sqlite3.Connection:
    """The database, once the cold process has made it: `lectr top` has nothing to show before."""
    _until(path.exists)
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    _until(lambda: connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'about_columns'").fetchone() is not None)
    return connection


def watch_sql(connection: sqlite3.Connection, sightings: Sightings, over: threading.Event) -> None:
    """Ask the table, again and again."""
    newest = 0
    while not over.wait(LOOK_S):
        asked = (
            "SELECT max(rowid), group_concat(CASE WHEN feature LIKE 'mark-%' THEN feature END) FROM requests WHERE rowid > ?"
        )
        last, marks = connection.execute(asked, (newest,)).fetchone()
        newest = last or newest
        sightings.look("SQL", (marks or "").encode())
    connection.close()


def watch_output(descriptor: int, place: str, sightings: Sightings) -> None:
    """Read what a command writes, until it ends."""
    held = b""
    while True:
        try:
            data = os.read(descriptor, 1 << 16)
        except OSError:  # the other side of a terminal is gone
            return
        if not data:
            return
        held = held[-16:] + data
        sightings.look(place, held)


@contextlib.contextmanager
def running(data: Path, place: str, sightings: Sightings, *command: str) -> Iterator[None]:
    """A command of `lectr` on a terminal of its own, as a user has it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    whole = [sys.executable, "-m", "lectr_core.assembly.cli", "--data", str(data), *command]
    with subprocess.Popen(whole, stdin=theirs, stdout=theirs, stderr=subprocess.STDOUT, start_new_session=True) as process:
        os.close(theirs)
        reader = threading.Thread(target=watch_output, args=(ours, place, sightings), daemon=True)
        reader.start()
        try:
            yield
        finally:
            process.terminate()
            process.wait()
            reader.join(2.0)
            os.close(ours)


def measure(subject: subjects.Subject, rate: float, markers: int) -> tuple[Sightings, dict[bytes, float], float]:
    """Load and marks at once. Returns what was seen, when each mark's answer had ended, and the rate that was reached."""
    assert subject.gateway is not None
    data, sightings, over = subject.gateway.data, Sightings(), threading.Event()
    sent = subject.request(SMALL)
    ends: dict[bytes, float] = {}

    def mark() -> None:
        with clients(subject.port, 1) as them:
            for number in range(markers):
                name = b"mark-%04d" % number
                seen = them.closed_loop(sent.replace(b"X-Lectr-Feature: bench", b"X-Lectr-Feature: " + name), 1, 1)
                ends[name] = seen.done_at[-1]
                time.sleep(0.237)  # in step with no clock that the commands have

    marks = threading.Thread(target=mark)
    with contextlib.ExitStack() as stack:
        connection = opened(data / "lectr.db")
        stack.enter_context(running(data, "lectr tail", sightings, "tail", "--where", "feature=mark-*"))
        stack.enter_context(running(data, "lectr top", sightings, "top", "--minutes", "1"))
        _until(lambda: {"lectr tail", "lectr top"} <= sightings.at_s.keys())  # the commands have begun
        sql = threading.Thread(target=watch_sql, args=(connection, sightings, over), daemon=True)
        sql.start()
        marks.start()
        with clients(subject.port, 16) as them:
            seen = them.paced(sent, int(rate * (markers * 0.25 + 5)), rate)
        marks.join()
        _until(lambda: all(len(found) >= markers for found in sightings.at_s.values()) and len(sightings.at_s) == 3)
        over.set()
        sql.join()
    return sightings, ends, len(seen.done_at) / seen.lasted_s


def _until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + GIVE_UP_S
    while not is_true() and time.monotonic() < end:
        time.sleep(0.05)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=1000.0, help="requests a second beside the marks")
    parser.add_argument("--markers", type=int, default=40)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as place,
        subjects.provider() as upstream,
        subjects.lectr(Path(place), upstream) as one,
    ):
        sightings, ends, reached = measure(one, asked.rate, asked.markers)
    print(f"{reached:,.0f} requests a second, {len(ends)} marks")
    for place, seen in sightings.at_s.items():
        if not seen:
            print(f"{place:<11} showed none")
            continue
        lags_ns = sorted(round(1e9 * (seen[name] - ends[name])) for name in ends if name in seen)
        missed = len(ends) - len(lags_ns)
        middle, late, worst = statistics.median(lags_ns) / 1e9, quantile(lags_ns, 0.99) / 1e9, lags_ns[-1] / 1e9
        print(f"{place:<11} median {middle:.3f} s  p99 {late:.3f} s  worst {worst:.3f} s  not seen {missed}")


if __name__ == "__main__":
    main()
