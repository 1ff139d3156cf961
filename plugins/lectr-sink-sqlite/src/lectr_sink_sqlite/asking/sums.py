"""What a group of requests comes to, with how sure that is: sums, bounds, sources, percentiles. Reads the rollups only.

A sum never pretends: where one request has no upper bound, the sum has none (`None`), and it says how many requests are not
in it. Called by the commands of this room.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import attrs

from lectr_sink_sqlite.asking.period import Period, pieces
from lectr_sink_sqlite.histogram import Histogram, percentiles_ms
from lectr_sink_sqlite.rollup_tables import DAY, GRAINS, HISTOGRAMS, SUMS, WHAT, WHO, Grain

DIMENSIONS: Final = (*WHO, *WHAT)
TIMES: Final = {grain.at: grain for grain in GRAINS}
SHARES: Final = (0.5, 0.95, 0.99)
_FRONT: Final = {"minute": 16, "hour": 13, "day": 10}
_NUMBERS: Final = tuple(name for name in SUMS if not name.endswith("_ms"))
_HISTOGRAMS: Final = tuple(f"{name}_json" for name in HISTOGRAMS)


@attrs.frozen(kw_only=True)
class Line:
    """One group, or all of them."""

    key: tuple[str, ...]
    requests: int
    errors: int
    input_tokens: int
    input_tokens_low: int
    input_tokens_high: int | None
    output_tokens: int
    output_tokens_low: int
    output_tokens_high: int | None
    cached_input_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    reported: float | None
    """Share of the requests whose counts the provider reported, 0 to 1; None of none."""
    measured: float | None
    """The same for counts that were measured or estimated."""
    unknown: float | None
    """The same for counts that are not known."""
    cost_nanousd: int
    cost_low_nanousd: int
    cost_high_nanousd: int | None
    cost_unknown: int
    """Requests whose cost is not known: they add nothing to the cost."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None

    @property
    def costs(self) -> tuple[int, int, int | None]:
        """Cost, at least and at most, in nano-dollars."""
        return self.cost_nanousd, self.cost_low_nanousd, self.cost_high_nanousd


@attrs.define
class _Group:
    numbers: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(_NUMBERS, 0))
    duration: str | None = None
    """A histogram as it is stored."""
    ttft: str | None = None

    @classmethod
    def of(cls, groups: Collection[_Group]) -> _Group:
        """All of them together."""
        numbers = {name: sum([group.numbers[name] for group in groups]) for name in _NUMBERS}
        durations, firsts = (group.duration for group in groups), (group.ttft for group in groups)
        return cls(numbers, Histogram(durations).text(), Histogram(firsts).text())

    def line(self, key: tuple[str, ...]) -> Line:
        it = self.numbers
        unbounded = it["tokens_unknown"] or it["tokens_unbounded"]
        of = it["requests"]
        p50, p95, p99 = percentiles_ms(self.duration, SHARES)
        first_p50, first_p95, _ = percentiles_ms(self.ttft, SHARES)
        return Line(
            key=key,
            requests=of,
            errors=it["errors"],
            input_tokens=it["input_tokens"],
            input_tokens_low=it["input_tokens_low"],
            input_tokens_high=None if unbounded else it["input_tokens_high"],
            output_tokens=it["output_tokens"],
            output_tokens_low=it["output_tokens_low"],
            output_tokens_high=None if unbounded else it["output_tokens_high"],
            cached_input_tokens=it["cached_input_tokens"],
            cache_write_tokens=it["cache_write_tokens"],
            reasoning_tokens=it["reasoning_tokens"],
            reported=it["tokens_reported"] / of if of else None,
            measured=(it["tokens_measured"] + it["tokens_estimated"]) / of if of else None,
            unknown=it["tokens_unknown"] / of if of else None,
            cost_nanousd=it["cost_nanousd"],
            cost_low_nanousd=it["cost_low_nanousd"],
            cost_high_nanousd=_most(it),
            cost_unknown=it["cost_unknown"],
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
            ttft_p50_ms=first_p50,
            ttft_p95_ms=first_p95,
        )


@attrs.frozen
class Answer:
    """Groups, the costliest first, and all of them together."""

    lines: Sequence[Line]
    rest: int
    """How many groups were added up in the last line, whose key is `REST`; 0: each has a line of its own."""
    total: Line


REST: Final = "(others)"


def nothing(key: tuple[str, ...]) -> Line:
    """A group without any request."""
    return _Group().line(key)


def coarsest(by: Sequence[str]) -> Grain:
    """The coarsest rollup that still tells apart the times that are asked apart."""
    return min([TIMES[name] for name in by if name in TIMES], key=GRAINS.index, default=DAY)


def ask(
    connection: sqlite3.Connection, period: Period, by: Sequence[str], where: Mapping[str, str], most: int | None = None
) -> Answer:
    """Sums by the columns *by*, of the requests that *where* lets through; *most* groups, the others together.

    *connection* has the histograms' functions. Errors: sqlite3.Error.
    """
    groups: dict[tuple[str, ...], _Group] = {}
    parts = pieces(period, coarsest(by))
    for row in connection.execute(*_query("usage", parts, by, [f"sum({name})" for name in _NUMBERS], _NUMBERS, where)):
        groups[tuple(row[: len(by)])] = _Group(dict(zip(_NUMBERS, [number or 0 for number in row[len(by) :]], strict=True)))
    if not {*by, *where} & {*WHAT}:
        columns = [f"histogram_sum({name})" for name in _HISTOGRAMS]
        for *key, duration, first in connection.execute(*_query("latency", parts, by, columns, _HISTOGRAMS, where)):
            group = groups.setdefault(tuple(key), _Group())
            group.duration, group.ttft = duration, first
    groups = {key: group for key, group in groups.items() if group.numbers["requests"]}
    total = _Group.of(groups.values())
    by_time = any(name in TIMES for name in by)
    order = sorted(groups, key=lambda key: key if by_time else (-_cost(groups[key]), -_requests(groups[key]), key))
    shown = order if most is None or len(order) <= most else order[:most]
    lines = [groups[key].line(key) for key in shown]
    rest = len(order) - len(shown)
    if rest:
        others = _Group.of([groups[key] for key in order[len(shown) :]])
        lines.append(others.line((REST, *[""] * (len(by) - 1))))
    return Answer(lines, rest, total.line(("",) * len(by)))


def costs(
    connection: sqlite3.Connection, period: Period, by: Sequence[str], where: Mapping[str, str]
) -> dict[tuple[str, ...], tuple[int, int, int | None]]:
    """Cost, at least and at most of each group, in nano-dollars, as `ask` has them. Errors: sqlite3.Error."""
    names = ("requests", *(name for name in _NUMBERS if name.startswith("cost_")))
    found = {}
    parts = pieces(period, coarsest(by))
    for row in connection.execute(*_query("usage", parts, by, [f"sum({name})" for name in names], names, where)):
        it = dict(zip(names, row[len(by) :], strict=True))
        if it["requests"]:
            found[tuple(row[: len(by)])] = (it["cost_nanousd"], it["cost_low_nanousd"], _most(it))
    return found


def _most(it: Mapping[str, int]) -> int | None:
    """The upper bound of a sum; None where one of its requests has none."""
    return None if it["cost_unknown"] or it["cost_unbounded"] else it["cost_high_nanousd"]


def _cost(group: _Group) -> int:
    return group.numbers["cost_nanousd"]


def _requests(group: _Group) -> int:
    return group.numbers["requests"]


def _column(name: str, grain: Grain) -> str:
    if name not in TIMES:
        return name
    return grain.at if name == grain.at else f"substr({grain.at}, 1, {_FRONT[name]})"


def _query(
    kind: str, parts: Sequence[Period], by: Sequence[str], sums: Sequence[str], of: Sequence[str], where: Mapping[str, str]
) -> tuple[str, list[str]]:
    """*sums* of the columns *of* over all parts, by the columns *by*."""
    also = "".join(f" AND {name} = ?" for name in where)
    selects, parameters = [], []
    for part in parts:
        grain = part.grain
        keys = [f"{_column(name, grain)} AS key_{place}" for place, name in enumerate(by)]
        selects.append(
            f"SELECT {', '.join((*keys, *of))} FROM {kind}_{grain.name} WHERE {grain.at} >= ? AND {grain.at} < ?{also}"
        )
        parameters += [part.since, part.until, *where.values()]
    names = [f"key_{place}" for place in range(len(by))]
    groups = f" GROUP BY {', '.join(names)}" if by else ""
    return f"SELECT {', '.join((*names, *sums))} FROM ({' UNION ALL '.join(selects)}){groups}", parameters
