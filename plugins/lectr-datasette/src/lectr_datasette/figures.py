"""The figures of the page, as values: counted, added up, ordered. Pure; the questions bring the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

Row = Mapping[str, Any]  # Any: SQLite's values
# Providers turn away a percent or two on any day; colour that is always there says nothing.
EYE_CATCHING = 0.05
OTHERS = "all others"


@attrs.define
class Sums:
    """What a group of requests comes to."""

    requests: int = 0
    failed: int = 0
    """Outcome neither `ok` nor `client_disconnected`."""
    cost_nanousd: int = 0
    """Of those whose cost is known."""
    cost_unknown: int = 0
    """Of the requests that reached a provider and were not refused by it."""
    tokens_unknown: int = 0
    """The same for counts."""
    tokens_not_reported: int = 0
    """Counts that were measured or estimated."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0

    def add(self, row: Row) -> None:
        """Add one row of sums."""
        for field in attrs.fields(Sums):
            setattr(self, field.name, getattr(self, field.name) + (row[field.name] or 0))

    @property
    def failed_share(self) -> float | None:
        """0 to 1; None of none."""
        return self.failed / self.requests if self.requests else None

    @property
    def fails_often(self) -> bool:
        """Whether the share of failures should catch the eye."""
        return self.requests > 0 and self.failed >= EYE_CATCHING * self.requests


@attrs.frozen
class Speed:
    """How long answered requests took. None: nothing to measure."""

    p50_ms: float | None = None
    p95_ms: float | None = None
    first_p50_ms: float | None = None
    """To the first token, of those that were streamed."""


@attrs.frozen
class Group:
    """One line of a breakdown."""

    name: str
    link: Mapping[str, str]
    """What to filter `requests` by."""
    sums: Sums
    speed: Speed
    share: float
    """Of the cost, or of the requests where nothing has a cost; 0 to 1."""
    provider: str = ""
    """Where the name alone does not say it."""


@attrs.frozen
class Layer:
    """One colour of a stacked chart."""

    name: str
    values: tuple[float, ...]
    """One a bar."""


def total(rows: Iterable[Row]) -> Sums:
    """All rows added up."""
    sums = Sums()
    for row in rows:
        sums.add(row)
    return sums


def groups(rows: Sequence[Row], by: tuple[str, ...], speeds: Mapping[tuple[str, ...], Speed]) -> list[Group]:
    """The rows by the columns *by* (the last is the name), the costliest first."""
    found: dict[tuple[str, ...], Sums] = {}
    for row in rows:
        found.setdefault(tuple(row[name] or "" for name in by), Sums()).add(row)
    cost = sum(sums.cost_nanousd for sums in found.values())
    requests = sum(sums.requests for sums in found.values())
    made = [
        Group(
            name=key[-1] or "–",
            link={name: value for name, value in zip(by, key, strict=True) if value},
            sums=sums,
            speed=speeds.get(key, Speed()),
            share=sums.cost_nanousd / cost if cost else sums.requests / requests if requests else 0.0,
            provider=key[0] if len(key) > 1 else "",
        )
        for key, sums in found.items()
    ]
    return sorted(made, key=lambda group: (-group.sums.cost_nanousd, -group.sums.requests, group.name))


def layers(rows: Iterable[Row], bars: Sequence[str], order: Sequence[str], value: str, most: int = 5) -> list[Layer]:
    """*value* by bar, stacked by name: the first *most* of *order* on their own, the rest together."""
    place = {bar: at for at, bar in enumerate(bars)}
    own = list(order[:most])
    kept: dict[str, list[float]] = {name: [0.0] * len(bars) for name in own}
    for row in rows:
        at = place.get(row["bar"])
        if at is not None:
            name = row["name"] if row["name"] in kept and row["name"] in own else OTHERS
            kept.setdefault(name, [0.0] * len(bars))[at] += row[value] or 0
    return [Layer(name, tuple(values)) for name, values in kept.items() if any(values)]
