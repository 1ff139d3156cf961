"""What is plugged into Datasette: the pages, the way to them, limits for every connection, and who may see it.

Only hooks that Datasette 0.65 and 1.0 share. Started by `serve.py` the first page is the home page, and the database is
attached as soon as it exists; in a Datasette of somebody's own the pages begin at `/-/lectr`. Called by Datasette.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pluggy
from datasette import handle_exception
from datasette.database import Database, QueryInterrupted
from datasette.utils.asgi import Response

from lectr_core import MoneySettings
from lectr_datasette.asking import histograms
from lectr_datasette.asking.query import Query, Row, TooSlow
from lectr_datasette.asking.scope import zone_of
from lectr_datasette.canned import CANNED
from lectr_datasette.drawing import template
from lectr_datasette.drawing.links import Links
from lectr_datasette.guard import App, guarded
from lectr_datasette.leaving import is_leaving, listen
from lectr_datasette.limits import Counting, bound
from lectr_datasette.metadata import describe, plain
from lectr_datasette.money import of_environ
from lectr_datasette.serve import DATABASE_VARIABLE, HOSTS_VARIABLE, METADATA_VARIABLE, PASSWORD_ENV_VARIABLE, begin_again
from lectr_datasette.views import live
from lectr_datasette.views.change import change
from lectr_datasette.views.errors import errors
from lectr_datasette.views.explore import explore, one_of
from lectr_datasette.views.leaks import leaking
from lectr_datasette.views.overview import overview
from lectr_datasette.views.request import request as one_request
from lectr_datasette.views.statement import statement_of
from lectr_datasette.views.sure import sure
from lectr_datasette.views.visit import Visit

hookimpl = pluggy.HookimplMarker("datasette")

_NEEDED = "requests"
_SUMS = "usage_minutely"
_IS_OURS = f"select 1 from sqlite_master where type = 'table' and name = '{_SUMS}'"
# Enough to send a line before the process begins again.
_LAST_WORDS_S = 0.2
ZONE_COOKIE = "lectr_zone"
STYLE = "/-/lectr.css"
_STYLE = """\
dl.column-descriptions { max-height: 7.5em; overflow-y: auto; border: 1px solid #ccc; padding: .5em .8em; }
dl.column-descriptions dd { margin: 0 0 .2em 1em; }
"""
# Where all tables are Lectr's: a row is a line, seventy columns wide, and no query widens the page.
_OWN_STYLE = """\
table.rows-and-columns td { white-space: nowrap; max-width: 28em; overflow: hidden; text-overflow: ellipsis; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
"""
_SECURITY = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_TOO_OLD = "This database was made by an older version of Lectr. Start the gateway once (lectr up): it brings it up to date."

View = Callable[[Visit], Awaitable[str | None]]
VIEWS: dict[str, View] = {
    "": overview,
    "explore": explore,
    "errors": errors,
    "leaks": leaking,
    "change": change,
    "statement": statement_of,
    "sure": sure,
    "request": one_request,
    "feature": partial(one_of, dimension="feature"),
    "model": partial(one_of, dimension="model"),
    "provider": partial(one_of, dimension="provider"),
}


@hookimpl
def prepare_connection(conn: sqlite3.Connection) -> None:
    """Bound what one query may make, and let queries read histograms. Others' databases are left as they are."""
    if _own_database() is not None or conn.execute(_IS_OURS).fetchone():
        bound(conn)
    histograms.register(conn)


@hookimpl
def startup(datasette: Any) -> Callable[[], Awaitable[None]]:  # Any: Datasette is untyped
    """Datasette has read its metadata: the file may go. Newer versions keep queries elsewhere and are told of them here."""

    async def started() -> None:
        name = os.environ.pop(METADATA_VARIABLE, None)
        if name is not None:
            Path(name).unlink(missing_ok=True)
        path = _own_database()
        if path is None:
            return
        # With rich installed, Datasette prints every local variable of a failed request, headers and all.
        handle_exception.rich = None
        if hasattr(datasette, "add_query"):
            for query in CANNED:
                said = {"title": query.title, "description": plain(query.explains), "parameters": ["days"]}
                await datasette.add_query(path.stem, query.name, query.sql, is_trusted=True, **said)

    return started


@hookimpl
def register_routes(datasette: Any) -> list[tuple[str, Any]]:  # Any: Datasette is untyped
    """The pages, and in Lectr's own explorer also the home page."""
    routes: list[tuple[str, Any]] = [  # Any: whatever Datasette can call
        (rf"^/-/lectr/{name}$" if name else r"^/-/lectr$", _page(view)) for name, view in VIEWS.items()
    ]
    routes += [(r"^/-/lectr/live$", news), (r"^/-/lectr\.css$", style), (r"^/-/lectr\.js$", script)]
    return [(r"^/$", _page(overview)), *routes] if _own_database() is not None else routes


@hookimpl
def menu_links(datasette: Any) -> list[dict[str, str]]:  # Any: Datasette is untyped
    """The first page, from everywhere."""
    return [{"href": datasette.urls.path("/-/lectr"), "label": "Lectr at a glance"}]


@hookimpl
def extra_css_urls(datasette: Any) -> list[str]:  # Any: Datasette is untyped
    """Keeps seventy described columns from standing above the rows."""
    return [datasette.urls.path(STYLE)]


@hookimpl
def asgi_wrapper(datasette: Any) -> Any:  # Any: Datasette is untyped
    """Attach the database when it appears; in Lectr's own explorer, let in only those who may."""
    path = _own_database()
    if path is None:
        return _listening
    variable = os.environ.get(PASSWORD_ENV_VARIABLE)
    password = os.environ.get(variable) if variable else None
    names = [name for name in os.environ.get(HOSTS_VARIABLE, "").split(",") if name]
    # Beside a gateway only what went wrong is news. A filter, since the server sets levels of its own later.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).addFilter(_went_wrong)
    return lambda app: guarded(_attaching(_listening(app), datasette, path), password, names)


async def style(request: Any) -> Any:  # Any: Datasette is untyped
    """The style sheet for Datasette's own pages."""
    text = _STYLE if _own_database() is None else _STYLE + _OWN_STYLE
    return Response(text, content_type="text/css; charset=utf-8")


async def script(request: Any) -> Any:  # Any: Datasette is untyped
    """What the pages do in a browser."""
    headers = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
    return Response(_script(), content_type="text/javascript; charset=utf-8", headers=headers)


@cache
def _script() -> str:
    return (files("lectr_datasette") / "templates" / "lectr.js").read_text()


def _page(view: View) -> Callable[[Any, Any], Awaitable[Any]]:  # Any: Datasette is untyped
    async def page(request: Any, datasette: Any) -> Any:  # Any: Datasette is untyped
        try:
            database = await _with_requests(datasette)
            if database is None:
                return _empty("Nothing is stored yet")
            if not await database.table_exists(_SUMS):
                return _empty("Too old", _TOO_OLD)
            html = await view(_visit(request, datasette, database))
        except TooSlow:
            return _empty("Too busy", "The database is too busy to answer in time. This page tries again by itself.", 503)
        except sqlite3.OperationalError as exc:
            logging.getLogger("lectr.explorer").warning("a question failed: %s", exc)
            return _empty("No answer", "The database could not answer. This page tries again by itself.", 503)
        if html is None:
            return _empty("No such request", "It was never stored, or it is older than rows are kept.", 404)
        return Response.html(html, headers=_SECURITY)

    return page


async def news(request: Any, datasette: Any, send: Any) -> Any:  # Any: Datasette is untyped
    """The newest requests, as they come."""
    database = await _with_requests(datasette)
    if database is None:
        return Response.text("nothing is stored yet", status=503)
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
    headers.append((b"x-accel-buffering", b"no"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.ensure_future(_gone(request))
    try:
        async for text in live.news(lambda: _visit(request, datasette, database), until=lambda: gone.done() or is_leaving()):
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
    except (TooSlow, sqlite3.OperationalError):
        # The browser asks again by itself.
        pass
    finally:
        gone.cancel()
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    return None


async def _gone(request: Any) -> None:  # Any: Datasette is untyped
    """Waits: until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _empty(title: str, says: str = "", status: int = 200) -> Any:  # Any: Datasette is untyped
    html = template.render("empty.html", {"title": title, "says": says})
    return Response.html(html, status=status, headers=_SECURITY)


def _visit(request: Any, datasette: Any, database: Database) -> Visit:  # Any: Datasette is untyped
    async def ask(query: Query) -> Sequence[Row]:
        try:
            rows: Sequence[Row] = (await database.execute(query.sql, dict(query.parameters))).rows
        except QueryInterrupted as exc:
            raise TooSlow("a question took too long") from exc
        return rows

    zone = zone_of(request.args.get("zone") or unquote(request.cookies.get(ZONE_COOKIE, "")))
    return Visit(
        ask=ask,
        links=Links(datasette.urls.path, database.name),
        words={name: request.args.get(name) for name in request.args},
        zone=zone,
        zone_name="UTC" if zone is UTC else str(zone),
        now=datetime.now(UTC),
        money=_money(),
    )


@cache
def _money() -> MoneySettings:
    return of_environ(os.environ)


async def _with_requests(datasette: Any) -> Database | None:  # Any: Datasette is untyped
    """The first database that has Lectr's table."""
    for name, database in list(datasette.databases.items()):
        if not name.startswith("_") and await database.table_exists(_NEEDED):
            return database
    return None


def _own_database() -> Path | None:
    """The file that `serve.py` named; None in a Datasette of somebody's own."""
    name = os.environ.get(DATABASE_VARIABLE)
    return Path(name) if name else None


def _listening(app: App) -> App:
    """*app*, whose streams end when the server is told to."""

    async def hear(scope: Any, receive: Any, send: Any) -> None:  # Any: as ASGI has it
        if scope["type"] == "lifespan":
            listen()
        await app(scope, receive, send)

    return hear


def _went_wrong(line: logging.LogRecord) -> bool:
    return line.levelno >= logging.WARNING


def _attaching(app: App, datasette: Any, path: Path) -> App:  # Any: Datasette is untyped
    """*app*, with the database at *path* attached once it exists.

    Datasette keeps its connections for ever. So when another file has taken the place of the one attached (a damaged one
    was moved aside), the process begins again.
    """
    attached: list[tuple[int, int]] = []
    described: list[bool] = []

    async def attach(scope: Any, receive: Any, send: Any) -> None:  # Any: as ASGI has it
        try:
            found = path.stat()
        except OSError:
            found = None
        here = (found.st_dev, found.st_ino) if found is not None and found.st_size else None
        if here is not None and not attached:
            datasette.add_database(Counting(datasette, path=str(path), is_mutable=True), name=path.stem)
            attached.append(here)
        if here is not None and not described and await describe(datasette, path):
            described.append(True)
        if here is not None and attached != [here] and scope["type"] == "http":
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, begin_again)
            await Response.text("there is a new database; please try again", status=503, headers={"refresh": "2"}).asgi_send(
                send
            )
            return
        await app(scope, receive, send)

    return attach
