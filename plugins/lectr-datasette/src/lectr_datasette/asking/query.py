"""A question as a value: its SQL and its parameters, so that a page can ask it and also link to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs

Row = Mapping[str, Any]  # Any: SQLite's values
Parameters = Mapping[str, str | int]


@attrs.frozen
class Query:
    """One question, read-only."""

    sql: str
    parameters: Parameters = attrs.field(factory=dict)


Ask = Callable[[Query], Awaitable[Sequence[Row]]]
"""Runs one query."""


class TooOld(Exception):
    """The database has the table of requests and lacks the sums: it was made by an older version."""


async def tables(ask: Ask) -> frozenset[str]:
    """Names of all tables and views. Waits: on the database."""
    found = await ask(Query("select name from sqlite_master where type in ('table', 'view')"))
    return frozenset(row["name"] for row in found)
