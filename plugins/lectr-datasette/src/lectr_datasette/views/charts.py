"""The charts that several pages show, from the questions to the picture. Called by the views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import nan
from typing import Any, Final

import attrs

from lectr_datasette.asking import headroom, sums
from lectr_datasette.asking.histograms import Sum, percentile_ms
from lectr_datasette.asking.query import Query, Row
from lectr_datasette.asking.scope import DIMENSIONS, WHO, Scope
from lectr_datasette.drawing import words
from lectr_datasette.drawing.chart import Band, Chart, areas, lines
from lectr_datasette.reckoning import headroom as rooms
from lectr_datasette.reckoning.sums import Layer, by_step, layers
from lectr_datasette.views.visit import Visit

_COLUMNS: Final = {
    "cost": ("cost_nanousd", "cost_low_nanousd", "cost_high_nanousd", "cost_unknown", "cost_unbounded", "requests"),
    "requests": ("requests",),
    "errors": ("errors",),
    "tokens": ("input_tokens", "output_tokens"),
}
TITLES: Final = {"cost": "Cost", "requests": "Requests", "errors": "Failed requests", "tokens": "Tokens"}
_DATED_DAYS: Final = 3.5
"""From so many days on, the date alone stands under a chart of hours."""
SOURCES: Final = ("reported", "measured", "estimated", "unknown")
UNITS: Final = {"cost": "US dollars", "requests": "requests", "errors": "requests", "tokens": "tokens, in and out"}


@attrs.frozen
class Drawn:
    """A chart and the question behind it."""

    chart: Chart
    query: Query


async def over_time(visit: Visit, scope: Scope, by: str, measure: str) -> Drawn:
    """*measure* by step, stacked by the dimension *by*. Waits: on the database, one query."""
    period = scope.period
    query = sums.steps(period, scope.only, by, _COLUMNS[measure])
    rows = await visit.ask(query)
    places = steps_of(scope, rows)
    value = _COLUMNS[measure][0]
    if measure == "tokens":
        rows = [{"name": row["name"], "tokens": row["input_tokens"] + row["output_tokens"]} for row in rows]
        value = "tokens"
    totals: dict[str, float] = {}
    for row in rows:
        totals[row["name"]] = totals.get(row["name"], 0) + row[value]
    order = sorted(totals, key=lambda name: (-totals[name], name))
    count = len(period.starts)
    band = None
    if measure == "cost":
        low, high, unknown, unbounded = (
            by_step(rows, places, count, name)
            for name in ("cost_low_nanousd", "cost_high_nanousd", "cost_unknown", "cost_unbounded")
        )
        band = Band(low=low, high=high, open=tuple(bool(a or b) for a, b in zip(unknown, unbounded, strict=True)))
    chart = areas(
        layers(rows, places, count, value, order),
        period.labels(),
        title=f"{TITLES[measure]} by {period.step}",
        unit=UNITS[measure],
        words=words.usd if measure == "cost" else words.count,
        axis=words.axis_usd if measure == "cost" else words.axis_count,
        links=closer(visit, scope),
        unfinished=period.unfinished,
        of_counts=measure != "cost",
        band=band,
    )
    return Drawn(chart, query)


async def errors_over_time(visit: Visit, scope: Scope, by: str = "error_category") -> Drawn:
    """Failed requests by step, stacked by the dimension *by*."""
    query = sums.steps(scope.period, scope.only, by, ("errors",))
    found = [row for row in await visit.ask(query) if row["errors"]]
    rows: list[dict[str, Any]] = list(map(dict, found))  # Any: SQLite's values
    if by == "error_category":
        rows = [{**row, "name": (row["name"] or "no kind").replace("_", " ")} for row in rows]
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["name"]] = totals.get(row["name"], 0) + row["errors"]
    order = sorted(totals, key=lambda name: -totals[name])
    chart = areas(
        layers(rows, steps_of(scope, rows), len(scope.period.starts), "errors", order),
        scope.period.labels(),
        title=f"Failed requests by {scope.period.step}",
        unit=f"requests, by {DIMENSIONS[by]}",
        words=words.count,
        links=closer(visit, scope, "errors"),
        unfinished=scope.period.unfinished,
        of_counts=True,
    )
    return Drawn(chart, query)


async def sources_over_time(visit: Visit, scope: Scope) -> Drawn:
    """Requests by step, and where their counts come from."""
    query = sums.steps(scope.period, scope.only, None, tuple(f"tokens_{name}" for name in SOURCES))
    rows = await visit.ask(query)
    places, count = steps_of(scope, rows), len(scope.period.starts)
    found = [Layer(name, by_step(rows, places, count, f"tokens_{name}")) for name in SOURCES]
    chart = areas(
        found if any(any(layer.values) for layer in found) else [],
        scope.period.labels(),
        title=f"Where counts come from, by {scope.period.step}",
        unit="requests",
        words=words.count,
        links=closer(visit, scope, "sure"),
        unfinished=scope.period.unfinished,
        of_counts=True,
    )
    return Drawn(chart, query)


async def room_over_time(visit: Visit, scope: Scope, provider: str) -> Drawn:
    """The share that is left of each of a provider's rate limits, as its headers said."""
    period = scope.period
    ends = headroom.slots(period.since, period.until)
    query = headroom.sample(provider, ends)
    rows = await visit.newest(query) or []
    one_day = period.days <= 1.05
    labels = [words.clock(start, visit.zone, seconds=False)[-5 if one_day else 0 :] for start in ends[:-1]]
    chart = lines(
        rooms.over_time(rows, len(labels)),
        labels,
        title="Room left in rate limits",
        unit="percent of each limit",
        words=words.percent,
        ceiling=1.0,
    )
    if period.days > _DATED_DAYS:
        days = [(at, label.rsplit(" ", 1)[0], shown) for at, label, shown in chart.under]
        # A day stands where it is first met, not at every label of its hours.
        first = [each for before, each in zip(["", *(day for _, day, _ in days)], days, strict=False) if each[1] != before]
        chart = attrs.evolve(chart, under=first)
    return Drawn(chart, query)


async def speed_over_time(visit: Visit, scope: Scope) -> Drawn:
    """p50, p95 and the first token's p50 by step."""
    # Latencies are not kept by outcome: under such a filter there is nothing to draw.
    query = sums.speed_steps(scope.period, {name: value for name, value in scope.only.items() if name in WHO})
    rows = await visit.ask(query) if scope.has_speeds else []
    count = len(scope.period.starts)
    durations, firsts = [Sum() for _ in range(count)], [Sum() for _ in range(count)]
    for row, at in zip(rows, steps_of(scope, rows), strict=True):
        if 0 <= at < count:
            durations[at].step(row["duration"])
            firsts[at].step(row["first"])
    texts, first_texts = [each.finalize() for each in durations], [each.finalize() for each in firsts]
    found = [
        ("slowest 5 % (p95)", [percentile_ms(text, 0.95) for text in texts]),
        ("half of them (p50)", [percentile_ms(text, 0.5) for text in texts]),
        ("first token, half of streams", [percentile_ms(text, 0.5) for text in first_texts]),
    ]
    made = [Layer(name, tuple(nan if value is None else value for value in values)) for name, values in found]
    chart = lines(
        [layer for layer in made if any(value == value for value in layer.values)],
        scope.period.labels(),
        title=f"Time to answer by {scope.period.step}",
        unit="by powers of ten, of answered requests",
        words=words.span,
        axis=words.axis_span,
        links=closer(visit, scope),
        powers=True,
        unfinished=scope.period.unfinished,
    )
    return Drawn(chart, query)


def closer(visit: Visit, scope: Scope, page: str = "explore") -> list[str]:
    """A link to each step alone."""
    period = scope.period
    if len(period.starts) < 2 or period.step == "minute":
        return []
    found = []
    for at, start in enumerate(period.starts):
        ends = {"since": _address(start), "until": _address(min(period.end_of(at), period.until))}
        found.append(visit.links.page(page, scope, **ends) if start < period.until else "")
    return found


def steps_of(scope: Scope, rows: Sequence[Mapping[str, Any]] | Sequence[Row]) -> list[int]:  # Any: SQLite's values
    """The step that each row of the sums belongs to."""
    grain = sums.step_grain(scope.period)
    # A piece is rounded outwards: what lies before the first step belongs to it.
    known: dict[str, int] = {}
    for row in rows:
        text = row["at"]
        if text not in known:
            known[text] = max(0, scope.period.step_at(grain.moment(text)))
    return [known[row["at"]] for row in rows]


def _address(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%MZ")
