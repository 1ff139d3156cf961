"""The pages on tables, prices and queries: current against the schema, and every example runs."""

from __future__ import annotations

import re
import runpy
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from lectr_core import Cursor, MoneySettings, PriceQuestion, Quote, Record
from lectr_core.assembly.document import parse
from lectr_core.assembly.sections import take_apart
from lectr_core.cold.prices import day_of
from lectr_core.testing.samples import sample_record

sink = pytest.importorskip("lectr_sink_sqlite.store", reason="lectr-sink-sqlite is not installed")
views = pytest.importorskip("lectr_sink_sqlite.views", reason="lectr-sink-sqlite is not installed")
prices = pytest.importorskip("lectr_prices_genai", reason="lectr-prices-genai is not installed")
overrides = pytest.importorskip("lectr_prices_genai.overrides", reason="lectr-prices-genai is not installed")
provisioned = pytest.importorskip("lectr_prices_genai.provisioned", reason="lectr-prices-genai is not installed")

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """Every fenced block of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


PAGES = (
    *("how-to/query-your-data.md", "how-to/prices.md", "how-to/routing-rules.md", "how-to/watch.md"),
    "how-to/websockets.md",
)
QUERIES = [(page, text) for page in PAGES for text in blocks(page, "sql")]


def recorded(seq: int) -> Record:
    """A request of this minute: one in three failed after two tries, and all have searched the web."""
    plain = sample_record(seq)
    begun = attrs.evolve(plain.ended.begun, started_ns=time.time_ns())
    ended = attrs.evolve(plain.ended, begun=begun)
    if seq % 3 == 0:
        tries = plain.ended.attempts * 2
        ended = attrs.evolve(ended, outcome="provider_error", status=500, error_category="server", attempts=tries)
    units = {**plain.account.units, "web_search": 2}
    account = attrs.evolve(plain.account, units=units, input_tokens=2_000, cached_input_tokens=500)
    return attrs.evolve(plain, ended=ended, account=account)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("data") / "lectr.db"
    store = sink.Store(path=path, busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=time.time_ns)
    store.open()
    store.write([recorded(seq) for seq in range(1, 20)], [Cursor(stream="stream-a", stored=19)])
    store.show_in_flight([recorded(20).ended.begun])
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def test_the_page_on_tables_is_current() -> None:
    page = runpy.run_path(str(DOCS / "generate" / "tables.py"))["page"]()
    assert (DOCS / "reference" / "tables.md").read_text() == page, "run docs/generate/tables.py"


def test_there_are_queries_to_run() -> None:
    assert len(QUERIES) >= 10


@pytest.mark.parametrize(("page", "query"), QUERIES)
def test_every_query_of_the_pages_runs(database: sqlite3.Connection, page: str, query: str) -> None:
    found = database.execute(query)
    assert len(found.description) > 1
    assert all(len(row) == len(found.description) for row in found)


@pytest.mark.parametrize("query", blocks("how-to/query-your-data.md", "sql"))
def test_every_first_question_finds_what_just_happened(database: sqlite3.Connection, query: str) -> None:
    assert database.execute(query).fetchall()


def test_every_view_is_where_to_begin() -> None:
    table = (DOCS / "how-to/query-your-data.md").read_text().partition("## Where to begin")[2].partition("##")[0]
    assert set(views.VIEWS) <= set(re.findall(r"`(\w+)`", table))


def test_the_sums_of_the_pages_see_the_rows(database: sqlite3.Connection) -> None:
    (share,) = [text for _, text in QUERIES if "cached_share" in text]
    (sure,) = [text for _, text in QUERIES if "tokens_source, cost_basis, count" in text]
    assert database.execute(share).fetchone() is not None
    assert sum(row[2] for row in database.execute(sure)) == 19


def test_the_prices_of_the_page_are_taken_as_written() -> None:
    text, euros, discounts, capacity = blocks("how-to/prices.md", "toml")
    reading = take_apart(parse(text), prices.lectr_settings())
    assert reading.faults == []
    book = overrides.OverrideBook(reading.sections["prices"].override)
    quote = book.quote(PriceQuestion("openai", "gpt-4o-mini-2024-07-18", day_of(time.time_ns()), None, 10))
    assert quote is not None
    assert quote.rates["input"] * 10**6 == Decimal("0.12")
    assert quote.note == "our contract"
    assert book.quote(PriceQuestion("ollama", "llama3.2", day_of(0), None, 10)) is not None
    reading = take_apart(parse(discounts), prices.lectr_settings())
    assert reading.faults == []
    assert [discount.percent for discount in reading.sections["prices"].discount] == [15]
    reading = take_apart(parse(euros), prices.lectr_settings())
    assert reading.faults == []
    book = overrides.OverrideBook(reading.sections["prices"].override, reading.sections["money"])
    quote = book.quote(PriceQuestion("mistral", "mistral-large-3", day_of(time.time_ns()), None, 10))
    assert quote is not None
    assert quote.source == "lectr.toml, EUR at 1.0834 USD of 2026-01-01"
    reading = take_apart(parse(capacity), prices.lectr_settings())
    assert reading.faults == []
    assert [one.price_id for one in priced(reading.sections["money"])] == ["provisioned/ptu-west"]


def priced(money: MoneySettings) -> list[Quote]:
    """What is said of a deployment that is paid for by the hour."""
    book = provisioned.ProvisionedBook(money.provisioned, overrides.OverrideBook([]))
    asked = PriceQuestion("azure", "gpt-4o-ptu-1", date(2026, 11, 2), None, 10)
    return [quote for quote in [book.quote(asked)] if quote is not None]
