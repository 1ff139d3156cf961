"""What each process says of itself: `<data>/health/<process>.json`, replaced whole, read by `lectr doctor`.

Counts and names only. Whoever reads must not trust a file of a process that is gone: `is_alive` tells. Called by the
processes (to write) and by commands (to read).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from lectr_core.journal.whole import make_directory, replace_file
from lectr_core.model import codec

FOLDER = "health"


@attrs.frozen(kw_only=True)
class Health:
    """The state of one process."""

    process: str
    """`worker-0`, `cold`, `supervisor`."""
    pid: int
    state: str
    """`starting`, `serving`, `draining`, `stopped`."""
    version: str
    """Of the configuration it works with."""
    updated_ns: int
    """Wall clock, nanoseconds since 1970."""
    counters: Mapping[str, int] = attrs.field(factory=dict)
    faults: Mapping[str, int] = attrs.field(factory=dict)
    """How often which plugin failed, by its id."""
    notes: Mapping[str, Any] = attrs.field(factory=dict)  # Any: text and numbers, as JSON has them
    """What else is worth knowing: keys loaded, what was refused and why."""

    @property
    def is_alive(self) -> bool:
        """Whether a process of that id runs and nobody said it stopped."""
        if self.state == "stopped":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


@attrs.define
class Board:
    """Where one process writes its health. A full disk is no reason to stop, so a failed write is only remembered."""

    data: Path
    failed: int = 0
    """How many writes failed."""
    _last: Health | None = None

    def show(self, health: Health) -> None:
        """Write *health* where it says something new, where ten seconds have passed, or where somebody removed the file."""
        last = self._last
        file = self.data / FOLDER / f"{health.process}.json"
        is_recent = last is not None and 0 <= health.updated_ns - last.updated_ns < 10_000_000_000
        if last is not None and is_recent and attrs.evolve(health, updated_ns=last.updated_ns) == last and file.exists():
            return
        try:
            make_directory(self.data / FOLDER)
            text = json.dumps(attrs.asdict(health), indent=1)
            replace_file(file, text.encode() + b"\n", durable=False)
            self._last = health
        except OSError:
            self.failed += 1


def read_health(data: Path) -> list[Health]:
    """What every process said last, by name; files that cannot be read are left out."""
    found = []
    for file in sorted((data / FOLDER).glob("*.json")):
        try:
            found.append(codec.decode(file.read_bytes(), Health))
        except (OSError, ValueError):
            continue
    return found
