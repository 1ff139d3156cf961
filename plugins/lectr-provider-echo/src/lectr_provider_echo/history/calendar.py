"""When the requests of the history begin: hours of the day, weekdays, growth and incidents. Pure; drawn from a given chance.

Exactly as many requests as asked for are dealt out over the hours and features by their weights, without rounding any away.
Called by `fill.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Final

import attrs

from lectr_provider_echo.history.company import EVENTS, FEATURES, Event, Feature, Rhythm

HOUR_NS: Final = 3_600 * 10**9
DAY_NS: Final = 24 * HOUR_NS
_SATURDAY: Final = 5

# One number an hour of the day (UTC), relative to each other.
_HOURS: Final[dict[Rhythm, tuple[float, ...]]] = {
    "office": (1, 1, 1, 1, 1, 2, 5, 14, 30, 42, 46, 44, 34, 40, 46, 45, 40, 28, 14, 7, 4, 3, 2, 1),
    "evening": (9, 5, 3, 2, 2, 3, 6, 11, 16, 19, 21, 22, 24, 24, 24, 25, 27, 31, 37, 43, 46, 42, 30, 18),
    "night": (30, 46, 48, 46, 40, 20, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4, 8, 16),
    "flat": (1,) * 24,
}


@attrs.frozen
class Span:
    """The whole time of a history. Units: nanoseconds since 1970, wall clock."""

    since_ns: int
    until_ns: int

    def has_begun(self, event: Event, at_ns: int) -> bool:
        """Whether *event* is on at that moment."""
        begin_ns = self.since_ns + int(event.at * (self.until_ns - self.since_ns))
        return at_ns >= begin_ns and (not event.hours or at_ns < begin_ns + int(event.hours * HOUR_NS))

    def events(self, at_ns: int) -> list[Event]:
        """All that is on at that moment."""
        return [event for event in EVENTS if self.has_begun(event, at_ns)]

    def hours(self) -> Iterator[tuple[int, int]]:
        """Its hours, from full hour to full hour; the first and the last may be shorter."""
        at_ns = self.since_ns
        while at_ns < self.until_ns:
            end_ns = min(at_ns // HOUR_NS * HOUR_NS + HOUR_NS, self.until_ns)
            yield at_ns, end_ns
            at_ns = end_ns


def weight(feature: Feature, at_ns: int, span: Span, events: Sequence[Event]) -> float:
    """How much of a feature's traffic falls into the hour that begins then; only relations count."""
    at = datetime.fromtimestamp(at_ns / 10**9, UTC)
    hours = _HOURS[feature.rhythm]
    day = feature.weekend if at.weekday() >= _SATURDAY else 1.0
    grown: float = feature.growth ** ((at_ns - span.since_ns) / (30 * DAY_NS))
    crowd = 1.0
    for event in events:
        if event.feature == feature.name:
            crowd *= event.traffic
    return feature.weight * hours[at.hour] / sum(hours) * day * grown * crowd


def begin(span: Span, many: int, chance: Random) -> Iterator[tuple[int, Feature]]:
    """When each of exactly *many* requests begins, and whose it is, in order of time."""
    plan = []
    for since_ns, until_ns in span.hours():
        events = span.events((since_ns + until_ns) // 2)
        part = (until_ns - since_ns) / HOUR_NS
        # No two hours are alike: a tenth more or less.
        weights = [weight(one, since_ns, span, events) * part * chance.uniform(0.9, 1.1) for one in FEATURES]
        plan.append((since_ns, until_ns, weights))
    whole = sum(sum(weights) for _, _, weights in plan)
    dealt, passed = 0, 0.0
    last = plan[-1][0], len(FEATURES) - 1
    for since_ns, until_ns, weights in plan:
        drawn = []
        for at, share in enumerate(weights):
            passed += share
            upto = many if (since_ns, at) == last else min(many, int(passed / whole * many))
            drawn += [(chance.randrange(since_ns, until_ns), at) for _ in range(upto - dealt)]
            dealt = upto
        drawn.sort()
        for at_ns, at in drawn:
            yield at_ns, FEATURES[at]
