"""The database file itself: made private, opened for writing or only for reading, moved aside when it is broken.

Blocking; called by `store.py` and `history.py`, never on Trio's own thread.
"""

from __future__ import annotations

import fcntl
import glob
import logging
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from lectr_core import OperatorError
from lectr_sink_sqlite import histogram, rollups

log = logging.getLogger("lectr.sink.sqlite")

PRIVATE = 0o600

# 64 MiB: what the write-ahead log keeps on disk after a burst; SQLite's own default never gives the room back.
WAL_KEEP_BYTES = 64 * 1024 * 1024

# How long a reader is waited for before the log is begun anew. Whoever reads a page is through by then.
LOG_WAIT_S = 1.0

# 16 MiB of pages: the fronts of all indexes of some million rows stay in memory between two batches.
CACHE_KIB = 16 * 1024

ASIDE = ".corrupt-"
"""Between the name of a file that was moved aside and the time at which it was."""

BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


Place = tuple[int, int]
"""Device and inode: which file it is, whatever its name."""


def place(path: Path) -> Place | None:
    """Which file stands there; None where there is none, or nothing in it.

    A connection goes on writing to one that was removed, and into the log of one that was cut to nothing.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status.st_size else None


def say_gone(path: Path) -> None:
    """Log that the file is not the one it was."""
    log.error(
        "database %s was removed, emptied or replaced while Lectr ran: rows stored before are no longer in it, "
        "and what the journal still holds is stored again",
        path,
    )


def is_broken(fault: sqlite3.Error) -> bool:
    """Whether the error says that the file's content is damaged (and not: locked, full, away)."""
    code = getattr(fault, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in BROKEN


def take_lock(path: Path) -> int:
    """Become the one sink that stores in the file: a descriptor to keep open meanwhile. Beside it, `lectr.db.lock` appears.

    Two gateways would each take what the other has in its journal for lost, and its requests in flight for over.
    Errors: OperatorError where another one has it; OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        told = "give each a sink.sqlite.path of its own; records wait in the journal"
        raise OperatorError(f"another gateway stores in {path}: {told}") from None
    return lock


def connect(path: Path, busy_limit_s: float) -> sqlite3.Connection:
    """Open for writing; makes the file (mode 0600) where there is none. Transactions are begun by hand.

    Errors: sqlite3.Error or OSError where the file cannot be had.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made here and not by SQLite, so that it is never readable to others, not even for a moment. SQLite gives its
    # write-ahead log the mode of the database.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE))
    connection = sqlite3.connect(path, timeout=busy_limit_s, isolation_level=None, check_same_thread=False)
    try:
        # Only a new file takes it; it lets room be given back a little at a time.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEEP_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA temp_store = MEMORY")
        histogram.register(connection)
        rollups.prepare(connection)
        # Reads the schema, which is where a file that is no database shows itself.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path, busy_limit_s: float) -> sqlite3.Connection | None:
    """Open without any right to change; None where there is no file."""
    if not path.exists():
        return None
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=busy_limit_s, isolation_level=None)
    histogram.register(connection)
    return connection


def log_bytes(path: Path) -> int:
    """How long the write-ahead log is; 0 where there is none."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size
    except OSError:
        return 0


def begin_log_anew(connection: sqlite3.Connection, busy_limit_s: float) -> bool:
    """Bring the write-ahead log into the file and cut it to nothing. False where a reader did not let go of it in time.

    SQLite begins it anew by itself only where nobody reads at that very moment. Where pages are open all day, one reader
    begins before another ends, that moment never comes, and the log grows until the disk is full. Here the newest of them
    are waited for, while those that begin meanwhile read the file and not the log.
    """
    connection.execute(f"PRAGMA busy_timeout = {round(LOG_WAIT_S * 1000)}")
    try:
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(busy_limit_s * 1000)}")
    return not is_busy


def check(connection: sqlite3.Connection) -> None:
    """Read the whole file, indexes against tables. Errors: sqlite3.DatabaseError (SQLITE_CORRUPT) where it is damaged."""
    (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        fault = sqlite3.DatabaseError(str(said))
        fault.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise fault


def set_aside(path: Path, fault: sqlite3.Error, now_ns: int) -> Path:
    """Rename a broken file, its write-ahead log with it, so that a new one can begin. Returns the new name."""
    at = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.name}{ASIDE}{at}")
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.name}{ASIDE}{at}-{count}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    log.error(
        "database %s is damaged (%s); moved to %s, a new one begins: rows stored before are only in the old file, "
        "and what the journal still holds is stored again",
        *(path, fault, aside.name),
    )
    return aside


def moved_aside(path: Path) -> list[str]:
    """One line for each damaged file that still lies beside the one at *path*."""
    names = sorted(found.name for found in path.parent.glob(f"{glob.escape(path.name)}{ASIDE}*"))
    return [
        f"{name} was damaged and moved aside: what only it holds is not counted; salvage it, then move it elsewhere"
        for name in names
        if not name.endswith(("-wal", "-shm"))
    ]
