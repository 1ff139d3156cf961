"""How far a sink has come in one worker's journal stream, and what has become of its sequence numbers."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Cursor:
    """A position behind which everything is stored. A sink keeps it in the transaction that stores the rows."""

    stream: str
    segment: int = 1
    """Number of the segment file."""
    offset: int = 0
    """Bytes into that segment: always at the start of a line."""
    highest: int = 0
    """Highest sequence number seen so far."""
    stored: int = 0
    """Records handed over so far, interrupted ones included."""
    lost: int = 0
    """Sequence numbers that are known to have left no record."""
    damaged: int = 0
    """Lines that were not as they had been written, or half there, so far."""
    finished: bool = False
    """The worker is gone and all it wrote is stored; nothing will follow."""
