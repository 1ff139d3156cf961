"""Pricing stored requests again: which rows may be, what they cost now, and how rows, rollups and the audit change together.

A row is restated only where its old cost is explained: its units times the rates that were kept for its price come to
exactly that cost, or it had none for want of a price. What a provider billed by its own account, what several models shared,
what was measured, is left as it is and counted. One chunk of rows is one transaction, in which the rollups move by the
difference, so that a gateway may run beside it and a kill leaves nothing half done. Called by `lectr reprice`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

import attrs

from lectr_core import NANO, Account, Attempt, Begun, Ended, Reading, Usage
from lectr_sink_sqlite.rollup_tables import BY_MINUTE, COSTS, GRAINS, HISTOGRAMS, SUMS, WHAT, WHO, Grain

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

CHUNK: Final = 2_000
"""Rows a transaction: a tenth of a second in which a gateway's own write has to wait."""

_READ: Final = (
    *("rowid", "id", "started_at", "provider", "model_requested", "model_sent", "model_actual", "variant", "endpoint"),
    *("method", "status", "outcome", "ended_by", "max_tokens", "usage_state", "tokens_source", "units_json"),
    *("attempts_json", "cost_nanousd", "cost_low_nanousd", "cost_high_nanousd", "cost_basis", "price_id", "price_source"),
    *("price_date", "price_note", "cost_parts_json", "by_model_json"),
)
_MONEY: Final = (
    *("cost_nanousd", "cost_low_nanousd", "cost_high_nanousd", "cost_basis", "price_id", "price_source", "price_date"),
    *("price_note", "cost_parts_json"),
)
_SELECT: Final = f"""SELECT {", ".join(_READ)} FROM requests
WHERE started_at >= ? AND started_at < ? AND units_json IS NOT NULL{{also}} ORDER BY started_at"""
_COUNTLESS: Final = "SELECT count(*) FROM requests WHERE started_at >= ? AND started_at < ? AND units_json IS NULL{also}"
_UPDATE: Final = f"UPDATE requests SET {', '.join(f'{name} = ?' for name in _MONEY)} WHERE rowid = ? AND id = ?"
_SUMS_OF: Final = BY_MINUTE.format(rows="WHERE rowid IN (SELECT row FROM temp.repriced)")
_NUMBERS: Final = (*SUMS, *HISTOGRAMS)
_AUDIT: Final = """INSERT INTO repricings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
    old_cost_nanousd = old_cost_nanousd + excluded.old_cost_nanousd,
    new_cost_nanousd = new_cost_nanousd + excluded.new_cost_nanousd,
    old_cost_unknown = old_cost_unknown + excluded.old_cost_unknown,
    new_cost_unknown = new_cost_unknown + excluded.new_cost_unknown"""

NO_COUNTS: Final = "no counts, so that no price changes anything"
BY_MORE: Final = "priced by more than their counts (a region, the length of one prompt)"

Row = Mapping[str, Any]  # Any: SQLite's values
Money = tuple[Any, ...]  # Any: as above, in the order of _MONEY
Kept = dict[tuple[str, str], list[dict[str, Fraction]]]
"""Rates that were kept, by price id and source: several where a price depends on the prompt's length."""


@attrs.frozen
class Change:
    """A row whose cost is another one now."""

    rowid: int
    id: str
    provider: str
    model: str
    old_nanousd: int | None
    new_nanousd: int | None
    source: str
    money: Money


@attrs.define
class Seen:
    """What became of the rows that were looked at."""

    same: int = 0
    """Their price is what it was."""
    same_unknown: int = 0
    """Of those, the ones without a known cost: no price knew them, and none does now."""
    left: dict[str, int] = attrs.field(factory=dict)
    """Not restated, by why."""


def kept_rates(connection: sqlite3.Connection) -> Kept:
    """All rates of the table `prices`."""
    kept: Kept = {}
    for price_id, source, rates in connection.execute("SELECT price_id, source, rates_json FROM prices"):
        kept.setdefault((price_id, source), []).append({unit: Fraction(rate) for unit, rate in json.loads(rates).items()})
    return kept


def changes(
    connection: sqlite3.Connection,
    since: str,
    until: str,
    where: Mapping[str, str],
    account: Callable[[Ended], Account],
    seen: Seen,
) -> Iterator[Change]:
    """Every row of that time whose cost changes, in order of time; *seen* counts the others. Errors: sqlite3.Error."""
    kept = kept_rates(connection)
    also = "".join(f" AND {name} = ?" for name in where)
    (countless,) = connection.execute(_COUNTLESS.format(also=also), (since, until, *where.values())).fetchone()
    if countless:
        seen.left[NO_COUNTS] = countless
    cursor = connection.execute(_SELECT.format(also=also), (since, until, *where.values()))
    for values in cursor:
        row = dict(zip(_READ, values, strict=True))
        why = _why_left(row, kept)
        if why is not None:
            seen.left[why] = seen.left.get(why, 0) + 1
            continue
        money = _money(account(_ended(row)))
        if money == tuple(row[name] for name in _MONEY):
            seen.same += 1
            seen.same_unknown += row["cost_nanousd"] is None
            continue
        if _is_of_another_length(row, money, kept):
            seen.left[BY_MORE] = seen.left.get(BY_MORE, 0) + 1
            continue
        yield Change(
            rowid=row["rowid"],
            id=row["id"],
            provider=row["provider"] or "",
            model=row["model_actual"] or row["model_sent"] or row["model_requested"] or "",
            old_nanousd=row["cost_nanousd"],
            new_nanousd=money[0],
            source=money[5] or "",
            money=money,
        )


def apply(connection: sqlite3.Connection, run: tuple[str, str, str, str], part: Sequence[Change]) -> None:
    """Restate rows, rollups and the audit, in one transaction of its own.

    Shapes: *run* is its name, when it was applied, since and until when. Errors: sqlite3.Error; nothing has changed then.
    """
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS repriced (row INTEGER PRIMARY KEY NOT NULL)")
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("DELETE FROM temp.repriced")
        connection.executemany("INSERT INTO temp.repriced VALUES (?)", [(change.rowid,) for change in part])
        _take(connection, -1)
        connection.executemany(_UPDATE, [(*change.money, change.rowid, change.id) for change in part])
        _take(connection, 1)
        for grain in GRAINS:
            connection.execute(_move(grain))
        connection.execute("DELETE FROM temp.batch")
        connection.executemany(_AUDIT, [(*run, *line) for line in totals(part)])
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def totals(part: Sequence[Change]) -> list[tuple[str, str, int, int, int, int, int, str]]:
    """By provider, model and new source: requests, old and new cost, how many costs were and are unknown; and the source."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for change in part:
        line = sums.setdefault((change.provider, change.model, change.source), [0] * 5)
        line[0] += 1
        line[1] += change.old_nanousd or 0
        line[2] += change.new_nanousd or 0
        line[3] += change.old_nanousd is None
        line[4] += change.new_nanousd is None
    return [(provider, model, *numbers, source) for (provider, model, source), numbers in sorted(sums.items())]  # type: ignore[misc]  # five numbers


def _take(connection: sqlite3.Connection, sign: int) -> None:
    """Put the sums of the chosen rows into the temporary table, once taken away and once added."""
    signed = ", ".join(f"{sign} * {name}" if name in COSTS else name for name in _NUMBERS)
    key = ", ".join((*WHO, *WHAT))
    connection.execute(f"INSERT INTO temp.batch SELECT minute, {key}, {signed} FROM ({_SUMS_OF})")


def _move(grain: Grain) -> str:
    """Add the difference to a rollup, where it still has the row: minutes that are gone stay so."""
    key = ", ".join((*WHO, *WHAT))
    sums = ", ".join(f"sum({name}) AS {name}" for name in COSTS)
    same = " AND ".join(f"{grain.usage}.{name} = moved.{name}" for name in (grain.at, *WHO, *WHAT))
    return f"""UPDATE {grain.usage} SET {", ".join(f"{name} = {grain.usage}.{name} + moved.{name}" for name in COSTS)}
FROM (SELECT {grain.cut} AS {grain.at}, {key}, {sums} FROM temp.batch GROUP BY 1, 2, 3, 4, 5, 6, 7) AS moved WHERE {same}"""


def _why_left(row: Row, kept: Kept) -> str | None:
    """Why a row must not be restated; None where it may."""
    if row["tokens_source"] != "reported":
        return "counts that were not reported"
    if row["cost_basis"] == "reported":
        return "billed by the provider's own account"
    if row["by_model_json"] is not None:
        return "several models or prompts in one answer"
    if row["price_id"] is None:
        return None if row["cost_nanousd"] is None else "a cost without a price"
    known = kept.get((row["price_id"], row["price_source"]))
    if known is None:
        return "their old price was not kept"
    counts = json.loads(row["units_json"])
    if any(_cost(counts, rates) == row["cost_low_nanousd"] for rates in known):
        return None
    return BY_MORE


def _is_of_another_length(row: Row, money: Money, kept: Kept) -> bool:
    """Whether old and new cost come from one and the same price for prompts of different length.

    A row does not say how long the longest of several prompts was, so the old cost is the right one. The operator's own
    prices do not depend on the length, and may change under one name.
    """
    name = (row["price_id"], row["price_source"])
    if row["cost_basis"] == "override" or name != (money[4], money[5]) or name not in kept:
        return False
    counts = json.loads(row["units_json"])
    return any(_cost(counts, rates) == money[1] for rates in kept[name])


def _cost(counts: Mapping[str, int], rates: Mapping[str, Fraction]) -> int:
    """Nano-dollars, rounded once, half to even. A unit without a rate is not in it."""
    return round(sum((count * rates[unit] for unit, count in counts.items() if unit in rates), Fraction(0)) * NANO)


def _ended(row: Row) -> Ended:
    """The row as the exchange it was, as far as pricing looks at it."""
    attempts = json.loads(row["attempts_json"]) if row["attempts_json"] else []
    started = datetime.fromisoformat(row["started_at"])
    begun = Begun(
        seq=0,
        id=row["id"],
        started_ns=int(started.timestamp() * 1000) * 1_000_000,
        config_version="",
        method=row["method"],
        endpoint=row["endpoint"],
        provider=row["provider"],
        model_requested=row["model_requested"],
        model_sent=row["model_sent"],
        max_tokens=row["max_tokens"],
    )
    return Ended(
        begun=begun,
        outcome=row["outcome"],
        ended_by=row["ended_by"],
        status=row["status"],
        reading=Reading(
            state=row["usage_state"],
            usage=Usage(json.loads(row["units_json"])),
            model=row["model_actual"],
            variant=row["variant"],
        ),
        attempts=tuple(Attempt(**attempt) for attempt in attempts),
    )


def _money(account: Account) -> Money:
    parts = account.cost_parts_nanousd
    return (
        *(account.cost_nanousd, account.cost_low_nanousd, account.cost_high_nanousd, account.cost_basis),
        *(account.price_id, account.price_source, account.price_date, account.price_note),
        json.dumps(parts, separators=(",", ":")) if parts else None,
    )
