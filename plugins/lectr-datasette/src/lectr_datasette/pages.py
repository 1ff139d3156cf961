"""What is plugged into Datasette: the page, the way to it, limits for every connection, and who may see it.

Only hooks that Datasette 0.65 and 1.0 share. Started by `serve.py` it is the home page and attaches the database as soon as
it exists; in a Datasette of somebody's own it is the page `/-/lectr`. Called by Datasette.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pluggy
from datasette import handle_exception
from datasette.database import Database, QueryInterrupted
from datasette.utils.asgi import Response

from lectr_datasette import page
from lectr_datasette.canned import CANNED
from lectr_datasette.figures import Row
from lectr_datasette.guard import App, guarded
from lectr_datasette.metadata import plain
from lectr_datasette.questions import Ask, Parameters
from lectr_datasette.serve import DATABASE_VARIABLE, HOSTS_VARIABLE, METADATA_VARIABLE, PASSWORD_ENV_VARIABLE, begin_again

hookimpl = pluggy.HookimplMarker("datasette")

# A record is a few kilobytes. A query that makes strings larger than this is an accident or an attack.
_MAX_LENGTH_BYTES = 5_000_000
_NEEDED = "requests"
# Enough to send a line before the process begins again.
_LAST_WORDS_S = 0.2
STYLE = "/-/lectr.css"
_STYLE = """\
dl.column-descriptions { max-height: 7.5em; overflow-y: auto; border: 1px solid #ccc; padding: .5em .8em; }
dl.column-descriptions dd { margin: 0 0 .2em 1em; }
"""
_SECURITY = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@hookimpl
def prepare_connection(conn: sqlite3.Connection) -> None:
    """Bound what one query may make."""
    conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_LENGTH_BYTES)


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
                await datasette.add_query(path.stem, query.name, query.sql, hide_sql=True, is_trusted=True, **said)

    return started


@hookimpl
def register_routes(datasette: Any) -> list[tuple[str, Any]]:  # Any: Datasette is untyped
    """The page, and in Lectr's own explorer also the home page."""
    routes = [(r"^/-/lectr$", home), (r"^/-/lectr\.css$", style)]
    return [(r"^/$", home), *routes] if _own_database() is not None else routes


@hookimpl
def menu_links(datasette: Any) -> list[dict[str, str]]:  # Any: Datasette is untyped
    """The page, from everywhere."""
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
        return lambda app: app
    variable = os.environ.get(PASSWORD_ENV_VARIABLE)
    password = os.environ.get(variable) if variable else None
    names = [name for name in os.environ.get(HOSTS_VARIABLE, "").split(",") if name]
    return lambda app: guarded(_attaching(app, datasette, path), password, names)


async def style(request: Any) -> Any:  # Any: Datasette is untyped
    """The style sheet for Datasette's own pages."""
    return Response(_STYLE, content_type="text/css; charset=utf-8")


async def home(request: Any, datasette: Any) -> Any:  # Any: Datasette is untyped
    """The page at a glance."""
    live = request.args.get("live") == "1"
    database = await _with_requests(datasette)
    if database is None:
        return Response.html(page.render_waiting(), headers=_SECURITY)
    try:
        made = await page.compose(_ask(database), request.args.get("period") or "", datetime.now(UTC))
    except QueryInterrupted:
        return Response.text("the database is too busy to answer in time; please try again", status=503)
    except sqlite3.OperationalError:
        return Response.html(page.render_waiting(), headers=_SECURITY)
    html = page.render(made, database=database.name, link=datasette.urls.path, live=live)
    return Response.html(html, headers=_SECURITY)


def _ask(database: Database) -> Ask:
    async def ask(sql: str, parameters: Parameters) -> Sequence[Row]:
        rows: Sequence[Row] = (await database.execute(sql, dict(parameters))).rows
        return rows

    return ask


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


def _attaching(app: App, datasette: Any, path: Path) -> App:  # Any: Datasette is untyped
    """*app*, with the database at *path* attached once it exists.

    Datasette keeps its connections for ever. So when another file has taken the place of the one attached (a damaged one
    was moved aside), the process begins again.
    """
    attached: list[tuple[int, int]] = []

    async def attach(scope: Any, receive: Any, send: Any) -> None:  # Any: as ASGI has it
        if scope["type"] == "lifespan":
            # Beside a gateway only what went wrong is news. The server sets its logs up just before this.
            for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
                logging.getLogger(name).setLevel(logging.WARNING)
        try:
            found = path.stat()
        except OSError:
            found = None
        here = (found.st_dev, found.st_ino) if found is not None and found.st_size else None
        if here is not None and not attached:
            datasette.add_database(Database(datasette, path=str(path), is_mutable=True), name=path.stem)
            attached.append(here)
        if here is not None and attached != [here] and scope["type"] == "http":
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, begin_again)
            await Response.text("there is a new database; please try again", status=503, headers={"refresh": "2"}).asgi_send(
                send
            )
            return
        await app(scope, receive, send)

    return attach
