"""No question can eat the machine: what runs, grows or counts without end is ended, and the next one is answered."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from datasette.app import Datasette
from datasette.database import Database
from lectr_datasette.limits import MOST_ANSWER_BYTES, MOST_VALUE_BYTES, TooMuch, bound
from lectr_datasette.metadata import metadata_of
from lectr_datasette.serve import DATABASE_VARIABLE, datasette_words

Make = Callable[..., Path]

WITHOUT_END = "with recursive n(x) as (select 1 union all select x + 1 from n)"
RUNAWAYS = {
    "a recursion": f"{WITHOUT_END} select sum(x) from n",
    "a product": "select count(*) from requests a, requests b, requests c, requests d, requests e, requests f, requests g, "
    "requests h, requests i, requests j, requests k, requests l",
    "a sort": f"{WITHOUT_END} select x from n order by -x",
    "histograms": f"{WITHOUT_END} select histogram_sum('[1,' || x || ']') from n",
}


def get(datasette: Datasette, *paths: str) -> list[httpx.Response]:
    """Ask one Datasette for *paths*, one after the other, as somebody who follows redirections."""

    async def ask() -> list[httpx.Response]:
        await datasette.invoke_startup()
        transport = httpx.ASGITransport(app=datasette.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", follow_redirects=True) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


def limited(monkeypatch: pytest.MonkeyPatch, database: Make, **other: int) -> Datasette:
    """Lectr's own, with the limits that it is started with, but for *other* ones."""
    path = database(datetime.now(UTC))
    monkeypatch.setenv(DATABASE_VARIABLE, str(path))
    words = datasette_words(("127.0.0.1", 1), path, opens=False)
    said = {words[at + 1]: words[at + 2] for at, word in enumerate(words) if word == "--setting"}
    settings = {name: int(value) for name, value in said.items() if value.isdigit()}
    assert 0 < settings["sql_time_limit_ms"] <= 3_000
    assert 0 < settings["facet_time_limit_ms"] <= 500
    assert 0 < settings["max_returned_rows"] <= 2_000
    return Datasette([], metadata=metadata_of(path), settings=settings | {"suggest_facets": False} | other)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch, database: Make) -> Datasette:
    """With all of the limits as they are."""
    return limited(monkeypatch, database)


@pytest.fixture
def explorer(monkeypatch: pytest.MonkeyPatch, database: Make) -> Datasette:
    """With a tenth of a second in place of the time."""
    return limited(monkeypatch, database, sql_time_limit_ms=100)


def sql(query: str) -> str:
    return f"/lectr.json?_shape=array&sql={quote(query)}"


@pytest.mark.parametrize("name", RUNAWAYS)
def test_a_question_that_runs_away_is_ended_and_the_next_one_answered(explorer: Datasette, name: str) -> None:
    ended, after = get(explorer, sql(RUNAWAYS[name]), sql("select count(*) as n from requests"))
    assert ended.status_code == 400
    assert "interrupted" in ended.text.lower() or "time limit" in ended.text.lower()
    assert after.json() == [{"n": 9}]


def test_runaways_at_once_are_all_ended(explorer: Datasette) -> None:
    async def ask() -> list[int]:
        await explorer.invoke_startup()
        transport = httpx.ASGITransport(app=explorer.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", follow_redirects=True) as client:
            found = await asyncio.gather(*(client.get(sql(RUNAWAYS["a recursion"])) for _ in range(8)))
            return [*(answer.status_code for answer in found), (await client.get(sql("select 1 as n"))).status_code]

    assert asyncio.run(ask()) == [400] * 8 + [200]


def test_rows_without_end_are_cut(patient: Datasette) -> None:
    (answer,) = get(patient, f"/lectr.json?sql={quote(f'{WITHOUT_END} select x from n')}")
    assert len(answer.json()["rows"]) == 2_000
    assert answer.json()["truncated"]


@pytest.mark.parametrize(
    "query",
    [
        "select zeroblob(900000000) as n",
        "with recursive n(x) as (select 'x' union all select x || x from n) select max(length(x)) as n from n",
        f"select 'a' like '{'%a' * 200}' as n",
    ],
)
def test_one_call_cannot_make_or_take_what_is_too_large(explorer: Datasette, query: str) -> None:
    """Datasette's time limit does not see into a function."""
    (answer,) = get(explorer, sql(query))
    assert answer.status_code == 400


@pytest.fixture
def bounded() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        bound(connection)
        yield connection


def test_many_large_values_are_refused_before_they_fill_the_memory(bounded: sqlite3.Connection) -> None:
    """Each is small enough and made in no time; two thousand rows of them would be gigabytes."""
    cursor = bounded.execute(f"{WITHOUT_END} select zeroblob({MOST_VALUE_BYTES - 100}) from n")
    fitting = cursor.fetchmany(MOST_ANSWER_BYTES // MOST_VALUE_BYTES)
    assert len(fitting) == MOST_ANSWER_BYTES // MOST_VALUE_BYTES
    with pytest.raises(TooMuch, match="fewer rows"):
        cursor.fetchmany(2)


def test_what_is_added_up_is_one_answer_only(bounded: sqlite3.Connection) -> None:
    half = f"select zeroblob({MOST_VALUE_BYTES - 100}) as some union all " * (MOST_ANSWER_BYTES // MOST_VALUE_BYTES // 2)
    for _ in range(4):
        rows = bounded.execute(f"{half} select 1").fetchall()
        assert rows[-1]["some"] == 1


def test_a_cursor_is_let_go_of(bounded: sqlite3.Connection) -> None:
    """One that lived on would keep its snapshot, and the write-ahead log could never be shortened."""
    bounded.execute("create table some (x)")
    bounded.executemany("insert into some values (?)", [(1,), (2,)])
    bounded.commit()
    bounded.execute("select x from some").fetchone()
    bounded.execute("drop table some")  # locked while a statement still reads it


@pytest.mark.parametrize("name", ["requests", "all_requests"])
def test_all_requests_are_counted_without_looking_at_them(
    explorer: Datasette, database: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Ten million take seconds to count; the sums know how many there are, less what was removed."""
    asked: list[str] = []
    execute = Database.execute

    async def listen(self: object, text: str, *more: object, **others: object) -> object:
        asked.append(text)
        return await execute(self, text, *more, **others)

    monkeypatch.setattr(Database, "execute", listen)
    (answer,) = get(explorer, f"/lectr/{name}.json?_extra=count")
    found = answer.json()
    assert found.get("filtered_table_rows_count", found.get("count")) == 9
    assert not [text for text in asked if "count(*) from requests" in text or "count(*) from all_requests" in text]


def test_in_a_datasette_of_ones_own_other_databases_keep_their_limits(database: Make, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("create table mine (x)")
    both = Datasette([str(database(datetime.now(UTC))), str(tmp_path / "other.db")])
    question = f"select length(zeroblob({MOST_VALUE_BYTES + 1})) as n"
    ours, theirs = get(both, sql(question), f"/other.json?_shape=array&sql={quote(question)}")
    assert ours.status_code == 400
    assert theirs.json() == [{"n": MOST_VALUE_BYTES + 1}]
