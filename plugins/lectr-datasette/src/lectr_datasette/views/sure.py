"""How sure the numbers are: where counts come from, between which bounds costs lie, how well intervals hold.

Called by `pages.py`.
"""

from __future__ import annotations

from typing import Final

from lectr_datasette.asking import accuracy, sums
from lectr_datasette.reckoning.accuracy import CLAIMED, FEW, by_way
from lectr_datasette.reckoning.sums import groups, total
from lectr_datasette.views import charts
from lectr_datasette.views.visit import Visit

_MOST_LINES: Final = 40
KINDS: Final = ("feature", "model", "provider")


async def sure(visit: Visit) -> str:
    """The page. Waits: on the database, a few questions."""
    scope = visit.scope()
    query = sums.totals(await visit.parts(scope.period), scope.only, KINDS)
    found = await visit.ask(query)
    checked = await visit.accuracy(scope.only.get("provider"))
    return visit.render(
        "sure",
        scope,
        "sure",
        sums=total(found),
        query=query,
        stacked=await charts.sources_over_time(visit, scope),
        by={kind: groups(found, kind) for kind in KINDS},
        held=by_way(checked),
        endpoints=by_way(checked, "endpoint"),
        checked=checked,
        accuracy_query=accuracy.accuracy(),
        claimed=CLAIMED,
        few=FEW,
        most=_MOST_LINES,
    )
