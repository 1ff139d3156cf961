"""Since when something fails: the stretch of a series in which far more failed than in the rest of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

import attrs

LEAST_FAILED: Final = 5
"""So many failures make a stretch: two of three at night are no news."""
_OVER: Final = 0.05
"""How much more than usual must fail, as a share of the requests."""
_MOST_USUAL: Final = 0.5
_TIMES: Final = 2.0
"""How many times the share of the rest it must be."""


@attrs.frozen
class Trouble:
    """The worst stretch of a series."""

    first: int
    """The step it begins with."""
    last: int
    """The step it ends with."""
    share: float
    """Of the requests in it, how many failed; 0 to 1."""
    elsewhere: float | None
    """The same of the rest; None where there is none."""
    goes_on: bool
    """Whether nothing was asked after it."""


def worst(requests: Sequence[float], failed: Sequence[float]) -> Trouble | None:
    """The stretch in which the most failed beyond what is usual; None where nothing stands out.

    Shapes: both have a number a step, oldest first.
    """
    shares = [bad / all_of for bad, all_of in zip(failed, requests, strict=True) if all_of]
    if not shares:
        return None
    usual = min(median(shares), _MOST_USUAL) + _OVER
    best, first, last = 0.0, 0, -1
    running, begun = 0.0, 0
    for at, (all_of, bad) in enumerate(zip(requests, failed, strict=True)):
        if running <= 0:
            running, begun = 0.0, at
        running += bad - usual * all_of
        if running > best:
            best, first, last = running, begun, at
    inside, bad_inside = sum(requests[first : last + 1]), sum(failed[first : last + 1])
    if bad_inside < LEAST_FAILED:
        return None
    outside, bad_outside = sum(requests) - inside, sum(failed) - bad_inside
    share, elsewhere = bad_inside / inside, bad_outside / outside if outside else None
    if elsewhere is not None and share < _TIMES * elsewhere:
        return None
    return Trouble(first, last, share, elsewhere, not any(requests[last + 1 :]))
