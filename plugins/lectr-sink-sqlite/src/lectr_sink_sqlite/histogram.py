"""Histograms of durations that add up: how many requests took how long, in steps of 4 %, and percentiles from them.

A histogram is a JSON array of whole numbers: the number of its first step, then the requests in that step and in each one
after it. Step *k* holds what took longer than 0.01 ms × 1.04^(k-1) and at most 0.01 ms × 1.04^k; step 0 what took less. A
percentile is the geometric middle of the step it falls into, so it is at most 2 % off. Pure. The SQL functions that
`register` adds are the same, for queries. Called by `file.py`, by commands, and by anybody who reads the database.
"""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import add
from typing import Final

import msgspec

RATIO: Final = 1.04
"""From one step's end to the next. Its square root is 1.0198: that is how far the middle is from either end."""
FLOOR_MS: Final = 0.01
"""The end of step 0. Nothing that goes over a network is that fast."""
LAST: Final = 599
"""The last step: it ends at over 40 hours, and holds what took longer too."""

_PER_STEP: Final = math.log(RATIO)
_decode = msgspec.json.Decoder(list[int]).decode
_encode = msgspec.json.Encoder().encode


def step_of(ms: float) -> int:
    """The step that holds a duration. Units: milliseconds."""
    if ms <= FLOOR_MS:
        return 0
    return min(math.ceil(math.log(ms / FLOOR_MS) / _PER_STEP), LAST)


def upto_ms(step: int) -> float:
    """Where a step ends. Units: milliseconds."""
    return FLOOR_MS * RATIO**step


def middle_ms(step: int) -> float:
    """What stands for all durations of a step. Units: milliseconds."""
    return FLOOR_MS * RATIO ** (step - 0.5) if step else FLOOR_MS


class Histogram:
    """One histogram that grows. It is also what SQLite calls for the aggregate `histogram_sum`."""

    __slots__ = ("_counts", "_first")

    def __init__(self, texts: Iterable[str | None] = ()) -> None:
        self._first = 0
        self._counts: list[int] = []
        for text in texts:
            self.add(text)

    def take(self, ms: float | None) -> None:
        """Count one duration; None is none. Units: milliseconds."""
        if ms is not None:
            self._grow(step_of(ms), [1])

    def add(self, text: str | None) -> None:
        """Add another histogram; None is an empty one. Errors: ValueError where it is none."""
        if text is not None:
            first, *counts = _decode(text)
            self._grow(first, counts)

    def _grow(self, first: int, counts: list[int]) -> None:
        if first < 0 or first + len(counts) > LAST + 1:
            raise ValueError(f"a histogram has the steps 0 to {LAST}, got {first} to {first + len(counts) - 1}")
        mine = self._counts
        if not mine:
            self._first, self._counts = first, counts
            return
        if first < self._first:
            mine[:0] = [0] * (self._first - first)
            self._first = first
        at = first - self._first
        end = at + len(counts)
        if end > len(mine):
            mine.extend([0] * (end - len(mine)))
        mine[at:end] = map(add, mine[at:end], counts)

    @property
    def count(self) -> int:
        """How many durations it holds."""
        return sum(self._counts)

    def percentile_ms(self, share: float) -> float | None:
        """The duration that *share* (0 to 1) of all do not exceed, by nearest rank; None of none. At most 2 % off."""
        return self.percentiles_ms((share,))[0]

    def percentiles_ms(self, shares: Sequence[float]) -> list[float | None]:
        """Several at once, in the order asked."""
        return _percentiles_ms(self._counts, self._first, shares)

    def text(self) -> str | None:
        """As it is stored; None where it is empty."""
        return _encode([self._first, *self._counts]).decode() if self._counts else None


def percentiles_ms(text: str | None, shares: Sequence[float]) -> list[float | None]:
    """The durations that the *shares* (0 to 1) of a stored histogram do not exceed, by nearest rank; None of none."""
    if text is None:
        return [None] * len(shares)
    first, *counts = _decode(text)
    return _percentiles_ms(counts, first, shares)


def _percentiles_ms(counts: list[int], first: int, shares: Sequence[float]) -> list[float | None]:
    upto = list(accumulate(counts))
    total = upto[-1] if upto else 0
    if not total:
        return [None] * len(shares)
    ranks = (min(max(1, math.ceil(share * total)), total) for share in shares)
    return [middle_ms(first + bisect_left(upto, rank)) for rank in ranks]


def added(one: str | None, other: str | None) -> str | None:
    """Two histograms as one. Fast where *other* holds little."""
    if one is None or other is None:
        return other if one is None else one
    first, *counts = _decode(one)
    at, *more = _decode(other)
    if min(at, first) < 0 or max(at + len(more), first + len(counts)) > LAST + 1:
        raise ValueError(f"a histogram has the steps 0 to {LAST}")
    if at < first:
        counts[:0] = [0] * (first - at)
        first = at
    shift = at - first
    missing = shift + len(more) - len(counts)
    if missing > 0:
        counts.extend([0] * missing)
    for place, count in enumerate(more, shift):
        if count:
            counts[place] += count
    return _encode([first, *counts]).decode()


class _OfDurations:
    """The aggregate `histogram`: kept sparse, since a group of one batch holds little."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def step(self, ms: float | None) -> None:
        if ms is not None:
            step = step_of(ms)
            self._counts[step] = self._counts.get(step, 0) + 1

    def finalize(self) -> str | None:
        counts = self._counts
        if not counts:
            return None
        first = min(counts)
        return _encode([first, *[counts.get(step, 0) for step in range(first, max(counts) + 1)]]).decode()


class _OfHistograms(Histogram):
    """The aggregate `histogram_sum`."""

    __slots__ = ()
    step = Histogram.add
    finalize = Histogram.text


def _percentile(text: str | None, share: float) -> float | None:
    return percentiles_ms(text, (share,))[0]


def _count(text: str | None) -> int:
    return 0 if text is None else sum(_decode(text)[1:])


def register(connection: sqlite3.Connection) -> None:
    """Give *connection* the SQL functions.

    `histogram(ms)` and `histogram_sum(histogram)` are aggregates; `histogram_add(one, other)`,
    `histogram_percentile(histogram, share)` and `histogram_count(histogram)` are plain functions.
    """
    connection.create_aggregate("histogram", 1, _OfDurations)  # type: ignore[arg-type]  # typeshed knows no NULL in step
    connection.create_aggregate("histogram_sum", 1, _OfHistograms)  # type: ignore[arg-type]  # as above
    connection.create_function("histogram_add", 2, added, deterministic=True)
    connection.create_function("histogram_percentile", 2, _percentile, deterministic=True)
    connection.create_function("histogram_count", 1, _count, deterministic=True)
