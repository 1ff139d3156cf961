"""What fails, where and since when. Called by `pages.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs
from markupsafe import Markup

from lectr_datasette.asking import rows, sums
from lectr_datasette.asking.query import Row
from lectr_datasette.asking.scope import DIMENSIONS, Scope
from lectr_datasette.drawing import words
from lectr_datasette.drawing.stripe import stripe
from lectr_datasette.reckoning.sums import Group, groups, total
from lectr_datasette.reckoning.trouble import Trouble, worst
from lectr_datasette.views import charts
from lectr_datasette.views.visit import Visit

NEWEST: Final = 40
_MOST_STRIPES: Final = 10
_WHOM: Final = ("provider", "feature", "org")
STACKED: Final = ("error_category", "provider", "feature", "model", "org")

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


@attrs.frozen
class Striped:
    """One line of who fails: the figures, the time in a stripe, and since when it is worse."""

    group: Group
    picture: Markup
    trouble: Trouble | None
    since: str = ""
    over: str = ""
    """The whole of that time, in words."""


async def _striped(visit: Visit, scope: Scope, kind: str, found: Sequence[Group]) -> list[Striped]:
    """The first of *found*, the worst first. Waits: on the database, one query."""
    rows_of = await visit.ask(sums.steps(scope.period, scope.only, kind, ("requests", "errors")))
    count = len(scope.period.starts)
    asked: dict[str, tuple[list[float], list[float]]] = {}
    for row, at in zip(rows_of, charts.steps_of(scope, rows_of), strict=True):
        requests, failed = asked.setdefault(row["name"], ([0.0] * count, [0.0] * count))
        if at < count:
            requests[at] += row["requests"]
            failed[at] += row["errors"]
    made = []
    for group in found[:_MOST_STRIPES]:
        requests, failed = asked.get(group.link.get(kind, ""), ([0.0] * count, [0.0] * count))
        trouble = worst(requests, failed)
        picture = stripe(requests, failed, _teller(scope, requests, failed))
        if trouble is None:
            made.append(Striped(group, picture, None))
            continue
        ends = (scope.period.starts[trouble.first], min(scope.period.end_of(trouble.last), scope.period.until))
        since = words.clock(ends[0], scope.period.day_zone, seconds=False)
        made.append(Striped(group, picture, trouble, since, words.stretch(*ends, scope.period.day_zone)))
    return made


def _teller(scope: Scope, requests: Sequence[float], failed: Sequence[float]) -> Callable[[int], str]:
    def tell(at: int) -> str:
        return (
            f"{scope.period.label(at)}: {words.percent(failed[at] / requests[at])}, {failed[at]:.0f} of {requests[at]:.0f}"
        )

    return tell


async def errors(visit: Visit) -> str:
    """The page. Waits: on the database, a few questions."""
    scope = visit.scope()
    parts = await visit.parts(scope.period)
    by = ("error_category", "outcome", "provider", "feature", "org")
    query = sums.totals(parts, scope.only, by)
    found = await visit.ask(query)
    whole = total(found)
    failed = [row for row in found if row["errors"]]
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for row in failed:
        key = (row["error_category"], row["outcome"], row["provider"])
        counts = kinds.setdefault(key, [0, 0])
        counts[0] += row["requests"]
        counts[1] += row["cost_nanousd"] or 0
    failing = {kind: _failing(found, kind) for kind in _WHOM if kind not in scope.only}
    if len(failing.get("org", [])) < 2:
        failing.pop("org", None)
    wanted = visit.words.get("by", "error_category")
    stacked = wanted if wanted in STACKED else "error_category"
    newest = rows.newest(scope, NEWEST, failed=True)
    return visit.render(
        "errors",
        scope,
        "errors",
        live=scope.period.key in {"hour", "today"},
        sums=whole,
        held=await visit.held(scope, whole),
        query=query,
        befores=await visit.befores(scope),
        chart=await charts.errors_over_time(visit, scope, stacked),
        stacked=stacked,
        stackable={name: DIMENSIONS[name] for name in STACKED},
        kinds=sorted(kinds.items(), key=lambda each: -each[1][0]),
        whom={kind: await _striped(visit, scope, kind, each) for kind, each in failing.items()},
        others={kind: max(0, len(each) - _MOST_STRIPES) for kind, each in failing.items()},
        advice=ADVICE,
        newest=await visit.newest(newest),
        newest_query=newest,
        most=15,
    )
