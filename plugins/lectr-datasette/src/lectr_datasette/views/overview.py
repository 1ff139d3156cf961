"""The first page: what it costs now and against before, how fast, how sure; the newest requests. Called by `pages.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs

from lectr_datasette.asking import rows, sums
from lectr_datasette.asking.cover import cover
from lectr_datasette.asking.query import Row
from lectr_datasette.asking.scope import WHO
from lectr_datasette.canned import CANNED
from lectr_datasette.reckoning.sums import UNTAGGED, Group, Speed, groups, speeds_by, total
from lectr_datasette.views import charts
from lectr_datasette.views.visit import Visit

NEWEST = 12
_MOST_LINES = 8
BREAKDOWNS = ("feature", "model", "provider")


@attrs.frozen
class Lost:
    """What never became a row, as far as the database knows."""

    records: int
    damaged_lines: int


async def overview(visit: Visit) -> str:
    """The page. Waits: on the database, some ten questions."""
    scope = visit.scope()
    period = scope.period
    parts = await visit.parts(period)
    by = ("feature", "model", "provider")
    query = sums.totals(parts, scope.only, by)
    found = await visit.ask(query)
    whole = total(found)
    speed_query = sums.speeds(parts, scope.only, by)
    speeds = speeds_by(await visit.ask(speed_query)) if scope.has_speeds else {}
    breakdowns = {name: groups(found, name, speeds.get(name)) for name in BREAKDOWNS}
    before_speeds = [
        speeds_by(await visit.ask(sums.speeds(cover(each.since, each.until), scope.only))).get("", {}).get(("", ""), Speed())
        for each in period.before[: 1 if scope.has_speeds else 0]
    ]
    # What comes in by itself is what there is, whatever was filtered by: under a filter the page shows what fits, and stays.
    is_live = period.key in {"hour", "today"} and not scope.only
    flying = await visit.in_flight() if is_live else []
    newest_query = rows.newest(None if is_live else scope, NEWEST)
    newest = await visit.newest(newest_query)
    return visit.render(
        "overview",
        scope,
        "",
        live=is_live,
        sums=whole,
        held=await visit.held(scope, whole),
        query=query,
        speed=speeds.get("", {}).get(("", ""), Speed()),
        speed_query=speed_query,
        speed_before=before_speeds[0] if before_speeds else Speed(),
        befores=await visit.befores(scope),
        stacked=await charts.over_time(visit, scope, scope.by if scope.by in WHO else "feature", "cost"),
        failures=await charts.errors_over_time(visit, scope),
        breakdowns=breakdowns,
        untagged=_untagged(breakdowns["feature"]),
        newest=None if newest is None else newest[: NEWEST - len(flying)],
        flying=flying,
        newest_query=newest_query,
        lost=lost(await visit.ask(rows.cursors())),
        most=_MOST_LINES,
        canned=CANNED,
    )


def _untagged(features: Sequence[Group]) -> Group | None:
    """The requests that say no feature; None where there are none."""
    return next((group for group in features if group.name == UNTAGGED), None)


def lost(found: Sequence[Row]) -> Lost:
    """What the cursors of all streams say."""
    records = damaged = 0
    for row in found:
        try:
            cursor = json.loads(row["cursor"])
        except ValueError:
            continue
        records += cursor.get("lost", 0)
        damaged += cursor.get("damaged", 0)
    return Lost(records, damaged)
