"""Closing rows that were open: the work they began has been told by another request, and is counted with that one.

A closed row has 0 tokens and costs 0, says with which request it is counted, and moves in the rollups by the difference: a
sum counts nothing twice, and nothing is listed as unknown for ever. It is done in the transaction that stores the row which
counts, and changes nothing where a row is not open any more. Called by `store.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from lectr_core import CLOSED
from lectr_sink_sqlite.rollup_tables import BY_MINUTE, GRAINS, HISTOGRAMS, SUMS, WHAT, WHO, Grain

_ZEROS: Final = {
    name: getattr(CLOSED, name)
    for name in (
        *("input_tokens", "input_tokens_low", "input_tokens_high"),
        *("output_tokens", "output_tokens_low", "output_tokens_high"),
        *("cached_input_tokens", "cache_write_tokens", "reasoning_tokens", "tokens_source"),
        *("cost_nanousd", "cost_low_nanousd", "cost_high_nanousd", "cost_basis", "price_note"),
    )
}
_CLOSE: Final = f"UPDATE requests SET usage_state = 'closed', tokens_note = ?, {', '.join(f'{name} = ?' for name in _ZEROS)}"
_OPEN: Final = "SELECT rowid FROM requests WHERE id = ? AND usage_state = 'open' AND cost_nanousd IS NULL"
_KEY: Final = ", ".join((*WHO, *WHAT))


def close(connection: sqlite3.Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Close open rows, by id, each with the id of the row that counts it. Within the caller's transaction."""
    for open_id, counted_by in pairs:
        found = connection.execute(_OPEN, (open_id,)).fetchone()
        if found is None:
            continue
        _take(connection, found[0], -1)
        connection.execute(f"{_CLOSE} WHERE rowid = ?", (f"counted with request {counted_by}", *_ZEROS.values(), found[0]))
        _take(connection, found[0], 1)
        for grain in GRAINS:
            connection.execute(_move(grain))
        connection.execute("DELETE FROM temp.batch")


def _take(connection: sqlite3.Connection, rowid: int, sign: int) -> None:
    """Put the sums of one row into the temporary table, once taken away and once added."""
    signed = ", ".join([*(f"{sign} * {name}" for name in SUMS), *("NULL" for _ in HISTOGRAMS)])
    rows = BY_MINUTE.format(rows="WHERE rowid = ?")
    connection.execute(f"INSERT INTO temp.batch SELECT minute, {_KEY}, {signed} FROM ({rows})", (rowid,))


def _move(grain: Grain) -> str:
    """Add the difference to a rollup, where it still has the row: minutes that are gone stay so."""
    sums = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
    same = " AND ".join(f"{grain.usage}.{name} = moved.{name}" for name in (grain.at, *WHO, *WHAT))
    return f"""UPDATE {grain.usage} SET {", ".join(f"{name} = {grain.usage}.{name} + moved.{name}" for name in SUMS)}
FROM (SELECT {grain.cut} AS {grain.at}, {_KEY}, {sums} FROM temp.batch GROUP BY 1, 2, 3, 4, 5, 6, 7) AS moved WHERE {same}"""
