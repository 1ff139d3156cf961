"""How sure measured counts are: how often their intervals held what was reported later, and how wide they are. Pure.

Each prediction counted here was made before the provider's report was looked at. A coverage is itself only known as well as
the number of requests allows; so it is held against what chance alone would do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import attrs

from lectr_datasette.asking.query import Row

CLAIMED: Final = 0.95
"""What an interval claims."""
FEW: Final = 100
"""Below so many requests a coverage says little."""
_SIGMAS: Final = 2.6
"""Of one hundred lines that hold what they claim, one looks as if it did not."""
WAYS: Final = {"input": "prompts", "output": "answers"}


@attrs.frozen(kw_only=True)
class Held:
    """Predictions of one kind, held against what was reported."""

    way: str
    """`input` or `output`."""
    requests: int
    held: int
    half_width: float
    """Median: half the interval, as a share of the count. Of several kinds: the median of theirs, by requests."""
    error: float
    """Median: how far the count was off, as a share of what was reported."""
    predicted_tokens: int
    reported_tokens: int
    provider: str = ""
    model: str = ""
    endpoint: str = ""

    @property
    def name(self) -> str:
        """What is predicted."""
        return WAYS.get(self.way, self.way)

    @property
    def bias(self) -> float:
        """All predicted tokens over all reported ones, less 1: how far off a sum is."""
        return self.predicted_tokens / self.reported_tokens - 1 if self.reported_tokens else 0.0

    @property
    def coverage(self) -> float:
        """Share of the intervals that held, 0 to 1."""
        return self.held / self.requests if self.requests else 0.0

    @property
    def chance(self) -> float:
        """How far from the claim the coverage of so many requests may be by chance."""
        return _SIGMAS * math.sqrt(CLAIMED * (1 - CLAIMED) / self.requests) if self.requests else 1.0

    @property
    def verdict(self) -> str:
        """`few`, `good`, `narrow` (holds less than it claims) or `wide` (holds more)."""
        if self.requests < FEW:
            return "few"
        if self.coverage < CLAIMED - max(self.chance, 0.005):
            return "narrow"
        return "wide" if self.coverage > CLAIMED + max(self.chance, 0.03) else "good"


def lines(rows: Iterable[Row]) -> list[Held]:
    """One for each row of the table. What has no tokens (the answer of an embedding) is always predicted right: left out."""
    return [
        Held(
            way=row["way"],
            requests=row["requests"],
            held=row["held"],
            half_width=row["half_width"],
            error=row["error"],
            predicted_tokens=row["predicted_tokens"],
            reported_tokens=row["reported_tokens"],
            provider=row["provider"],
            model=row["model"],
            endpoint=row["endpoint"],
        )
        for row in rows
        if row["requests"] and (row["reported_tokens"] or row["predicted_tokens"])
    ]


def by_way(found: Iterable[Held], of: str = "") -> list[Held]:
    """Added up, prompts first; *of*: `endpoint` or `provider`, each of them apart."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for each in found:
        groups.setdefault((getattr(each, of) if of else "", each.way), []).append(each)
    made = [_together(some, {of: name} if of else {}) for (name, _), some in groups.items()]
    return sorted(made, key=lambda each: (getattr(each, of) if of else "", each.way))


def _together(some: list[Held], named: dict[str, str]) -> Held:
    return Held(
        way=some[0].way,
        requests=sum(each.requests for each in some),
        held=sum(each.held for each in some),
        half_width=_median([(each.half_width, each.requests) for each in some]),
        error=_median([(each.error, each.requests) for each in some]),
        predicted_tokens=sum(each.predicted_tokens for each in some),
        reported_tokens=sum(each.reported_tokens for each in some),
        **named,
    )


def _median(weighed: list[tuple[float, int]]) -> float:
    left = sum(weight for _, weight in weighed) / 2
    for value, weight in sorted(weighed):
        left -= weight
        if left <= 0:
            return value
    return 0.0
