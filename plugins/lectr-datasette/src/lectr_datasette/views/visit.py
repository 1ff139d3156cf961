"""One visit of a page: who asks the database, which zone the viewer is in, what every template needs. Called by the views.

Knows nothing of Datasette: *ask* runs SQL, the links are made by what was handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

import attrs

from lectr_core import MoneySettings
from lectr_datasette.asking import accuracy, rows, scope, sums
from lectr_datasette.asking import period as periods
from lectr_datasette.asking.cover import DAILY, HOURLY, MINUTELY, Piece, cover
from lectr_datasette.asking.period import Period
from lectr_datasette.asking.query import Ask, Query, Row, TooSlow
from lectr_datasette.asking.scope import DIMENSIONS, Scope
from lectr_datasette.drawing import template
from lectr_datasette.drawing.links import Links
from lectr_datasette.reckoning import accuracy as reckoned
from lectr_datasette.reckoning.accuracy import Held
from lectr_datasette.reckoning.rates import rates
from lectr_datasette.reckoning.sums import Sums, total

PAGES: Final = {
    "": "Overview",
    "explore": "Explore",
    "errors": "Errors",
    "leaks": "Leaks",
    "change": "Cost change",
    "statement": "Statement",
    "sure": "How sure",
}
MOST_IN_FLIGHT: Final = 6
MOST_PRICED: Final = 30
"""Of so many models prices are looked for, the dearest first."""


@attrs.frozen
class Earlier:
    """A stretch to compare with, and what it came to."""

    name: str
    sums: Sums
    is_whole: bool
    """False where records begin within it: then its sums are too small to compare with."""


@attrs.frozen(kw_only=True)
class Visit:
    """What a page is made from."""

    ask: Ask
    links: Links
    words: Mapping[str, str]
    """The address's."""
    zone: tzinfo
    zone_name: str
    now: datetime
    money: MoneySettings = attrs.field(factory=MoneySettings)
    """Currencies, and capacity that is paid for by the hour."""

    def scope(self) -> Scope:
        """What the address asks for."""
        return scope.read(self.words, self.now, self.zone)

    async def parts(self, period: Period) -> list[Piece]:
        """Which sums answer for the period."""
        return sums.pieces(period, await self.minutes_since())

    async def minutes_since(self) -> datetime | None:
        """From when on there are sums by the minute."""
        (row,) = await self.ask(sums.minutes_since())
        return MINUTELY.moment(row["at"]) if row["at"] else None

    async def newest(self, query: Query) -> Sequence[Row] | None:
        """Single requests; None where finding them takes too long: the figures are shown all the same."""
        try:
            return await self.ask(query)
        except TooSlow:
            return None

    async def in_flight(self) -> Sequence[Row]:
        """What is in flight, a few of it; nothing where the database does not tell."""
        (known,) = await self.ask(rows.knows_flights())
        return await self.ask(rows.in_flight(MOST_IN_FLIGHT)) if known["tables"] else []

    async def accuracy(self, provider: str | None = None) -> list[Held]:
        """How well tokens are predicted, line by line; nothing where the database does not tell."""
        (known,) = await self.ask(accuracy.knows_accuracy())
        found = reckoned.lines(await self.ask(accuracy.accuracy())) if known["tables"] else []
        return [each for each in found if provider in {None, each.provider}]

    async def held(self, of: Scope, sums: Sums) -> list[Held]:
        """The same in two lines, prompts and answers, for a page whose *sums* have counts that nobody reported."""
        return reckoned.by_way(await self.accuracy(of.only.get("provider"))) if sums.not_reported else []

    async def begins(self) -> datetime | None:
        """From when on anything is recorded, to the hour where hours are kept that far back."""
        (row,) = await self.ask(sums.begins())
        if not row["day"]:
            return None
        day = DAILY.moment(row["day"])
        hour = HOURLY.moment(row["hour"]) if row["hour"] else day
        return hour if hour - day < DAILY.length else day

    async def befores(self, of: Scope) -> list[Earlier]:
        """The sums of the stretches to compare with."""
        minutes, begins = await self.minutes_since(), await self.begins()
        found = []
        for each in of.period.before:
            query = sums.totals(cover(each.since, each.until, minutes), of.only)
            is_whole = begins is None or not each.since < begins < each.until
            found.append(Earlier(each.name, total(await self.ask(query)), is_whole))
        return found

    async def rates(
        self, models: Sequence[tuple[str, str]], since: datetime, until: datetime
    ) -> dict[tuple[str, str], dict[str, float]]:
        """What tokens of the models cost at that time, as far as requests say it."""
        known = [model for model in models if all(model)][:MOST_PRICED]
        return rates(await self.ask(rows.prices(known, since, until))) if known else {}

    def render(self, template_name: str, of: Scope, current: str, /, **said: Any) -> str:  # Any: whatever a template shows
        """The template with what every page shows."""
        return template.render(
            f"{template_name}.html",
            {
                "links": self.links,
                "scope": of,
                "period": of.period,
                "zone": self.zone,
                "zone_name": self.zone_name,
                "now": self.now,
                "pages": PAGES,
                "current": current,
                "keys": periods.choices(self.now),
                "dimensions": DIMENSIONS,
                "live": False,
                **said,
            },
        )
