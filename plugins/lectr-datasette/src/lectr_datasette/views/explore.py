"""Explore: any time, any filter, any grouping, down to the requests; and the pages of one feature, model or provider.

Called by `pages.py`.
"""

from __future__ import annotations

from typing import Final

from lectr_datasette.asking import rows, sums
from lectr_datasette.asking.scope import DIMENSIONS, MEASURES, WHO
from lectr_datasette.reckoning.headroom import rooms
from lectr_datasette.reckoning.sums import Group, Speed, groups, same_model, speeds_by, total
from lectr_datasette.views import charts
from lectr_datasette.views.visit import Visit

NEWEST: Final = 50
_MOST_LINES: Final = 40
_MOST_CHOICES: Final = 200
"""More values than that are not a list to choose from but a field to write in, with the commonest offered."""
_OTHERS: Final = {"feature": ("model", "provider"), "model": ("feature", "provider"), "provider": ("model", "feature")}


async def explore(visit: Visit) -> str:
    """The page. Waits: on the database, a few questions."""
    of = visit.scope()
    parts = await visit.parts(of.period)
    by = (of.by, "provider") if of.by == "model" else (of.by,)
    query = sums.totals(parts, of.only, by)
    found = await visit.ask(query)
    speed_query = sums.speeds(parts, of.only, tuple(dict.fromkeys((*by, "provider"))) if of.by in WHO else ())
    speeds = speeds_by(await visit.ask(speed_query)) if of.has_speeds else {}
    newest = rows.newest(of, NEWEST)
    choices: dict[str, list[str]] = {name: [] for name in DIMENSIONS}
    for row in await visit.ask(sums.names(of)):
        if row["name"]:
            choices[row["kind"]].append(row["name"])
    for name, value in of.only.items():
        if value not in choices[name]:
            choices[name].insert(0, value)
    return visit.render(
        "explore",
        of,
        "explore",
        sums=total(found),
        held=await visit.held(of, total(found)),
        query=query,
        groups=groups(found, of.by, speeds.get(of.by)),
        speed=speeds.get("", {}).get(("", ""), Speed()),
        speed_query=speed_query,
        stacked=await charts.over_time(visit, of, of.by, of.measure),
        newest=await visit.newest(newest),
        newest_query=newest,
        choices=choices,
        dimensions=DIMENSIONS,
        measures=MEASURES,
        many=_MOST_CHOICES,
        most=_MOST_LINES,
    )


async def one_of(visit: Visit, dimension: str) -> str:
    """The page of one feature, model or provider; without a name, that of all of them. Waits: as above."""
    of = visit.scope()
    parts = await visit.parts(of.period)
    by = tuple(name for name in ("feature", "model", "provider"))
    query = sums.totals(parts, of.only, by)
    found = await visit.ask(query)
    speed_query = sums.speeds(parts, of.only, by)
    speeds = speeds_by(await visit.ask(speed_query)) if of.has_speeds else {}
    errors_query = sums.totals(parts, of.only, ("outcome", "error_category"))
    failures = [row for row in await visit.ask(errors_query) if row["errors"]]
    newest = rows.newest(of, 20)
    headroom_query = rows.headroom(of.only.get("provider"))
    name = of.only.get(dimension)
    others = _OTHERS[dimension] if name else (dimension,)
    same: list[Group] = []
    if dimension == "model" and name:
        also = {key: value for key, value in of.only.items() if key != "model"}
        same = same_model(groups(await visit.ask(sums.totals(parts, also, ("model", "provider"))), "model"), name)
    stacked_by = "model" if dimension == "feature" else "feature"
    return visit.render(
        "one",
        of,
        dimension,
        dimension=dimension,
        name=name,
        same=same,
        sums=total(found),
        query=query,
        speed=speeds.get("", {}).get(("", ""), Speed()),
        speed_query=speed_query,
        befores=await visit.befores(of),
        held=await visit.held(of, total(found)),
        room=await charts.room_over_time(visit, of, name) if dimension == "provider" and name else None,
        stacked=await charts.over_time(visit, of, stacked_by if name else dimension, "cost"),
        speeds=await charts.speed_over_time(visit, of),
        failing=await charts.errors_over_time(visit, of),
        failures=sorted(failures, key=lambda row: -int(row["requests"])),
        errors_query=errors_query,
        breakdowns={other: groups(found, other, speeds.get(other)) for other in others},
        rooms=rooms(await visit.ask(headroom_query)) if dimension == "provider" else [],
        headroom_query=headroom_query,
        looked_at=rows.MOST_LOOKED_AT,
        newest=await visit.newest(newest),
        newest_query=newest,
        most=_MOST_LINES,
    )
