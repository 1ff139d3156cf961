"""Within Datasette: the page is the home page, the database may come later, and only those who may see it do."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import httpx
import pytest
import uvicorn
from datasette.app import Datasette
from lectr_datasette import pages
from lectr_datasette.canned import CANNED
from lectr_datasette.metadata import TABLES, metadata_of
from lectr_datasette.serve import DATABASE_VARIABLE, HOSTS_VARIABLE, METADATA_VARIABLE, PASSWORD_ENV_VARIABLE
from lectr_datasette.views import live

Make = Callable[..., Path]


def get(datasette: Datasette, *paths: str, host: str = "localhost", **fields: str) -> list[httpx.Response]:
    """Ask one Datasette for *paths*, one after the other."""

    async def ask() -> list[httpx.Response]:
        await datasette.invoke_startup()
        transport = httpx.ASGITransport(app=datasette.app())
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=fields) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Datasette]:
    """Lectr's own explorer, as `serve.py` sets it up."""

    def make(**variables: str) -> Datasette:
        path = tmp_path / "lectr.db"
        monkeypatch.setenv(DATABASE_VARIABLE, str(path))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return Datasette([], metadata=metadata_of(path), settings={"suggest_facets": False, "default_cache_ttl": 0})

    return make


def test_beside_a_gateway_only_what_went_wrong_is_news(
    own: Callable[..., Datasette], capsys: pytest.CaptureFixture[str]
) -> None:
    """The server speaks twice before it asks the app anything: in the midst of what `lectr demo` draws."""
    config = uvicorn.Config(own().app(), log_level="info")
    config.configure_logging()
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("uvicorn.error").warning("something broke")
    for name in ("uvicorn", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
    said = capsys.readouterr().err
    assert "something broke" in said
    assert "Started" not in said


def test_home_waits_for_the_database_and_then_shows_it(own: Callable[..., Datasette], database: Make) -> None:
    explorer = own()

    async def ask() -> tuple[str, str, int]:
        await explorer.invoke_startup()
        transport = httpx.ASGITransport(app=explorer.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            before = (await client.get("/")).text
            database(datetime.now(UTC))
            return before, (await client.get("/?period=30d")).text, (await client.get("/lectr/requests")).status_code

    before, after, status = asyncio.run(ask())
    assert "Nothing is stored yet" in before
    assert "chat-assistant" not in before
    assert "Newest requests" in after
    assert "large/2 &amp; co" in after
    assert status == 200


def test_a_new_file_in_place_of_the_old_one_begins_the_process_again(
    own: Callable[..., Datasette], database: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[bool] = []
    monkeypatch.setattr(pages, "begin_again", lambda: began.append(True))
    monkeypatch.setattr(pages, "_LAST_WORDS_S", 0.0)
    explorer = own()
    path = database(datetime.now(UTC))

    async def ask() -> list[int]:
        await explorer.invoke_startup()
        transport = httpx.ASGITransport(app=explorer.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            before = await client.get("/")
            path.rename(path.with_suffix(".old"))
            missing = await client.get("/")
            database(datetime.now(UTC))
            after = await client.get("/")
            await asyncio.sleep(0)
            return [answer.status_code for answer in (before, missing, after)]

    before, missing, after = asyncio.run(ask())
    assert (before, after) == (200, 503)
    assert missing in (200, 503)  # answered by a connection that is open, or by none
    assert began == [True]


@pytest.mark.parametrize("name", ["recent_requests", "all_requests", "requests"])
def test_requests_come_newest_first(own: Callable[..., Datasette], database: Make, name: str) -> None:
    database(datetime.now(UTC))
    page, rows = get(own(), f"/lectr/{name}", f"/lectr/{name}.json?_shape=objects")
    assert [row["id"] for row in rows.json()["rows"]][:3] == ["r0", "r1", "r2"]
    assert re.search(r"r0.*r1.*r2", page.text, re.DOTALL)


@pytest.mark.parametrize(("name", "facets"), [(name, shown.facets) for name, shown in TABLES.items() if shown.facets])
def test_facets_are_of_columns_that_are_there(
    own: Callable[..., Datasette], database: Make, name: str, facets: tuple[str, ...]
) -> None:
    database(datetime.now(UTC))
    asked = "&".join(f"_facet={facet}" for facet in facets)
    (found,) = get(own(), f"/lectr/{name}.json?{asked}&_extra=facet_results")
    assert all(facet in json.dumps(found.json()["facet_results"]) for facet in facets)
    assert not found.json().get("facets_timed_out")


def test_every_table_and_view_has_a_title_and_says_what_it_is(own: Callable[..., Datasette], database: Make) -> None:
    path = database(datetime.now(UTC))
    with sqlite3.connect(path) as store:
        there = {name for (name,) in store.execute("select name from sqlite_master where type in ('table', 'view')")}
    store.close()
    tables = metadata_of(path)["databases"]["lectr"]["tables"]
    shown = {name for name, said in tables.items() if said.get("title") and said.get("description")}
    hidden = {name for name, said in tables.items() if said.get("hidden")}
    assert {name for name in there if not name.startswith("sqlite_")} <= shown | hidden
    assert shown <= there, "what is not there is not described"


def test_columns_of_a_database_that_came_later_are_explained_too(own: Callable[..., Datasette], database: Make) -> None:
    explorer = own()

    async def ask() -> tuple[str, str]:
        await explorer.invoke_startup()
        transport = httpx.ASGITransport(app=explorer.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            path = database(datetime.now(UTC))
            before = (await client.get("/lectr/spend_by_day")).text
            with sqlite3.connect(path) as store:
                store.execute("insert into about_columns values ('spend_by_day', 'cost_usd', 'USD', 'What it cost.')")
            store.close()
            return before, (await client.get("/lectr/spend_by_day")).text

    before, after = asyncio.run(ask())
    assert "What it cost" not in before
    assert "What it cost (USD)." in after


def test_every_canned_query_has_its_page(own: Callable[..., Datasette], database: Make) -> None:
    database(datetime.now(UTC))
    answers = get(own(), *(f"/lectr/{query.name}" for query in CANNED))
    assert [answer.status_code for answer in answers] == [200] * len(CANNED)
    assert all("<td" in answer.text or "0 results" in answer.text for answer in answers)


def test_without_a_password_only_known_names_are_served(own: Callable[..., Datasette]) -> None:
    explorer = own(**{HOSTS_VARIABLE: "127.0.0.1,lectr.example"})
    assert get(explorer, "/", host="evil.example")[0].status_code == 403
    for host in ("localhost:8421", "127.0.0.1:8421", "[::1]:8421", "lectr.example"):
        assert get(explorer, "/", host=host)[0].status_code == 200


def test_with_a_password_nothing_is_served_without_it(own: Callable[..., Datasette], database: Make) -> None:
    database(datetime.now(UTC))
    explorer = own(**{PASSWORD_ENV_VARIABLE: "SECRET_OF_MINE", "SECRET_OF_MINE": "open sesame"})
    paths = ("/", "/lectr/requests.json", "/-/static/app.css", "/-/config.json")
    assert [answer.status_code for answer in get(explorer, *paths)] == [401] * 4
    for wrong in ("Basic !!!", "Basic " + base64.b64encode(b"me:wrong").decode(), "Bearer open sesame"):
        assert get(explorer, "/", authorization=wrong)[0].status_code == 401
    right = "Basic " + base64.b64encode(b"me:open sesame").decode()
    assert get(explorer, "/", host="any.example", authorization=right)[0].status_code == 200


def test_a_page_that_fails_puts_no_password_into_the_log(
    own: Callable[..., Datasette], capfd: pytest.CaptureFixture[str]
) -> None:
    explorer = own(**{PASSWORD_ENV_VARIABLE: "SECRET_OF_MINE", "SECRET_OF_MINE": "open sesame"})
    coded = base64.b64encode(b"me:open sesame").decode()
    assert get(explorer, "/nowhere", "/nowhere/x", authorization=f"Basic {coded}")[0].status_code == 404
    out = "".join(capfd.readouterr())
    assert coded not in out
    assert "locals" not in out


def test_datasettes_own_pages_get_their_style(own: Callable[..., Datasette], database: Make) -> None:
    database(datetime.now(UTC))
    page, style = get(own(), "/lectr/requests", pages.STYLE)
    assert f'href="{pages.STYLE}"' in page.text
    assert style.headers["content-type"].startswith("text/css")


def test_the_page_forbids_foreign_scripts_and_frames(own: Callable[..., Datasette], database: Make) -> None:
    for made in (False, True):
        if made:
            database(datetime.now(UTC))
        policy = get(own(), "/")[0].headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("name", pages.VIEWS)
def test_every_page_is_served(own: Callable[..., Datasette], database: Make, name: str) -> None:
    database(datetime.now(UTC))
    words = "?id=r0" if name == "request" else "?period=7d"
    (page,) = get(own(), f"/-/lectr/{name}{words}" if name else f"/-/lectr{words}")
    assert page.status_code == 200
    assert "<main" in page.text


def test_a_request_that_is_not_there_is_not_found(own: Callable[..., Datasette], database: Make) -> None:
    database(datetime.now(UTC))
    (page,) = get(own(), "/-/lectr/request?id=nobody")
    assert page.status_code == 404
    assert "No such request" in page.text


def test_times_are_in_the_zone_that_the_cookie_names(own: Callable[..., Datasette], database: Make) -> None:
    database(datetime.now(UTC))
    explorer = own()
    named, strange, none = (
        get(explorer, "/", **({"cookie": f"lectr_zone={zone}"} if zone else {}))[0].text
        for zone in ("Asia%2FKolkata", "../../etc", None)
    )
    assert 'data-zone="Asia/Kolkata"' in named
    assert 'data-zone="UTC"' in strange
    assert 'data-zone="UTC"' in none


def test_what_is_behind_a_number_can_be_had_as_a_table(own: Callable[..., Datasette], database: Make) -> None:
    database(datetime.now(UTC))
    explorer = own()
    (page,) = get(explorer, "/-/lectr?period=7d")
    links = [unescape(link) for link in re.findall(r'href="(/lectr(?:\.csv|\.json)?\?sql=[^"]*)"', page.text)]
    assert len(links) >= 15
    for link in links:
        (answer,) = get(explorer, link)
        if answer.is_redirect:
            (answer,) = get(explorer, answer.headers["location"])
        assert answer.status_code == 200, (link, answer.text[:300])


def test_a_database_of_an_older_version_says_what_to_do(own: Callable[..., Datasette], tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "lectr.db") as store:
        store.execute("create table requests (id text primary key)")
    store.close()
    assert "older version" in get(own(), "/")[0].text


def test_news_come_as_events(own: Callable[..., Datasette], database: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Driven by hand, because a client of tests waits for the end, and there is none."""
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    path = database(datetime.now(UTC))
    explorer = own()
    sent: list[dict[str, object]] = []

    async def listen() -> None:
        await explorer.invoke_startup()
        app = explorer.app()
        gone = asyncio.Event()

        async def receive() -> dict[str, object]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)
            body = bytes(message.get("body", b""))  # type: ignore[call-overload]  # a body is bytes
            if b"retry" in body:
                asyncio.get_running_loop().call_later(0.1, add)
            if b"event: newest" in body:
                gone.set()

        def add() -> None:
            with sqlite3.connect(path) as store:
                store.execute("update requests set rowid = rowid + 1000 where id = 'r0'")
            store.close()

        scope = {"type": "http", "method": "GET", "path": "/-/lectr/live", "raw_path": b"/-/lectr/live", "query_string": b""}
        headers = [(b"host", b"localhost")]
        await asyncio.wait_for(
            app({**scope, "headers": headers, "scheme": "http", "http_version": "1.1"}, receive, send), 20
        )

    asyncio.run(listen())
    said = b"".join(bytes(message.get("body", b"")) for message in sent)  # type: ignore[call-overload]  # as above
    assert said.count(b"event: newest") == 1
    assert b"data: <tr>" in said
    assert b"/-/lectr/request?id=r0" in said
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_in_a_datasette_of_ones_own_the_home_page_stays(database: Make) -> None:
    assert DATABASE_VARIABLE not in os.environ
    foreign = Datasette([str(database(datetime.now(UTC)))])
    home, page = get(foreign, "/", "/-/lectr", host="any.example")
    assert "Newest requests" not in home.text
    assert "Newest requests" in page.text


def test_the_metadata_file_is_removed_at_start(own: Callable[..., Datasette], tmp_path: Path) -> None:
    passing = tmp_path / "metadata.json"
    passing.write_text("{}")
    get(own(**{METADATA_VARIABLE: str(passing)}), "/")
    assert not passing.exists()


def test_descriptions_come_from_the_database_where_it_has_them(database: Make) -> None:
    path = database()
    with sqlite3.connect(path) as store:
        store.execute("insert into about_columns values ('requests', 'duration_ms', 'ms', 'How long.')")
    store.close()
    columns = metadata_of(path)["databases"]["lectr"]["tables"]["requests"]["columns"]
    assert columns["duration_ms"] == "How long (ms)."
    assert columns["org"].startswith("Whose key")
