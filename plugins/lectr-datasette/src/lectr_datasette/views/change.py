"""Why the cost changed between two times: six causes per feature, which sum to the change exactly. Called by `pages.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lectr_datasette.asking import leaks, period, scope, sums
from lectr_datasette.asking.cover import cover
from lectr_datasette.asking.period import Before
from lectr_datasette.asking.query import Row
from lectr_datasette.reckoning.change import CAUSES, MEANS, Explained, Use, explain, gathered, together
from lectr_datasette.reckoning.sums import total
from lectr_datasette.views.visit import Visit

_MOST_EXPLAINED: Final = 60
"""Features on their own, those that changed most; the rest is explained as one. Each takes a third of a millisecond."""


async def change(visit: Visit) -> str:
    """The page. Waits: on the database, some ten questions."""
    of = visit.scope()
    before, problem = _before(visit, of)
    minutes = await visit.minutes_since()
    then_query = leaks.uses(cover(before.since, before.until, minutes), of.only)
    now_query = leaks.uses(cover(of.period.since, of.period.until, minutes), of.only)
    then, now = await visit.ask(then_query), await visit.ask(now_query)
    models = sorted({(row["provider"], row["model"]) for row in (*then, *now)}, key=lambda key: -_cost(key, now, then))
    rates = [
        {" ".join(key): found for key, found in (await visit.rates(models, *ends)).items()}
        for ends in ((before.since, before.until), (of.period.since, of.period.until))
    ]
    before_uses, after_uses, others = gathered(_uses(then), _uses(now), _MOST_EXPLAINED)
    found = explain(before_uses, after_uses, (rates[0], rates[1]))
    whole = together(found)
    earlier, later = [
        total(await visit.ask(sums.totals(cover(*ends, minutes), of.only)))
        for ends in ((before.since, before.until), (of.period.since, of.period.until))
    ]
    begins = await visit.begins()
    return visit.render(
        "change",
        of,
        "change",
        before=before,
        problem=problem,
        begins=begins if begins is not None and before.since < begins < before.until else None,
        whole=whole,
        others=others,
        lines=[line for line in found if line.change_nanousd or any(line.causes.values())],
        causes=CAUSES,
        means=MEANS,
        bars=_bars(whole),
        earlier=earlier,
        sums=later,
        held=await visit.held(of, later),
        longest=max((abs(amount) for amount in whole.causes.values()), default=0),
        unknown=(sum(row["cost_unknown"] for row in then), sum(row["cost_unknown"] for row in now)),
        then_query=then_query,
        now_query=now_query,
        choices=of.period.before,
    )


def _before(visit: Visit, of: scope.Scope) -> tuple[Before, str | None]:
    """What to compare with: as the address says, else the stretch before."""
    since, until = visit.words.get("before_since"), visit.words.get("before_until")
    if since and until:
        try:
            found = period.between(period.moment(since, visit.zone), period.moment(until, visit.zone), visit.zone)
            return Before("the chosen time", found.since, found.until), None
        except (ValueError, OverflowError) as exc:
            return of.period.before[0], f"The time to compare with could not be read: {exc}."
    wanted = visit.words.get("against")
    return next((each for each in of.period.before if each.name == wanted), of.period.before[0]), None


def _cost(key: tuple[str, str], *times: Sequence[Row]) -> int:
    return sum(row["cost_nanousd"] for rows in times for row in rows if (row["provider"], row["model"]) == key)


def _uses(found: Sequence[Row]) -> list[Use]:
    return [
        Use(
            feature=row["feature"],
            model=f"{row['provider']} {row['model']}",
            requests=row["requests"],
            retries=min(row["retries"], row["requests"]),
            input_tokens=row["input_tokens"],
            cached_tokens=row["cached_tokens"],
            written_tokens=row["written_tokens"],
            output_tokens=row["output_tokens"],
            cost_nanousd=row["cost_nanousd"],
        )
        for row in found
        if row["requests"] > 0
    ]


def _bars(whole: Explained) -> list[tuple[str, int, float, float]]:
    """The causes beside one another: (cause, amount, left and width in percent of the picture), what saves on the left."""
    most = max((abs(amount) for amount in whole.causes.values()), default=0) or 1
    wide = {cause: abs(amount) / most * 50 for cause, amount in whole.causes.items()}
    return [
        (cause, amount, 50.0 if amount >= 0 else 50 - wide[cause], wide[cause]) for cause, amount in whole.causes.items()
    ]
