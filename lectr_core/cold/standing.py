"""How the cold process stands, as values, and the file in which other processes find them. Called by `way.py` and assembly.

Nothing here decides anything. `<data>/health/cold.json` is replaced as a whole, so that a reader never sees half of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

from lectr_core.journal.whole import make_directory, replace_file
from lectr_core.model.codec import encode


@attrs.frozen(kw_only=True)
class SinkStanding:
    """One sink at one moment."""

    id: str
    state: Literal["opening", "following", "failing"]
    caught_up: bool
    """Whether everything that the journal held at the last look is stored."""
    behind_s: float
    """How long ago it was last caught up, in seconds; 0 where it is."""
    busy_s: float
    """How long the sink has been at the present call, in seconds: shows one that hangs."""
    stored: int
    """Records stored since this process started."""
    in_flight: int
    """Requests that have begun and not ended, as far as the journal is read."""
    lost: int
    """Records known to be lost, in all streams this sink ever read."""
    damaged: int
    """Journal lines that were not what had been written, in all streams this sink ever read."""
    failures: int
    """In a row; 0 where the last try went well."""
    last_fault: str | None
    """What went wrong last, in one line; stays when it is over."""
    batch_limit: int
    """Records per write: becomes small where writes fail, so that one bad record holds up only itself."""
    blocked_by: str | None
    """Id of the one record that the sink keeps refusing; nothing behind it in its stream is stored."""
    unreadable: tuple[str, ...]
    """Streams whose files cannot be read at the moment."""


@attrs.frozen(kw_only=True)
class Standing:
    """The cold process at one moment."""

    process: Literal["cold"] = "cold"
    pid: int
    written_at: str
    """UTC, ISO 8601."""
    waits_for_other: bool
    """Another cold process works on this data directory; this one takes over when it ends."""
    sinks: tuple[SinkStanding, ...]
    price_faults: dict[str, int]
    """How often each price book failed."""
    catalog_faults: dict[str, str] = attrs.field(factory=dict)
    """Of each price book that does not quote what it was told to: why."""

    @property
    def is_well(self) -> bool:
        """Whether no sink is in trouble."""
        return not any(sink.failures or sink.unreadable for sink in self.sinks)

    @property
    def caught_up(self) -> bool:
        """Whether every sink has stored all that the journal held at the last look."""
        return not self.waits_for_other and all(sink.caught_up for sink in self.sinks)


def write_standing(path: Path, standing: Standing) -> None:
    """Replace the file at *path*. Errors: OSError (a full disk); the file there before is then still whole."""
    make_directory(path.parent)
    replace_file(path, encode(standing) + b"\n", durable=False)
