"""The SQL functions that read the stored histograms of latencies, for a Datasette that does not have them yet.

A histogram is a JSON array: the number of its first step, then how many requests took as long as that step and each one
after it. Step *k* ends at 0.01 ms × 1.04^k; a percentile is the geometric middle of its step, so at most 2 % off. The
functions of the SQLite sink, where it is installed too, have the same names and say the same. Called by `pages.py`.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence
from typing import Final

RATIO: Final = 1.04
FLOOR_MS: Final = 0.01
STEPS: Final = 600


class Sum:
    """The aggregate `histogram_sum`."""

    __slots__ = ("_counts", "_only")

    def __init__(self) -> None:
        self._only: str | None = None
        self._counts: list[int] | None = None

    def step(self, text: str | None) -> None:
        """Add one histogram; None is an empty one."""
        if text is None:
            return
        # Where thousands of names have one row each, nothing is added up: it stays as it is.
        first = self._only
        if first is None:
            self._only = text
            return
        if self._counts is None:
            self._counts = [0] * STEPS
            _add(self._counts, first)
        _add(self._counts, text)

    def finalize(self) -> str | None:
        """All of them as one."""
        return self._only if self._counts is None else text_of(self._counts)


def _add(counts: list[int], text: str) -> None:
    first, *more = json.loads(text)
    for at, count in enumerate(more, first):
        counts[at] += count


def text_of(counts: Sequence[int]) -> str | None:
    """As it is stored; None where it is empty."""
    filled = [at for at, count in enumerate(counts) if count]
    return json.dumps([filled[0], *counts[filled[0] : filled[-1] + 1]], separators=(",", ":")) if filled else None


def percentile_ms(text: str | None, share: float) -> float | None:
    """The duration that *share* (0 to 1) of the requests do not exceed, by nearest rank; None of none."""
    if text is None:
        return None
    first, *counts = json.loads(text)
    total = sum(counts)
    rank = min(max(1, math.ceil(share * total)), total)
    for step, count in enumerate(counts, first):
        rank -= count
        if rank <= 0:
            return FLOOR_MS * RATIO ** (step - 0.5) if step else FLOOR_MS
    return None


def count(text: str | None) -> int:
    """How many requests a histogram holds."""
    return 0 if text is None else sum(json.loads(text)[1:])


def register(connection: sqlite3.Connection) -> None:
    """Give *connection* `histogram_sum`, `histogram_percentile` and `histogram_count`, if it has none."""
    try:
        connection.execute("select histogram_percentile(null, 0.5)")
    except sqlite3.OperationalError:
        connection.create_aggregate("histogram_sum", 1, Sum)  # type: ignore[arg-type]  # typeshed knows no NULL in step
        connection.create_function("histogram_percentile", 2, percentile_ms, deterministic=True)
        connection.create_function("histogram_count", 1, count, deterministic=True)
