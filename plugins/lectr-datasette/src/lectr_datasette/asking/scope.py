"""What a page is about: a stretch of time and filters. The address holds all of it, so that a link shows the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from lectr_datasette.asking import period as periods
from lectr_datasette.asking.period import Period

DIMENSIONS: Final = {
    "feature": "feature",
    "model": "model",
    "provider": "provider",
    "org": "org",
    "outcome": "outcome",
    "error_category": "kind of error",
}
"""What requests can be told apart by in the sums, and what people call it."""
WHO: Final = ("feature", "model", "provider", "org")
"""Those that latencies know too."""
MEASURES: Final = {"cost": "cost", "requests": "requests", "errors": "failed requests", "tokens": "tokens"}


@attrs.frozen(kw_only=True)
class Scope:
    """One page's worth."""

    period: Period
    only: Mapping[str, str] = attrs.field(factory=dict)
    """Filters: dimension and value. An empty value is none: requests without a provider."""
    by: str = "feature"
    """What charts are stacked by."""
    measure: str = "cost"
    problem: str | None = None
    """What in the address could not be followed."""

    def words(self, **changes: str | None) -> list[tuple[str, str]]:
        """The address that shows this, with *changes*; None takes a word away."""
        said: dict[str, str | None] = {}
        if self.period.key == "custom":
            said |= {"since": _stamp(self.period.since), "until": _stamp(self.period.until)}
        elif self.period.key != periods.DEFAULT:
            said["period"] = self.period.key
        said |= self.only
        if self.by != "feature":
            said["by"] = self.by
        if self.measure != "cost":
            said["measure"] = self.measure
        if "period" in changes:
            said |= {"since": None, "until": None}
        elif "since" in changes:
            said["period"] = None
        said |= changes
        return [(name, value) for name, value in said.items() if value is not None]

    @property
    def has_speeds(self) -> bool:
        """Whether latencies can follow the filters: they are kept for answered requests, whatever became of them."""
        return set(self.only) <= set(WHO)


def read(words: Mapping[str, str], now: datetime, zone: tzinfo) -> Scope:
    """A scope from an address. What cannot be followed is left out and said."""
    problem = None
    found = periods.named(words.get("period", periods.DEFAULT), now, zone)
    if words.get("since"):
        try:
            since = periods.moment(words["since"], zone)
            until = periods.moment(words["until"], zone) if words.get("until") else now
            found = periods.between(since, until, zone)
        except ValueError as exc:
            problem = f"That time could not be read: {exc}."
        except OverflowError:
            problem = "That time could not be read: it is out of bounds."
    only = {name: words[name] for name in DIMENSIONS if name in words and (words[name] or name in _MAY_BE_EMPTY)}
    by, measure = words.get("by", "feature"), words.get("measure", "cost")
    return Scope(
        period=found,
        only=only,
        by=by if by in DIMENSIONS else "feature",
        measure=measure if measure in MEASURES else "cost",
        problem=problem,
    )


_MAY_BE_EMPTY: Final[frozenset[str]] = frozenset()


def zone_of(name: str | None) -> tzinfo:
    """A time zone by its name in the IANA database; UTC where there is no such."""
    if not name or len(name) > 64:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
