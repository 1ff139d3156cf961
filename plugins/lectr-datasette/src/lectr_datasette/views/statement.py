"""The statement: what a month came to, to be checked against bills, signed and kept. Called by `pages.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

import attrs

from lectr_core import Currency
from lectr_datasette.asking import scope, statement, sums
from lectr_datasette.asking.cover import cover
from lectr_datasette.asking.query import Query, Row
from lectr_datasette.drawing import words
from lectr_datasette.reckoning.capacity import capacities
from lectr_datasette.reckoning.currency import converted, stretches, told
from lectr_datasette.reckoning.sums import Group, groups, total
from lectr_datasette.views import charts
from lectr_datasette.views.visit import Visit

BY: Final = ("provider", "model", "feature", "org")
_BEHIND: Final = {"provider": ("provider", "model"), "feature": ("feature",), "org": ("org",)}
"""What each table can be taken along as: lines as on the page, so that no limit on rows cuts them."""
_MOST_LINES: Final = 200
_MOST_MONTHS: Final = 12


@attrs.frozen
class Billed:
    """A provider, and its models."""

    provider: Group
    models: Sequence[Group]


async def statement_of(visit: Visit) -> str:
    """The page. Waits: on the database, some ten questions."""
    begins = await visit.begins()
    months = _months(begins, visit.now)
    of = visit.scope()
    if not {"period", "since"} & set(visit.words):
        # People sign months that are over.
        of = scope.read({**visit.words, "period": list(months)[min(1, len(months) - 1)]}, visit.now, visit.zone)
    period = of.period
    cut = stretches(visit.money, period.since, period.until)
    minutes = await visit.minutes_since()
    asked = [(each, await visit.ask(sums.totals(cover(each.since, each.until, minutes), of.only, BY))) for each in cut]
    found = [row for _, rows in asked for row in rows]
    parts = await visit.parts(period)
    models, whole = groups(found, "model"), total(found)
    before = await visit.befores(of)
    beside = [] if of.only else capacities(visit.money, period.since, min(period.until, visit.now))
    is_other = visit.money.show != Currency().code
    in_other = converted(asked) if is_other else {}
    return visit.render(
        "statement",
        of,
        "statement",
        months=months,
        begins=begins if begins is not None and period.since < begins else None,
        sums=whole,
        held=await visit.held(of, whole),
        before=before[0] if before else None,
        queries={name: sums.totals(parts, of.only, by) for name, by in _BEHIND.items()},
        stacked=await charts.over_time(visit, of, "provider", "cost"),
        billed=[Billed(each, [one for one in models if one.of_provider == each.name]) for each in groups(found, "provider")],
        features=groups(found, "feature"),
        orgs=groups(found, "org"),
        beside=beside,
        fixed_nanousd=sum(each.cost_nanousd for each in beside),
        fixed_shown=sum((each.shown for each in beside), Fraction(0)),
        currency=visit.money.show if is_other else None,
        rates=told(cut) if is_other else "",
        shown=lambda kind="", name="", provider="": in_other.get((kind, name, provider), Fraction(0)),
        hundredths=words.hundredths,
        prices=await _told(visit, "prices", statement.prices(period.until)),
        restated=await _told(visit, "repricings", statement.restated(period.since, period.until)),
        most=_MOST_LINES,
    )


async def _told(visit: Visit, table: str, query: Query) -> Sequence[Row]:
    """The answer; nothing where an older database has no such table."""
    (known,) = await visit.ask(statement.knows(table))
    return await visit.ask(query) if known["tables"] else []


def _months(begins: datetime | None, now: datetime) -> dict[str, str]:
    """The calendar months that there is something of, the newest first."""
    found: dict[str, str] = {}
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while len(found) < _MOST_MONTHS:
        found[f"{first:%Y-%m}"] = f"{first:%B %Y}"
        if begins is None or begins >= first:
            break
        first = (first - timedelta(days=1)).replace(day=1)
    return found
