"""What the database keeps beside the records: which requests are in flight now, which prices records were priced
with, and how well tokens are predicted.

Statements and rows; a connection and its transaction are the caller's. Called by `store.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from lectr_core import Accuracy, Begun, Quote, UsedPrice
from lectr_sink_sqlite.rows import tame, timestamp

IN_FLIGHT: Final = """
CREATE TABLE in_flight (
    id TEXT PRIMARY KEY NOT NULL,
    started_at TEXT NOT NULL,
    org TEXT,
    feature TEXT NOT NULL,
    task TEXT,
    provider TEXT,
    model TEXT,
    endpoint TEXT NOT NULL,
    streamed INTEGER NOT NULL,
    open_ms REAL NOT NULL,
    as_of TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""

PRICES: Final = """
CREATE TABLE prices (
    price_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    variant TEXT NOT NULL,
    source TEXT NOT NULL,
    dated TEXT,
    basis TEXT NOT NULL,
    rates_json TEXT NOT NULL,
    note TEXT,
    first_used_at TEXT NOT NULL,
    PRIMARY KEY (price_id, provider, model, variant, source, rates_json)
) STRICT, WITHOUT ROWID
"""

TOKEN_ACCURACY: Final = """
CREATE TABLE token_accuracy (
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    way TEXT NOT NULL,
    requests INTEGER NOT NULL,
    held INTEGER NOT NULL,
    coverage REAL GENERATED ALWAYS AS (held * 1.0 / nullif(requests, 0)) VIRTUAL,
    half_width REAL NOT NULL,
    error REAL NOT NULL,
    predicted_tokens INTEGER NOT NULL,
    reported_tokens INTEGER NOT NULL,
    as_of TEXT NOT NULL,
    PRIMARY KEY (provider, model, endpoint, way)
) STRICT, WITHOUT ROWID
"""

# What is stored already is over, though the journal's reader may not have come to its end when it was asked.
_SHOW: Final = f"""INSERT OR REPLACE INTO in_flight
SELECT {", ".join("?" * 11)} WHERE NOT EXISTS (SELECT 1 FROM requests WHERE id = ?)"""
_KEEP: Final = f"INSERT INTO prices VALUES ({', '.join('?' * 10)}) ON CONFLICT DO NOTHING"
_ACCURACY: Final = f"INSERT INTO token_accuracy VALUES ({', '.join('?' * 11)})"
_MS_NS: Final = 1_000_000
_json: Final = msgspec.json.Encoder(order="sorted").encode


def show_in_flight(connection: sqlite3.Connection, begun: Sequence[Begun], now_ns: int) -> None:
    """Take *begun* as all that is in flight. Within the caller's transaction."""
    as_of = timestamp(now_ns)
    connection.execute("DELETE FROM in_flight")
    connection.executemany(
        _SHOW,
        [
            tame(
                (
                    *(one.id, timestamp(one.started_ns), one.org, one.feature, one.task, one.provider),
                    *(one.model_sent or one.model_requested, one.endpoint, one.streamed),
                    *(max(0, now_ns - one.started_ns) / _MS_NS, as_of, one.id),
                )
            )
            for one in begun
        ],
    )


def keep_prices(connection: sqlite3.Connection, prices: Iterable[UsedPrice], now_ns: int) -> None:
    """Keep those that are not kept yet. Within the caller's transaction."""
    first = timestamp(now_ns)
    connection.executemany(_KEEP, [(*key_of(price), first) for price in prices])


def keep_accuracy(connection: sqlite3.Connection, told: Iterable[Accuracy], now_ns: int) -> None:
    """Take *told* as all that is known. Within the caller's transaction."""
    as_of = timestamp(now_ns)
    connection.execute("DELETE FROM token_accuracy")
    connection.executemany(
        _ACCURACY,
        [
            tame(
                (
                    *(one.provider, one.model, one.endpoint, one.way, one.checked, one.held, one.half_width, one.error),
                    *(one.predicted_tokens, one.reported_tokens, as_of),
                )
            )
            for one in told
        ],
    )


def key_of(price: UsedPrice) -> tuple[str | None, ...]:
    """A price as its row, without the time it was first used."""
    quote = price.quote
    return (
        *(quote.price_id, price.provider, price.model, price.variant or "", quote.source, quote.dated, quote.basis),
        *(rates_of(quote), quote.note),
    )


def rates_of(quote: Quote) -> str:
    """USD for one unit, exactly as the price book said, by unit: a JSON object of decimal texts."""
    return _json({unit: format(rate.normalize(), "f") for unit, rate in quote.rates.items()}).decode()
