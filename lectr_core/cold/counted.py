"""What was counted already, where several answers may report the same usage: a small file that outlives the process.

A response that was worked on in the background can be fetched any number of times, and so can a batch's results. The first
record that reports such usage counts it, and remembers its name here; every later one counts nothing. Asked again about the
same record, the answer stays the same, so that records may be accounted for again, by other sinks or after a crash.

The request that began such work is `open` until then; its record waits under the same name, and is closed by the one that
counts it.

The file has one line for each, `day name record`; the name is a digest, with a `+` in front for a record that waits.
Called by `account.py`, in the cold process alone.
"""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import Final

import attrs

_log = logging.getLogger("lectr.cold")

FILE: Final = "counted"

KEPT_DAYS: Final = 90
"""Providers keep responses and batches for 30 days; nothing is fetched again after thrice that."""

_DAY_NS: Final = 86_400_000_000_000


@attrs.define(eq=False)
class Counted:
    """Which record counted what. Only one process may have it at a time."""

    path: Path
    _by_name: dict[str, str] | None = attrs.field(init=False, default=None)
    _waiting: dict[str, list[str]] = attrs.field(init=False, factory=dict)

    def is_first(self, name: str, record: str, started_ns: int) -> bool:
        """Whether *record* (its id) is the one that counts *name*.

        Shapes: *name* is the provider's id and the name of what is counted; *started_ns* is the record's time.
        """
        known = self._read(started_ns // _DAY_NS)
        digest = _digest(name)
        first = known.get(digest)
        if first is None:
            known[digest] = record
            self._add(f"{started_ns // _DAY_NS} {digest} {record}\n")
            return True
        return first == record

    def is_counted(self, name: str, started_ns: int) -> bool:
        """Whether a record has counted *name*."""
        return _digest(name) in self._read(started_ns // _DAY_NS)

    def wait(self, name: str, record: str, started_ns: int) -> None:
        """Remember that *record* is open until *name* is counted."""
        self._read(started_ns // _DAY_NS)
        digest = _digest(name)
        waiting = self._waiting.setdefault(digest, [])
        if record not in waiting:
            waiting.append(record)
            self._add(f"{started_ns // _DAY_NS} +{digest} {record}\n")

    def waiting(self, name: str, started_ns: int) -> tuple[str, ...]:
        """Which records were open until *name* was counted, the oldest first."""
        self._read(started_ns // _DAY_NS)
        return tuple(self._waiting.get(_digest(name), ()))

    def _read(self, today: int) -> dict[str, str]:
        if self._by_name is None:
            self._by_name = {}
            try:
                lines = self.path.read_text("ascii", "replace").splitlines()
            except FileNotFoundError:
                lines = []
            except OSError as exc:
                _log.warning("cannot read %s: %s; a result fetched again may be counted again", self.path.name, exc.strerror)
                lines = []
            for line in lines:
                day, _, rest = line.partition(" ")
                digest, _, record = rest.partition(" ")
                if not record or not day.isdigit() or int(day) < today - KEPT_DAYS:
                    continue
                if digest.startswith("+"):
                    self._waiting.setdefault(digest[1:], []).append(record)
                else:
                    self._by_name.setdefault(digest, record)
        return self._by_name

    def _add(self, line: str) -> None:
        """Append, and be sure of it before a sink stores what follows from it. Rare: once a background answer or batch."""
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # A line that was torn by a crash must not swallow this one.
                os.write(file, b"\n" + line.encode("ascii", "replace"))
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as exc:
            _log.warning("cannot write %s: %s; a result fetched again may be counted again", self.path.name, exc.strerror)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
