"""Pricing stored requests again: which rows change, and how rows, rollups and the audit change together.

A row has kept all that its price was found by, so it is priced as if the prices of today had held then: whatever the
accounting prices, this prices identically. Rows of before that was so are restated only where their units times the
rates that were kept for their price come to exactly their old cost; the others are left as they are, and counted. One
chunk of rows is one transaction, in which the rollups move by the difference, so that a gateway may run beside it and a
kill leaves nothing half done. Called by `lectr reprice`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

import attrs

from lectr_core import NANO, Account, Ended, UsedPrice
from lectr_sink_sqlite import beside, stored
from lectr_sink_sqlite.rollup_tables import BY_MINUTE, GRAINS, HISTOGRAMS, MOVED, SUMS, WHAT, WHO, Grain
from lectr_sink_sqlite.stored import MONEY, READ, Money, Row

REPRICINGS: Final = """
CREATE TABLE repricings (
    run TEXT NOT NULL,
    applied_at TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    old_cost_nanousd INTEGER NOT NULL,
    new_cost_nanousd INTEGER NOT NULL,
    old_cost_unknown INTEGER NOT NULL,
    new_cost_unknown INTEGER NOT NULL,
    price_source TEXT NOT NULL,
    PRIMARY KEY (run, provider, model, price_source)
) STRICT, WITHOUT ROWID
"""
BOUNDS: Final = ("old_cost_low_nanousd", "old_cost_high_nanousd", "new_cost_low_nanousd", "new_cost_high_nanousd")
"""Columns that came later: NULL in all that an older Lectr restated."""

CHUNK: Final = 2_000
"""Rows a transaction: a tenth of a second in which a gateway's own write has to wait."""

# From where the last chunk ended: no cursor stays open between two of them, which would keep the write-ahead log from
# being given back while a gateway writes.
_SELECT: Final = f"""SELECT {", ".join(READ)} FROM requests
WHERE (started_at, rowid) > (?, ?) AND started_at < ?{{also}} ORDER BY started_at, rowid LIMIT {CHUNK}"""
_COUNT: Final = "SELECT count(*) FROM requests WHERE started_at >= ? AND started_at < ?{also}"
_UPDATE: Final = f"UPDATE requests SET {', '.join(f'{name} = ?' for name in MONEY)} WHERE rowid = ? AND id = ?"
_SUMS_OF: Final = BY_MINUTE.format(rows="WHERE rowid IN (SELECT row FROM temp.repriced)")
_NUMBERS: Final = (*SUMS, *HISTOGRAMS)
_COUNTED: Final = ("requests", "old_cost_nanousd", "new_cost_nanousd", "old_cost_unknown", "new_cost_unknown", *BOUNDS)
_WHOSE: Final = ("run", "applied_at", "since", "until", "provider", "model", "price_source")
# A bound that nobody knows is NULL, and so is every sum with it.
_AUDIT: Final = f"""INSERT INTO repricings ({", ".join((*_WHOSE, *_COUNTED))})
VALUES ({", ".join("?" * len((*_WHOSE, *_COUNTED)))})
ON CONFLICT DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in _COUNTED)}"""

OLD: Final = "stored by an older Lectr, which did not keep what else decides the price: "
NO_COUNTS: Final = OLD + "no counts"
BY_MORE: Final = OLD + "priced by more than their counts (a region, the length of one prompt)"

Kept = dict[tuple[str, str], list[dict[str, Fraction]]]
"""Rates that were kept, by price id and source: several where a price depends on the prompt's length."""
Restate = Callable[[Ended, Account], Account]


@attrs.frozen
class Change:
    """A row that is another one now."""

    rowid: int
    id: str
    provider: str
    model: str
    old: Money
    new: Money


@attrs.define
class Seen:
    """What became of the rows that were looked at."""

    looked_at: int = 0
    same: int = 0
    """They are what they were."""
    same_unknown: int = 0
    """Of those, the ones without a known cost: no price knew them, and none does now."""
    left: dict[str, int] = attrs.field(factory=dict)
    """Not restated, by why."""


@attrs.define
class Total:
    """Rows of one provider, model and new price's source, together. Units: nano-dollars."""

    requests: int = 0
    same_cost: int = 0
    """Of those, how many cost what they did: only the name of the price, or a bound, is another one."""
    old: int = 0
    new: int = 0
    old_unknown: int = 0
    new_unknown: int = 0
    old_low: int = 0
    old_high: int | None = 0
    """None: of at least one request nobody knew the most that it can have cost."""
    new_low: int = 0
    new_high: int | None = 0
    """The same, now."""

    def add(self, change: Change) -> None:
        """Count one more row."""
        old, new = _cost(change.old), _cost(change.new)
        self.requests += 1
        self.same_cost += old == new
        self.old += old or 0
        self.new += new or 0
        self.old_unknown += old is None
        self.new_unknown += new is None
        self.old_low += change.old[_LOW] or 0
        self.old_high = _sum(self.old_high, change.old[_HIGH])
        self.new_low += change.new[_LOW] or 0
        self.new_high = _sum(self.new_high, change.new[_HIGH])

    def join(self, other: Total) -> None:
        """Count all that is in another one."""
        for field in attrs.fields(Total):
            setattr(self, field.name, _sum(getattr(self, field.name), getattr(other, field.name)))


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


Totals = dict[tuple[str, str, str], Total]
"""By provider, model and the source of the new price."""

_LOW: Final = MONEY.index("cost_low_nanousd")
_HIGH: Final = MONEY.index("cost_high_nanousd")
_SOURCE: Final = MONEY.index("price_source")


def count(connection: sqlite3.Connection, since: str, until: str, where: Mapping[str, str]) -> int:
    """How many rows there are to look at. Errors: sqlite3.Error."""
    also = "".join(f" AND {name} = ?" for name in where)
    return int(connection.execute(_COUNT.format(also=also), (since, until, *where.values())).fetchone()[0])


def changes(
    connection: sqlite3.Connection, since: str, until: str, where: Mapping[str, str], restate: Restate, seen: Seen
) -> Iterator[list[Change]]:
    """The rows of that time that change, a chunk of those looked at after the other, in order of time.

    *seen* counts the others. Errors: sqlite3.Error.
    """
    kept = _kept_rates(connection)
    also = "".join(f" AND {name} = ?" for name in where)
    at, rowid = since, -1
    while chunk := connection.execute(_SELECT.format(also=also), (at, rowid, until, *where.values())).fetchall():
        part = []
        for values in chunk:
            row = dict(zip(READ, values, strict=True))
            seen.looked_at += 1
            change = _change(row, restate, kept, seen)
            if change is not None:
                part.append(change)
        yield part
        at, rowid = row["started_at"], row["rowid"]


def apply(
    connection: sqlite3.Connection,
    run: tuple[str, str, str, str],
    part: Sequence[Change],
    prices: Iterable[UsedPrice],
    now_ns: int,
) -> None:
    """Restate rows, rollups and the audit, and keep the prices, in one transaction of its own.

    Shapes: *run* is its name, when it was applied, since and until when. Errors: sqlite3.Error; nothing has changed then.
    """
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS repriced (row INTEGER PRIMARY KEY NOT NULL)")
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("DELETE FROM temp.repriced")
        connection.executemany("INSERT INTO temp.repriced VALUES (?)", [(change.rowid,) for change in part])
        _take(connection, -1)
        connection.executemany(_UPDATE, [(*change.new, change.rowid, change.id) for change in part])
        _take(connection, 1)
        for grain in GRAINS:
            connection.execute(_move(grain))
        connection.execute("DELETE FROM temp.batch")
        totals: Totals = {}
        add_up(totals, part)
        connection.executemany(_AUDIT, [(*run, *_audited(key, total)) for key, total in totals.items()])
        beside.keep_prices(connection, prices, now_ns)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def add_up(totals: Totals, part: Sequence[Change]) -> None:
    """Add rows to the totals."""
    for change in part:
        totals.setdefault((change.provider, change.model, change.new[_SOURCE] or ""), Total()).add(change)


def _change(row: Row, restate: Restate, kept: Kept, seen: Seen) -> Change | None:
    why = _why_left(row, kept) if row["pricing_json"] is None else None
    if why is None:
        new = stored.money(restate(stored.exchange(row), stored.account(row)))
        old = tuple(row[name] for name in MONEY)
        if new == old:
            seen.same += 1
            seen.same_unknown += row["cost_nanousd"] is None
            return None
        if row["pricing_json"] is not None or not _is_of_another_length(row, new, kept):
            model = row["model_actual"] or row["model_sent"] or row["model_requested"] or ""
            return Change(row["rowid"], row["id"], row["provider"] or "", model, old, new)
        why = BY_MORE
    seen.left[why] = seen.left.get(why, 0) + 1
    return None


def _cost(money: Money) -> int | None:
    cost: int | None = money[MONEY.index("cost_nanousd")]
    return cost


def _audited(key: tuple[str, str, str], total: Total) -> tuple[str | int | None, ...]:
    counted = (total.requests, total.old, total.new, total.old_unknown, total.new_unknown)
    return *key, *counted, total.old_low, total.old_high, total.new_low, total.new_high


def _take(connection: sqlite3.Connection, sign: int) -> None:
    """Put the sums of the chosen rows into the temporary table, once taken away and once added."""
    signed = ", ".join(f"{sign} * {name}" if name in MOVED else name for name in _NUMBERS)
    key = ", ".join((*WHO, *WHAT))
    connection.execute(f"INSERT INTO temp.batch SELECT minute, {key}, {signed} FROM ({_SUMS_OF})")


def _move(grain: Grain) -> str:
    """Add the difference to a rollup, where it still has the row: minutes that are gone stay so."""
    key = ", ".join((*WHO, *WHAT))
    sums = ", ".join(f"sum({name}) AS {name}" for name in MOVED)
    same = " AND ".join(f"{grain.usage}.{name} = moved.{name}" for name in (grain.at, *WHO, *WHAT))
    return f"""UPDATE {grain.usage} SET {", ".join(f"{name} = {grain.usage}.{name} + moved.{name}" for name in MOVED)}
FROM (SELECT {grain.cut} AS {grain.at}, {key}, {sums} FROM temp.batch GROUP BY 1, 2, 3, 4, 5, 6, 7) AS moved WHERE {same}"""


# ── rows of before everything was kept ────────────────────────────────────────────────────────────────────────────────────


def _kept_rates(connection: sqlite3.Connection) -> Kept:
    kept: Kept = {}
    for price_id, source, rates in connection.execute("SELECT price_id, source, rates_json FROM prices"):
        kept.setdefault((price_id, source), []).append({unit: Fraction(rate) for unit, rate in json.loads(rates).items()})
    return kept


def _why_left(row: Row, kept: Kept) -> str | None:
    """Why such a row must not be restated; None where it may."""
    if row["units_json"] is None:
        return NO_COUNTS
    if row["tokens_source"] != "reported":
        return OLD + "counts that were not reported"
    if row["cost_basis"] == "reported":
        return OLD + "billed by the provider's own account"
    if row["by_model_json"] is not None:
        return OLD + "several models or prompts in one answer"
    if row["price_id"] is None:
        return None if row["cost_nanousd"] is None else OLD + "a cost without a price"
    known = kept.get((row["price_id"], row["price_source"]))
    if known is None:
        return OLD + "the rates of their price are not kept"
    counts = stored.units(row)
    if any(_amount(counts, rates) == row["cost_low_nanousd"] for rates in known):
        return None
    return BY_MORE


def _is_of_another_length(row: Row, new: Money, kept: Kept) -> bool:
    """Whether old and new cost come from one and the same price for prompts of different length.

    Such a row does not say how long the longest of several prompts was, so the old cost is the right one. The operator's own
    prices do not depend on the length, and may change under one name.
    """
    name = (row["price_id"], row["price_source"])
    if row["cost_basis"] == "override" or name != (new[MONEY.index("price_id")], new[_SOURCE]) or name not in kept:
        return False
    counts = stored.units(row)
    return any(_amount(counts, rates) == _cost(new) for rates in kept[name])


def _amount(counts: Mapping[str, int], rates: Mapping[str, Fraction]) -> int:
    """Nano-dollars, rounded once, half to even. A unit without a rate is not in it."""
    return round(sum((count * rates[unit] for unit, count in counts.items() if unit in rates), Fraction(0)) * NANO)
