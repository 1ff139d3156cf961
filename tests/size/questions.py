"""Every question that is sent to the database by a page, a table page of Datasette's own, a report, `top` or a canned query.

As what is sent, not as a list of SQL kept beside it: the pages are drawn and their SQL is noted, so that a new page or a
new question is in it by itself. Called by the test and the measure beside it.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import attrs
import httpx
from datasette.app import Datasette
from datasette.database import Database
from lectr_datasette.asking.query import Query, Row
from lectr_datasette.canned import CANNED
from lectr_datasette.drawing.links import Links
from lectr_datasette.metadata import TABLES, metadata_of
from lectr_datasette.pages import VIEWS
from lectr_datasette.serve import DATABASE_VARIABLE, datasette_words
from lectr_datasette.views.visit import Visit
from lectr_sink_sqlite.asking.now import look
from lectr_sink_sqlite.asking.period import period
from lectr_sink_sqlite.asking.sums import ask, coarsest

PERIODS: Final = ("hour", "today", "7d", "30d", "90d")

# What `--by`, `--since` and `--where` of a report would say.
REPORTS: Final[Sequence[tuple[str, timedelta, dict[str, str]]]] = (
    ("", timedelta(days=30), {}),
    ("feature", timedelta(days=30), {}),
    ("feature,model", timedelta(days=30), {}),
    ("day,feature", timedelta(days=30), {}),
    ("provider,error_category", timedelta(days=30), {}),
    ("feature,model", timedelta(days=7), {}),
    ("hour", timedelta(days=7), {}),
    ("hour,feature", timedelta(days=1), {}),
    ("org", timedelta(days=1), {}),
    ("minute", timedelta(hours=6), {}),
    ("feature", timedelta(hours=6), {}),
)


@attrs.frozen
class Sent:
    """One question."""

    by: str
    """Who sends it."""
    sql: str
    parameters: Mapping[str, Any] | Sequence[Any]  # Any: SQLite's values
    at_most: int | None = None
    """How many rows are fetched of it; None: all."""


def of_pages(connection: sqlite3.Connection, now: datetime) -> dict[str, list[Sent]]:
    """What each page sends, over every period and with a filter of every kind; by address."""
    known = filters(connection)
    found: dict[str, list[Sent]] = {}
    for name in VIEWS:
        for only in _scopes(name, known):
            for key in PERIODS:
                words = {"period": key, **only}
                found[f"/{name}?{urlencode(words)}"] = asyncio.run(_drawn(connection, now, name, words))
    return found


async def _drawn(connection: sqlite3.Connection, now: datetime, name: str, words: Mapping[str, str]) -> list[Sent]:
    asked: list[Sent] = []
    address = f"/{name}?{urlencode(words)}"

    async def answer(query: Query) -> Sequence[Row]:
        asked.append(Sent(address, query.sql, dict(query.parameters)))
        rows: Sequence[Row] = connection.execute(query.sql, dict(query.parameters)).fetchall()
        return rows

    links = Links(lambda path: path, "lectr")
    visit = Visit(ask=answer, links=links, words=words, zone=UTC, zone_name="UTC", now=now)
    assert await VIEWS[name](visit)
    return asked


def _scopes(name: str, known: Mapping[str, dict[str, str]]) -> list[dict[str, str]]:
    if name == "request":
        return [known["request"]]
    if name == "explore":
        return list(_explored(known))
    return [known.get(name, {})]


def filters(connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """A filter of each kind that finds something: what there is most of."""
    (of,) = connection.execute(
        "select feature, provider, model, org from usage_daily group by 1, 2, 3, 4 order by sum(requests) desc limit 1"
    )
    feature, provider, model, org = of
    ((wrong,),) = connection.execute(
        "select error_category from usage_daily where errors group by 1 order by 1 desc limit 1"
    )
    ((newest,),) = connection.execute("select id from requests order by started_at desc limit 1")
    return {
        "feature": {"feature": feature},
        "model": {"model": model, "provider": provider},
        "provider": {"provider": provider},
        "org": {"org": org},
        "outcome": {"outcome": "ok"},
        "error_category": {"error_category": wrong},
        "request": {"id": newest},
    }


def _explored(known: Mapping[str, dict[str, str]]) -> Iterator[dict[str, str]]:
    """Every grouping, and a filter of every kind."""
    for by in ("feature", "model", "provider", "org", "outcome", "error_category"):
        yield {"by": by}
        yield {"by": "feature" if by != "feature" else "model", **known[by]}
    yield {"measure": "tokens"}


def of_datasette(path: Path, known: Mapping[str, dict[str, str]]) -> dict[str, list[Sent]]:
    """What Datasette sends for its own page of each table and view, with their facets, and filtered ones; by address.

    Counts are not among them where they end by themselves after a moment.
    """
    words = [f"/lectr/{name}" for name in TABLES]
    for only in ("feature", "org", "outcome"):
        words.append(f"/lectr/all_requests?{urlencode(known[only])}")
        words.append(f"/lectr/requests?{urlencode(known[only])}")
    words.append(f"/lectr/all_requests?{urlencode({'started_at__gte': '2020', 'started_at__lt': '2100'})}")
    words.append(f"/lectr/requests/{known['request']['id']}")
    words += [f"/lectr/{query.name}?days=30" for query in CANNED]
    with _explorer(path) as explorer:
        return asyncio.run(_overheard(explorer, words))


@contextmanager
def _explorer(path: Path) -> Iterator[Datasette]:
    """As `serve.py` sets it up, without limits on time: here it is counted what there is to do."""
    words = datasette_words(("127.0.0.1", 1), path, opens=False)
    said = {words[at + 1]: words[at + 2] for at, word in enumerate(words) if word == "--setting"}
    settings: dict[str, Any] = {name: int(value) for name, value in said.items() if value.isdigit()}  # Any: of settings
    settings |= {"suggest_facets": False, "sql_time_limit_ms": 600_000, "facet_time_limit_ms": 600_000}
    before = os.environ.get(DATABASE_VARIABLE)
    os.environ[DATABASE_VARIABLE] = str(path)
    try:
        yield Datasette([], metadata=metadata_of(path), settings=settings)
    finally:
        os.environ.pop(DATABASE_VARIABLE)
        if before is not None:
            os.environ[DATABASE_VARIABLE] = before


async def _overheard(explorer: Datasette, words: Sequence[str]) -> dict[str, list[Sent]]:
    found: dict[str, list[Sent]] = {}
    execute = Database.execute
    asked: list[Sent] = []

    async def listen(self: Any, sql: str, params: Any = None, truncate: bool = False, **more: Any) -> Any:  # Any: as there
        # What begins so is not one of the explorer's own questions: Datasette looks for tables and columns.
        if self.name == "lectr" and "sqlite_master" not in sql and not sql.lower().startswith("pragma"):
            limit = more.get("custom_time_limit")
            if limit is None or limit > 1_000:
                asked.append(Sent("", sql, params or {}, 2_001 if truncate else None))
        return await execute(self, sql, params, truncate, **more)

    Database.execute = listen
    try:
        await explorer.invoke_startup()
        transport = httpx.ASGITransport(app=explorer.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", follow_redirects=True) as client:
            for word in words:
                asked.clear()
                answer = await client.get(word)
                assert answer.status_code == 200, (word, answer.text[:500])
                found[word] = [attrs.evolve(each, by=word) for each in asked]
    finally:
        Database.execute = execute
    return found


def of_commands(connection: sqlite3.Connection, now: datetime) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each report, and `top`: what is called, and what asks it. *connection* has the histograms."""
    for by, length, where in REPORTS:
        names = [name for name in by.split(",") if name]
        asked = period(now - length, now, coarsest(names), "2000")
        yield (
            f"lectr report --by '{by}' --since {length.total_seconds() / 3600:g}h",
            partial(ask, connection, asked, names, where),
        )
    for by in ("feature", "model"):
        yield f"lectr top --by {by}", partial(look, connection, now, 5, by, {})
