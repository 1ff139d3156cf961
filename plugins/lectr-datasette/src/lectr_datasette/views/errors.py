"""What fails, where and since when. Called by `pages.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lectr_datasette.asking import rows, sums
from lectr_datasette.asking.query import Row
from lectr_datasette.reckoning.sums import Group, groups, total
from lectr_datasette.views import charts
from lectr_datasette.views.visit import Visit

NEWEST: Final = 40

ADVICE: Final = {
    "rate_limit": "The provider asks to slow down. Spread the requests, ask for a higher limit, or send some elsewhere.",
    "overload": "The provider has too much to do. It passes; a fallback bridges it.",
    "money": "The account's quota or credit is spent: top it up at the provider.",
    "auth": "A key is missing, wrong or not allowed. Look at the provider's key first, then at the model's permissions.",
    "client": "The provider did not understand the request: a fault in the application or a model's limit.",
    "server": "The provider failed by itself. Retrying is safe as long as no answer had begun.",
    "in_band": "The answer began well and carried an error inside.",
    "timeout": "The provider took longer than the limit set for it.",
    "network": "The provider could not be reached, or the connection broke.",
    "dns": "The provider's name could not be looked up.",
    "refused": "Nobody listens at the provider's address.",
    "tls": "The provider's certificate was not accepted.",
    "connect_timeout": "The provider's address did not answer.",
    "head_timeout": "The provider took the request and said nothing.",
    "silence_timeout": "The answer stopped in the middle.",
    "stale": "A kept connection was closed just as a request went out on it.",
}


def _failing(found: Sequence[Row], by: str) -> list[Group]:
    """Those with failures, the most first."""
    return sorted((group for group in groups(found, by) if group.sums.errors), key=lambda group: -group.sums.errors)


async def errors(visit: Visit) -> str:
    """The page. Waits: on the database, a few questions."""
    scope = visit.scope()
    parts = await visit.parts(scope.period)
    by = ("error_category", "outcome", "provider", "model", "feature")
    query = sums.totals(parts, scope.only, by)
    found = await visit.ask(query)
    failed = [row for row in found if row["errors"]]
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for row in failed:
        key = (row["error_category"], row["outcome"], row["provider"])
        counts = kinds.setdefault(key, [0, 0])
        counts[0] += row["requests"]
        counts[1] += row["cost_nanousd"] or 0
    newest = rows.newest(scope, NEWEST, failed=True)
    return visit.render(
        "errors",
        scope,
        "errors",
        sums=total(found),
        held=await visit.held(scope, total(found)),
        query=query,
        befores=await visit.befores(scope),
        chart=await charts.errors_over_time(visit, scope),
        kinds=sorted(kinds.items(), key=lambda each: -each[1][0]),
        providers=_failing(found, "provider"),
        features=_failing(found, "feature"),
        advice=ADVICE,
        newest=await visit.newest(newest),
        newest_query=newest,
        most=15,
    )
