"""`lectr reprice` on rows of before all was kept that decides a price, and `lectr prices`: what is not explained stays."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import click
import pytest
from click.testing import CliRunner, Result
from lectr_sink_sqlite.asking.prices import diff, list_prices
from lectr_sink_sqlite.asking.reprice import reprice
from lectr_sink_sqlite.repricing import BOUNDS, BY_MORE, NO_COUNTS, OLD
from lectr_sink_sqlite.rollup_tables import GRAINS, MOVED, SUMS
from lectr_sink_sqlite.store import Store
from lectr_sink_sqlite.stored import READ, exchange

from lectr_core import (
    Accountant,
    CommandLine,
    Cursor,
    Ended,
    OperatorError,
    PriceQuestion,
    Quote,
    Record,
    shared_group,
)

Make = Callable[..., Record]
NOW_NS = 1_760_000_000_000_000_000
TIMES = ("--since", "2025-10-01", "--until", "2025-11-01")


@attrs.define
class Book:
    """One rate for every unit of the models it knows."""

    rate: str = "0.000001"
    source: str = "list 1"
    models: tuple[str, ...] = ("gpt-4o-mini-2024-07-18",)
    id: str = "book"

    def quote(self, question: PriceQuestion) -> Quote | None:
        if question.model not in self.models:
            return None
        rates = dict.fromkeys(("input", "cache_read", "output"), Decimal(self.rate))
        return Quote(rates=rates, price_id=f"{question.model}@1", source=self.source, dated=None, basis="exact")


@pytest.fixture
def store(tmp_path: Path, make: Make, installed: SimpleNamespace) -> Iterator[Store]:
    """Rows of an older Lectr: ten priced by list 1, one of a model without a price, and five that must stay as they are."""
    made = Store(path=tmp_path / "lectr.db", busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=lambda: NOW_NS)
    made.open()
    installed.books = [Book()]
    accountant = Accountant(installed.books)

    def priced(seq: int, **changes: Any) -> Record:  # Any: values of any field
        ended = make(seq, started_ns=NOW_NS + seq * 600 * 10**9, gateway_ns=10**6, **changes).ended
        return accountant.record("s1", ended)

    other = make(20, started_ns=NOW_NS).ended
    strange = attrs.evolve(other, reading=attrs.evolve(other.reading, model="house-1"))
    records = [*(priced(seq) for seq in range(1, 11)), accountant.record("s1", strange)]
    odd = priced(30)
    for seq, change in enumerate(
        (
            {"tokens_source": "measured"},
            {"cost_basis": "reported"},
            {"price_source": "a list that nobody kept"},
            {"cost_nanousd": 5, "cost_low_nanousd": 5},
            {"price_id": None},
        ),
        31,
    ):
        begun = attrs.evolve(odd.ended.begun, seq=seq, id=f"odd-{seq}")
        account = attrs.evolve(odd.account, **change)  # type: ignore[arg-type]  # fields of several types
        records.append(attrs.evolve(odd, ended=attrs.evolve(odd.ended, begun=begun), account=account))
    made.write(records, [Cursor(stream="s1", stored=len(records))])
    made.keep_prices(accountant.used())
    with closing(sqlite3.connect(made.path)) as connection, connection:
        connection.execute("UPDATE requests SET pricing_json = NULL")  # as an older Lectr left them
    yield made
    made.close()


def asked(store: Store, question: str) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    with closing(sqlite3.connect(store.path)) as connection:
        return connection.execute(question).fetchall()


def iter_ended(store: Store) -> Iterator[Ended]:
    """The stored requests as exchanges, as far as prices look at them."""
    for values in asked(store, f"SELECT {', '.join(READ)} FROM requests WHERE units_json IS NOT NULL ORDER BY rowid"):
        yield exchange(dict(zip(READ, values, strict=True)))


def call(*arguments: str) -> Result:
    cli = click.Group(commands={"reprice": reprice})
    for part in (list_prices, diff):
        shared_group(cli, "prices", "Prices.").add_command(part)
    return CliRunner().invoke(cli, arguments, obj=CommandLine(), standalone_mode=False)


def rollups_equal_the_rows(store: Store) -> None:
    sums = "sum(cost_nanousd), sum(cost_unknown), sum(requests)"
    (rows,) = asked(store, "SELECT sum(cost_nanousd), sum(cost_nanousd IS NULL), count(*) FROM requests")
    for grain in GRAINS:
        assert asked(store, f"SELECT {sums} FROM {grain.usage}") == [rows]


def test_with_the_same_prices_nothing_changes(store: Store) -> None:
    document = json.loads(call("reprice", *TIMES, "--json").output)
    assert (document["requests"], document["same"]) == (0, 11)
    assert sum(document["left"].values()) == 5
    assert len(document["left"]) == 5


def test_every_request_of_the_time_is_said_to_change_or_why_it_does_not(store: Store) -> None:
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE requests SET units_json = NULL WHERE id IN (SELECT min(id) FROM requests)")
    document = json.loads(call("reprice", *TIMES, "--json").output)
    assert document["left"][NO_COUNTS] == 1
    ((requests,),) = asked(store, "SELECT count(*) FROM requests")
    assert document["requests"] + document["same"] + sum(document["left"].values()) == requests
    assert document["same_unknown"] == 1
    assert "1 have no known cost as before" in call("reprice", *TIMES).output


def test_where_there_is_nothing_to_price_it_says_so(store: Store) -> None:
    nothing = "no stored request began in that time, or fits --where"
    assert nothing in call("reprice", *TIMES, "--where", "provider=nosuch").output
    assert nothing in call("reprice", "--since", "2020-01-01", "--until", "2020-02-01", "--apply").output


def test_a_database_of_an_older_lectr_is_named_and_left_as_it_is(store: Store, installed: SimpleNamespace) -> None:
    with closing(sqlite3.connect(store.path)) as connection, connection:
        for name in BOUNDS:
            connection.execute(f"ALTER TABLE repricings DROP COLUMN {name}")
    before = asked(store, "SELECT * FROM requests ORDER BY id")
    installed.books = [Book("0.000002", "list 2")]
    fault = call("reprice", *TIMES, "--apply").exception
    assert isinstance(fault, OperatorError)
    assert "was made by an older Lectr" in str(fault)
    assert "let `lectr up` or `lectr serve` bring it up to date" in str(fault)
    assert asked(store, "SELECT * FROM requests ORDER BY id") == before


def test_it_is_only_shown_until_it_is_applied(store: Store, installed: SimpleNamespace) -> None:
    before = asked(store, "SELECT * FROM requests ORDER BY id")
    installed.books = [Book("0.000002", "list 2")]
    result = call("reprice", *TIMES)
    assert "10 requests would be restated" in result.output
    assert asked(store, "SELECT * FROM requests ORDER BY id") == before
    assert asked(store, "SELECT count(*) FROM repricings") == [(0,)]


def test_rows_rollups_and_audit_change_together(store: Store, installed: SimpleNamespace) -> None:
    odd = asked(store, "SELECT * FROM requests WHERE id LIKE 'odd%' ORDER BY id")
    installed.books = [Book("0.000002", "list 2"), Book("0.000005", "list 2", ("house-1",))]
    assert json.loads(call("reprice", *TIMES, "--apply", "--json").output)["requests"] == 11
    costs = asked(store, "SELECT DISTINCT cost_nanousd, price_source FROM requests WHERE id NOT LIKE 'odd%' ORDER BY 1")
    assert costs == [(2_100_000, "list 2"), (5_250_000, "list 2")]
    assert asked(store, "SELECT * FROM requests WHERE id LIKE 'odd%' ORDER BY id") == odd
    rollups_equal_the_rows(store)
    audit = """SELECT model, requests, old_cost_nanousd, new_cost_nanousd, old_cost_unknown, new_cost_unknown, price_source
        FROM repricings ORDER BY model"""
    assert asked(store, audit) == [
        ("gpt-4o-mini-2024-07-18", 10, 10_500_000, 21_000_000, 0, 0, "list 2"),
        ("house-1", 1, 0, 5_250_000, 1, 0, "list 2"),
    ]
    assert asked(store, f"SELECT {', '.join(BOUNDS)} FROM repricings ORDER BY model") == [
        (10_500_000, 10_500_000, 21_000_000, 21_000_000),
        (0, None, 5_250_000, 5_250_000),
    ]
    again = json.loads(call("reprice", *TIMES, "--apply", "--json").output)
    assert (again["requests"], again["same"]) == (0, 11), "the prices used are kept, so the new costs are explained"


def test_a_price_that_is_gone_makes_the_cost_unknown_and_never_0(store: Store, installed: SimpleNamespace) -> None:
    installed.books = []
    call("reprice", *TIMES, "--apply")
    assert asked(store, "SELECT DISTINCT cost_nanousd FROM requests WHERE id NOT LIKE 'odd%'") == [(None,)]
    rollups_equal_the_rows(store)


def test_minutes_that_are_gone_do_not_come_back(store: Store, installed: SimpleNamespace) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM usage_minutely")
    installed.books = [Book("0.000002", "list 2")]
    call("reprice", *TIMES, "--apply")
    assert asked(store, "SELECT count(*) FROM usage_minutely") == [(0,)]
    assert asked(store, "SELECT sum(cost_nanousd) FROM usage_daily") == asked(
        store, "SELECT sum(cost_nanousd) FROM requests"
    )


def test_only_what_was_asked_for_is_restated(store: Store, installed: SimpleNamespace) -> None:
    installed.books = [Book("0.000002", "list 2")]
    assert json.loads(call("reprice", *TIMES, "--where", "feature=chat", "--json").output)["requests"] == 0
    assert (
        json.loads(call("reprice", "--since", "2025-10-09T10:00:00", "--until", "2025-11-01", "--json").output)["requests"]
        < 10
    )


def test_prices_are_shown_for_a_million_and_compared_with_todays(store: Store, installed: SimpleNamespace) -> None:
    result = call("prices")
    assert "list 1" in result.output
    row = next(line for line in result.output.splitlines() if "gpt-4o-mini" in line)
    assert row.split()[-6:-1] == ["1", "1", "–", "1", "–"]
    assert " exact " in row
    assert "USD for a million tokens" in result.output
    same = call("prices", "diff")
    assert (same.return_value, "1 prices hold today" in same.output) == (0, True)
    installed.books = [Book("0.000003", "list 2")]
    differ = call("prices", "--diff", "--json")
    assert differ.return_value == 1
    assert {(one["unit"], Decimal(one["kept"]), Decimal(one["today"])) for one in json.loads(differ.output)} == {
        (unit, Decimal("0.000001"), Decimal("0.000003")) for unit in ("input", "cache_read", "output")
    }
    installed.books = []
    assert "no price" in call("prices", "diff").output


def test_a_price_by_length_is_not_taken_for_another_one(store: Store, installed: SimpleNamespace, make: Make) -> None:
    """Each prompt of a row may have been short and their sum long; nothing in the row says so but its cost."""
    long = Accountant([Book("0.000009")])
    long.account(make().ended)
    store.keep_prices(long.used())  # what long prompts cost, under the same name
    installed.books = [Book("0.000009")]
    document = json.loads(call("reprice", *TIMES, "--json").output)
    assert (document["requests"], document["same"]) == (0, 1)
    assert document["left"][BY_MORE] == 11


def test_answers_of_several_models_are_left_as_they_are(store: Store, installed: SimpleNamespace) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("UPDATE requests SET by_model_json = '[]' WHERE seq < 4")
    installed.books = [Book("0.000002", "list 2")]
    document = json.loads(call("reprice", *TIMES, "--json").output)
    assert (document["requests"], document["left"][OLD + "several models or prompts in one answer"]) == (7, 3)


def test_older_prices_of_a_model_are_counted_and_shown_when_asked(store: Store, installed: SimpleNamespace) -> None:
    newer = Accountant([Book("0.000003", "list 2")])
    newer.account(next(iter_ended(store)))
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("UPDATE prices SET first_used_at = '2025-01-01'")
    store.keep_prices(newer.used())
    assert "list 1" in call("prices").output, "what is in use today goes before what is newer"
    installed.books = [Book("0.000003", "list 2")]
    usual, whole = call("prices").output, call("prices", "--all").output
    assert ("list 1" in usual, "list 2" in usual, "1 older prices of the same models" in usual) == (False, True, True)
    assert "list 1" in whole
    assert "list 2" in whole


def test_what_costs_the_same_is_one_line_of_the_table(store: Store, installed: SimpleNamespace) -> None:
    installed.books = [Book(source="list 2"), Book("0.000005", "list 2", ("house-1",))]
    result = call("reprice", *TIMES)
    (others,) = [line.split() for line in result.output.splitlines() if "(cost the same)" in line]
    assert others[3:7] == ["1", "others", "10", "0.0105"]
    assert "10 of those cost what they did" in result.output
    assert "house-1" in result.output


def test_what_a_price_moves_in_a_rollup_is_all_that_it_moves_in_a_row() -> None:
    costs = {name for name in SUMS if "cost" in name}
    assert set(MOVED) == costs | {"input_tokens_high", "output_tokens_high", "tokens_unbounded"}


def test_a_database_of_an_older_lectr_says_what_to_do(store: Store, installed: SimpleNamespace) -> None:
    store.close()
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE requests DROP COLUMN pricing_json")
    said = str(call("reprice", *TIMES).exception)
    assert "was made by an older Lectr" in said
    assert "let `lectr up` or `lectr serve` bring it up to date" in said
