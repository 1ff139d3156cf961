"""What provisioned capacity cost over a time, whatever was used of it, and what was done with it. Reads only.

The fixed cost stands beside the sums of requests, never in them: a request that ran there cost nothing more. Only where
it is asked for is it shared out, by tokens. Called by `lectr report` and `lectr top`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

import attrs

from lectr_core import NANO, MoneySettings, Provisioned
from lectr_sink_sqlite.asking.exchange import Stretch
from lectr_sink_sqlite.asking.period import Period
from lectr_sink_sqlite.asking.sums import TIMES
from lectr_sink_sqlite.rollup_tables import KEYS

_USED: Final = """SELECT price_id, count(*), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
    sum(input_tokens IS NULL OR output_tokens IS NULL)
FROM requests WHERE cost_basis = 'provisioned' AND started_at >= ? AND started_at < ? GROUP BY price_id"""
_FRONT: Final = {"minute": 16, "hour": 13, "day": 10}


@attrs.frozen(kw_only=True)
class Fixed:
    """One capacity over a time."""

    name: str
    provider: str
    model: str
    units: Decimal
    price: str
    """Of one unit, as the settings have it, with its currency."""
    hours: float
    """For how long it was paid for."""
    cost_nanousd: int
    cost_shown: Fraction
    """In the currency that is shown, each day's at that day's rate. Units: billionths of it."""
    requests: int
    """Served by it, of those that are still stored one by one."""
    input_tokens: int
    output_tokens: int
    tokens_unknown: int
    """Of those requests, the ones whose tokens are not known."""

    @property
    def price_id(self) -> str:
        """What its requests name."""
        return f"provisioned/{self.name}"

    @property
    def shown_per_million(self) -> Fraction | None:
        """What a million tokens came to, in the same; None where none are known."""
        tokens = self.input_tokens + self.output_tokens
        return self.cost_shown * 1_000_000 / tokens if tokens else None


def fixed(
    connection: sqlite3.Connection, money: MoneySettings, period: Period, now: datetime, shown: Sequence[Stretch]
) -> list[Fixed]:
    """Every capacity that was paid for in that time, as far as it is over. *shown*: the same time, by the rates of the
    currency that is shown. Errors: sqlite3.Error.
    """
    if not money.provisioned:
        return []
    begin, end = _at(period.since), min(_at(period.until), now)
    used = {row[0]: row[1:] for row in connection.execute(_USED, (period.since, period.until))}
    found = []
    for one in money.provisioned:
        hours = one.paid_hours(begin, end)
        counts = used.get(f"provisioned/{one.name}", (0, 0, 0, 0))
        if hours or counts[0]:
            found.append(
                Fixed(
                    name=one.name,
                    provider=one.provider,
                    model=one.model,
                    units=one.units,
                    price=_price(one),
                    hours=hours,
                    cost_nanousd=round(cost(money, one, begin, end)),
                    cost_shown=_shown(money, one, shown, end),
                    requests=counts[0],
                    input_tokens=counts[1],
                    output_tokens=counts[2],
                    tokens_unknown=counts[3],
                )
            )
    return found


def cost(money: MoneySettings, one: Provisioned, begin: datetime, end: datetime) -> Fraction:
    """Nano-dollars from *begin* until *end*: each day's at that day's rate of exchange, exactly."""
    cuts = sorted({datetime.combine(rate.since, time(), UTC) for rate in money.rate if rate.currency == one.currency})
    total, at = Fraction(0), begin
    for to in (*(cut for cut in cuts if begin < cut < end), end):
        total += one.cost(at, to) * Fraction(money.on(one.currency, at.date()).usd)
        at = to
    return total * NANO


def _shown(money: MoneySettings, one: Provisioned, shown: Sequence[Stretch], end: datetime) -> Fraction:
    amounts = (
        cost(money, one, _at(part.period.since), min(_at(part.period.until), end)) / Fraction(part.currency.usd)
        for part in shown
        if _at(part.period.since) < end
    )
    return sum(amounts, Fraction(0))


def fixed_per_hour(money: MoneySettings, now: datetime) -> int:
    """What an hour from *now* on costs. Units: nano-dollars."""
    hour = timedelta(hours=1)
    return round(sum((cost(money, one, now, now + hour) for one in money.provisioned), Fraction(0)))


Part = tuple[int, int]
"""Of the fixed cost: nano-dollars, and billionths of the currency that is shown."""
NO_PART: Final[Part] = (0, 0)


def joined(parts: Iterable[Part]) -> Part:
    """All of them together."""
    kept = list(parts)
    return sum(part[0] for part in kept), sum(part[1] for part in kept)


def shared_out(
    connection: sqlite3.Connection, found: Sequence[Fixed], period: Period, by: Sequence[str], where: Mapping[str, str]
) -> dict[tuple[str, ...], Part]:
    """Each group's part of the fixed costs, by its share of the capacity's tokens; of all groups, those that *where* lets
    through. Capacity of which no tokens are known is in no part. Errors: sqlite3.Error."""
    parts: dict[tuple[str, ...], Part] = {}
    of_each: dict[str, dict[tuple[str, ...], int]] = {}
    for price_id, tokens, *key in connection.execute(_by_group(period, [*by, *where]), (period.since, period.until)):
        if tokens:
            of_each.setdefault(price_id, {})[tuple(key)] = tokens
    for one in found:
        tokens_of = of_each.get(one.price_id, {})
        shown = dict(_shares(round(one.cost_shown), tokens_of))
        for whole, part in _shares(one.cost_nanousd, tokens_of):
            if list(whole[len(by) :]) == list(where.values()):
                parts[whole[: len(by)]] = joined((parts.get(whole[: len(by)], NO_PART), (part, shown[whole])))
    return parts


def _shares(amount: int, tokens: Mapping[tuple[str, ...], int]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Whole nano-dollars that sum to *amount*: what is left by rounding down goes to the largest remainders."""
    total = sum(tokens.values())
    if not total:
        return
    parts = {key: divmod(amount * count, total) for key, count in tokens.items()}
    left = amount - sum(whole for whole, _ in parts.values())
    for place, key in enumerate(sorted(parts, key=lambda key: (-parts[key][1], key))):
        yield key, parts[key][0] + (place < left)


def _by_group(period: Period, names: Sequence[str]) -> str:
    grain = period.grain
    minute = "substr(started_at, 1, 16) || ':00Z'"
    at = grain.cut.replace("minute", minute)

    def column(name: str) -> str:
        if name not in TIMES:
            return KEYS[name]
        return at if name == grain.at else f"substr({at}, 1, {_FRONT[name]})"

    keys = "".join(f", {column(name)}" for name in names)
    groups = ", ".join(["price_id", *(str(place) for place in range(3, 3 + len(names)))])
    return f"""SELECT price_id, sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)){keys} FROM requests
WHERE cost_basis = 'provisioned' AND started_at >= ? AND started_at < ? GROUP BY {groups}"""


def _price(one: Provisioned) -> str:
    amount, per = (one.per_hour, "an hour") if one.per_hour is not None else (one.per_month, "a month")
    return f"{amount} {one.currency} {per}"


def _at(text: str) -> datetime:
    named = datetime.fromisoformat(text)
    return named.replace(tzinfo=UTC) if named.tzinfo is None else named
