"""How far off predictions were, and so how far off the next one may be: intervals with a coverage that they hold. Pure.

Each error here was made on a request whose truth was not known when it was predicted. Of n such errors the next one lies
between the k-th smallest and the k-th largest with a chance of at least 1 - 2k / (n + 1), whatever their distribution, as
long as the next request is of the kind of the ones before. Never here: a bell curve. Called by `calibration.py`.

Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, chapter 2; the split (held-out) variant.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from typing import Final

import attrs

COVERAGE: Final = 0.95
"""What an interval claims."""
FEWEST: Final = 40
"""Errors known before an interval is drawn from them. Below 39 there is none at all for this coverage."""
WINDOW: Final = 800
"""Errors kept: the newest ones. A change in the traffic is forgotten after so many requests."""

_OFFSET: Final = 4.0
"""Tokens added before two counts are compared by their quotient: so a 0 can be, and small counts weigh less."""
_DIGITS: Final = 5
_EPSILON: Final = 1e-4
_FARTHEST: Final = 20.0
"""No end is farther off than so: 500 million times as many."""


def score(truth: float, guess: float, doubt: float = 0.0) -> float:
    """How far off, as the logarithm of a quotient: 0 is exact, 0.05 is 5 % too low.

    Units: *doubt* is what weights that were not known well yet add to the variance of an error, that of noise being 1. It
        is taken out, so that the errors of a model's youth say what is to be expected of it now.
    """
    return round(math.log((truth + _OFFSET) / (guess + _OFFSET)) / math.sqrt(1.0 + doubt), _DIGITS)


@attrs.define
class Scores:
    """The newest errors, in order of time and in order of size."""

    _by_time: deque[float] = attrs.field(factory=deque)
    _by_size: list[float] = attrs.field(factory=list)

    @classmethod
    def of(cls, scores: Iterable[float]) -> Scores:
        """Those that were kept, the oldest first."""
        made = cls(deque(scores, WINDOW))
        made._by_size = sorted(made._by_time)
        return made

    def __len__(self) -> int:
        return len(self._by_time)

    def newest(self) -> list[float]:
        """To be kept, the oldest first."""
        return list(self._by_time)

    def add(self, error: float) -> None:
        """Take one more; the oldest goes where there is no room."""
        if len(self._by_time) >= WINDOW:
            del self._by_size[bisect_left(self._by_size, self._by_time.popleft())]
        self._by_time.append(error)
        insort(self._by_size, error)

    def let_go(self, errors: Iterable[float]) -> None:
        """Take these out again, as long as enough are left to draw an interval from."""
        for error in errors:
            if len(self._by_size) <= FEWEST:
                return
            at = bisect_left(self._by_size, error)
            if at < len(self._by_size) and self._by_size[at] == error:
                del self._by_size[at]
                self._by_time.remove(error)

    def ends(self) -> tuple[float, float] | None:
        """Errors between which the next one lies with `COVERAGE`; None where too few are known."""
        count = len(self._by_size)
        if count < FEWEST:
            return None
        outside = (count + 1) * (1.0 - COVERAGE) / 2.0
        rank = int(outside)
        share = outside - rank  # between two ranks: without it, coverage would jump as the window fills
        low, high = self._by_size[rank - 1], self._by_size[-rank]
        return low + share * (self._by_size[rank] - low), high + share * (self._by_size[-rank - 1] - high)


@attrs.frozen
class Interval:
    """A count that is predicted, and where the truth lies. Units: tokens."""

    low: int
    middle: int
    high: int

    def holds(self, truth: int) -> bool:
        """Whether *truth* is inside."""
        return self.low <= truth <= self.high


def interval(guess: float, ends: tuple[float, float], doubt: float = 0.0) -> Interval:
    """Around *guess*. Whole numbers inside the real interval: for a count that is whole, none of the coverage is lost.

    Units: *doubt* as in `score`; it makes the interval as much wider as it made errors smaller.
    """
    middle = round(guess)
    wide = math.sqrt(1.0 + doubt)
    low = (guess + _OFFSET) * math.exp(max(ends[0] * wide - _EPSILON, -_FARTHEST)) - _OFFSET
    high = (guess + _OFFSET) * math.exp(min(ends[1] * wide + _EPSILON, _FARTHEST)) - _OFFSET
    return Interval(max(0, min(middle, math.ceil(low))), middle, max(middle, math.floor(high)))
