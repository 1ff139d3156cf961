"""Where money leaks: waste, prompt caches, hidden usage. From metadata alone. Called by `pages.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from lectr_datasette.asking import leaks as ask_leaks
from lectr_datasette.asking import retries, rows, sums
from lectr_datasette.asking.cover import DAILY, HOURLY, MINUTELY, Grain
from lectr_datasette.asking.query import Query, Row
from lectr_datasette.asking.scope import Scope
from lectr_datasette.reckoning import leaks
from lectr_datasette.reckoning.cache import Break, Point, Use, broke, fell, joined, rose
from lectr_datasette.reckoning.retries import chains
from lectr_datasette.reckoning.sums import total
from lectr_datasette.views.visit import Visit

_A_SAMPLE: Final = 100
_MOST_FEATURES: Final = 12
_MOST_BREAKS: Final = 5
_BY_DAYS: Final = 10
"""From so many days on, a break is looked for by the day first, below by the hour."""
_MOST_POINTS: Final = 100
"""Of one feature and model: looking takes their square."""
Key = tuple[str, str, str]
"""Feature, provider, model."""


@attrs.frozen
class Broken:
    """A feature whose caching broke."""

    feature: str
    provider: str
    model: str
    at: datetime
    until: datetime | None
    """When it was well again; None: it is not."""
    exact_to: str
    """`minute`, `hour` or `day`."""
    found: Break
    a_day_nanousd: float | None
    """What it costs more since, a day; None: the prices are not known."""
    lost_nanousd: float | None


async def leaking(visit: Visit) -> str:
    """The page. Waits: on the database, some ten questions."""
    scope = visit.scope()
    period = scope.period
    parts = await visit.parts(period)
    query = sums.totals(parts, scope.only, ("feature", "provider", "model", "outcome"))
    found = await visit.ask(query)
    waste = leaks.waste(found)
    hidden = leaks.hidden(found)
    uses = _uses(found)
    features = list(dict.fromkeys(row["feature"] for row in found))[:_MOST_FEATURES]
    ceilings_query = rows.ceilings(features, period.since, period.until, _A_SAMPLE) if features else None
    cost = sum(row["cost_nanousd"] for row in found)
    breaks, breaks_query = await _breaks(visit, scope)
    repeated_query = retries.newest(scope)
    repeated = chains(await visit.newest(repeated_query) or [])
    return visit.render(
        "leaks",
        scope,
        "leaks",
        cost=cost,
        sums=total(found),
        held=await visit.held(scope, total(found)),
        repeated=repeated,
        repeated_query=repeated_query,
        linked=sum(1 for chain in repeated for each in chain.tries if each.number),
        looked_at=retries.LOOKED_AT,
        requests=sum(row["requests"] for row in found),
        query=query,
        waste=waste,
        wasted=sum(each.known_nanousd for each in waste),
        retried=sum(each.retries for each in waste),
        retried_nanousd=sum(each.retries_nanousd for each in waste),
        hidden=hidden,
        hidden_requests=sum(each.requests for each in hidden),
        hidden_nanousd=sum(each.about_nanousd or 0 for each in hidden),
        uses=uses,
        breaks=breaks,
        breaks_query=breaks_query,
        broken_nanousd=sum(each.lost_nanousd or 0 for each in breaks),
        ceilings=leaks.ceilings(await visit.ask(ceilings_query)) if ceilings_query else [],
        ceilings_query=ceilings_query,
        sample=_A_SAMPLE,
        most=12,
    )


def _uses(found: Sequence[Row]) -> list[Use]:
    groups: dict[Key, list[int]] = {}
    for row in found:
        of = groups.setdefault((row["feature"], row["provider"], row["model"]), [0, 0, 0, 0])
        for at, name in enumerate(("requests", "input_tokens", "cached_input_tokens", "cache_write_tokens")):
            of[at] += row[name]
    made = [Use(*key, *numbers) for key, numbers in groups.items()]
    return sorted((use for use in made if use.cached_tokens or use.written_tokens), key=lambda use: -use.input_tokens)


async def _breaks(visit: Visit, scope: Scope) -> tuple[list[Broken], Query]:
    """Every feature whose caching broke in this time, to the minute where there are sums by the minute."""
    period = scope.period
    grain = DAILY if period.days > _BY_DAYS else HOURLY if period.days > 1 / 4 else MINUTELY
    query = ask_leaks.cache_points(period.since, period.until, grain, scope.only)
    series: dict[Key, list[Point]] = {}
    for row in await visit.ask(query):
        point = Point(row["at"], row["input_tokens"], row["cached_tokens"])
        series.setdefault((row["feature"], row["provider"], row["model"]), []).append(point)
    coarse: dict[Key, Break] = {}
    widths: dict[Key, timedelta] = {}
    for key, points in series.items():
        blocks, each = joined(points, _MOST_POINTS)
        found = broke(blocks)
        if found is not None:
            coarse[key], widths[key] = found, each * grain.length
    worst = sorted(coarse, key=lambda key: -coarse[key].tokens_lost)[:_MOST_BREAKS]
    return [await _broken(visit, key, coarse[key], (grain, widths[key]), scope) for key in worst], query


async def _broken(visit: Visit, key: Key, found: Break, seen: tuple[Grain, timedelta], scope: Scope) -> Broken:
    only = dict(zip(("feature", "provider", "model"), key, strict=True))
    at, exact_to = await _sharper(visit, only, found.at, seen, fell)
    until = None if found.until is None else (await _sharper(visit, only, found.until, seen, rose))[0]
    # Read from before the break: since then nobody may have paid for a read from the cache.
    rates = (await visit.rates([key[1:]], scope.period.since, at)).get(key[1:], {})
    saved = rates["input"] - rates["cache_read"] if {"input", "cache_read"} <= set(rates) else None
    lost = None if saved is None else found.tokens_lost * saved
    days = max(((until or scope.period.until) - at) / timedelta(days=1), 1 / 24)
    return Broken(*key, at, until, exact_to.at, found, None if lost is None else lost / days, lost)


async def _sharper(
    visit: Visit,
    only: Mapping[str, str],
    text: str,
    seen: tuple[Grain, timedelta],
    look: Callable[[Sequence[Point]], str | None],
) -> tuple[datetime, Grain]:
    """The same moment as finer sums show it, and how fine. *seen*: in which sums it was seen, how many of them together."""
    grain, wide = seen
    at = grain.moment(text)
    for finer in (HOURLY, MINUTELY):
        if finer.length >= wide:
            continue
        query = ask_leaks.cache_points(at - wide, at + 2 * wide, finer, only)
        points = [Point(row["at"], row["input_tokens"], row["cached_tokens"]) for row in await visit.ask(query)]
        sharp = look(points)
        if sharp is None:
            break
        at, grain, wide = finer.moment(sharp), finer, finer.length
    return at, grain
