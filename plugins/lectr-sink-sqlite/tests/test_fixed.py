"""Provisioned capacity and other currencies in reports: beside the sums, shared out only when asked, exactly."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from lectr_sink_sqlite.asking.amounts import amount, currency_of
from lectr_sink_sqlite.asking.fixed import _shares, cost
from lectr_sink_sqlite.asking.report import report
from lectr_sink_sqlite.asking.top import top
from lectr_sink_sqlite.store import Store

from lectr_core import CommandLine, Cursor, ExchangeRate, GatewaySettings, MoneySettings, Provisioned, Record, Settings

Make = Callable[..., Record]
DAY_S = 86_400
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
TIMES = ("--since", "2026-03-02", "--until", "2026-03-12")
EURO = ExchangeRate(currency="EUR", usd=Decimal("1.25"), since=date(2026, 1, 1))
PTU = Provisioned(
    name="west", provider="azure", model="ptu", units=Decimal(100), per_hour=Decimal("1.5"), since=date(2026, 3, 4)
)
IDLE = Provisioned(name="idle", provider="azure", model="x", per_month=Decimal(310), currency="EUR", since=date(2026, 1, 1))
MONEY = MoneySettings(show="USD", rate=(EURO,), provisioned=(PTU, IDLE))
# eight of the ten days at 24 h, 100 units at 1.50; ten days of the 31 of March at 310 EUR of 1.25 USD
WEST, NOBODY = 8 * 24 * 150 * 10**9, 125 * 10**9


@pytest.fixture
def asked(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Ten usual requests, and thirty on the capacity: features in the proportion 1 : 2."""
    store = Store(path=tmp_path / "lectr.db", busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=lambda: 1)
    store.open()
    records = []
    for seq in range(1, 41):
        started = int((BEGIN + timedelta(hours=5 * seq)).timestamp()) * 10**9
        record = make(seq, started_ns=started)
        begun = attrs.evolve(record.ended.begun, feature="search" if seq % 3 else "chat", started_ns=started)
        account = record.account
        if seq > 10:
            account = attrs.evolve(account, cost_nanousd=0, cost_low_nanousd=0, cost_high_nanousd=0)
            account = attrs.evolve(account, cost_basis="provisioned", price_id="provisioned/west")
        records.append(attrs.evolve(record, ended=attrs.evolve(record.ended, begun=begun), account=account))
    store.write(records, [Cursor(stream="s1", stored=40)])
    settings = Settings(GatewaySettings(data=tmp_path), {"money": MONEY}, "abc")
    monkeypatch.setattr(CommandLine, "settings", lambda _: settings)

    def ask(*arguments: str) -> Result:
        return CliRunner().invoke(report, [*TIMES, *arguments], obj=CommandLine(), catch_exceptions=False)

    yield ask
    store.close()


def document(result: Result) -> dict[str, Any]:  # Any: JSON
    found: dict[str, Any] = json.loads(result.output)  # Any: JSON
    return found


def test_a_fixed_cost_stands_beside_the_sums_and_in_none_of_them(asked: Callable[..., Result]) -> None:
    found = document(asked("--format", "json"))
    assert found["total"]["cost_nanousd"] == 10 * 165_000
    west, idle = found["fixed"]
    assert (west["name"], west["cost_nanousd"], west["hours"], west["requests"]) == ("west", WEST, 192.0, 30)
    assert (west["input_tokens"], west["output_tokens"]) == (30_000, 1_500)
    assert (idle["name"], idle["cost_nanousd"], idle["requests"]) == ("idle", NOBODY, 0)
    text = asked().output
    assert "west (azure/ptu): 100 × 1.5 USD an hour, 192.0 h: 28,800.00; 30 requests, 31,500 tokens" in text
    assert "idle (azure/x): 1 × 310 EUR a month, 240.0 h: 125.00; no request named it" in text
    assert "fixed 28,925.00 + by use 0.0016 = 28,925.00 USD" in text


@pytest.mark.parametrize("by", ["feature", "day", "day,hour", "org,feature,outcome", ""])
def test_it_is_shared_out_by_tokens_only_when_asked(asked: Callable[..., Result], by: str) -> None:
    assert "fixed_nanousd" not in asked("--by", by, "--format", "json").output
    found = document(asked("--by", by, "--format", "json", "--allocate"))
    assert found["total"]["fixed_nanousd"] == WEST, "what nobody used is in no part"
    groups = found["groups"]
    if by:
        assert sum(group["fixed_nanousd"] for group in groups) == WEST
    if by == "feature":
        assert {group["feature"]: group["fixed_nanousd"] for group in groups} == {"search": WEST * 2 // 3, "chat": WEST // 3}
    text = asked("--by", by, "--allocate").output
    assert "fixed USD" in text
    assert "shared out by tokens: 28,800.00; in no part: 125.00" in text


def test_the_rest_of_the_groups_has_the_rest_of_the_parts(asked: Callable[..., Result]) -> None:
    lines = document(asked("--format", "json", "--allocate", "--by", "feature", "--most", "1"))["groups"]
    assert lines[1]["feature"] == "(others)"
    assert sum(line["fixed_nanousd"] for line in lines) == WEST


def test_a_part_of_the_requests_has_a_part_of_it_or_none(asked: Callable[..., Result]) -> None:
    assert "not shown with --where" in asked("--where", "feature=chat").output
    assert document(asked("--where", "feature=chat", "--format", "json"))["fixed"] == []
    found = document(asked("--where", "feature=chat", "--format", "json", "--allocate"))
    assert found["total"]["fixed_nanousd"] == WEST // 3


def test_a_time_that_is_not_over_costs_what_is_over_of_it(asked: Callable[..., Result]) -> None:
    result = CliRunner().invoke(report, ["--since", "1h", "--format", "json"], obj=CommandLine(), catch_exceptions=False)
    hours = {one["name"]: one["hours"] for one in document(result)["fixed"]}
    assert 1.0 <= hours["west"] <= 2.0


def test_amounts_are_shown_in_the_currency_that_is_asked_for_and_stored_in_dollars(asked: Callable[..., Result]) -> None:
    text = asked("--currency", "eur").output
    assert "cost EUR" in text
    assert "Amounts are in EUR at 1.25 USD for one (your own rate, of 2026-01-01); stored in USD." in text
    assert "fixed 23,140.00 + by use 0.0013 = 23,140.00 EUR" in text
    found = document(asked("--currency", "EUR", "--format", "json"))
    assert (found["total"]["cost_usd"], found["total"]["cost_eur"]) == (0.00165, 0.00132)
    assert found["total"]["cost_nanousd"] == 1_650_000
    assert found["currency"] == {
        "code": "EUR",
        "usd": "1.25",
        "since": "2026-01-01",
        "rates": [{"usd": "1.25", "since": "2026-01-01"}],
    }
    rows = list(csv.DictReader(io.StringIO(asked("--currency", "EUR", "--format", "csv", "--allocate").output)))
    assert sum(Decimal(row["cost_eur"]) * Decimal("1.25") - Decimal(row["cost_usd"]) for row in rows) == 0
    assert sum(int(row["fixed_nanousd"]) for row in rows) == WEST


LATER = ExchangeRate(currency="EUR", usd=Decimal(2), since=date(2026, 3, 3))
LATEST = ExchangeRate(currency="EUR", usd=Decimal(4), since=date(2026, 3, 12))


@pytest.fixture
def at_three_rates(asked: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Of the ten requests that cost something, four began on the first day."""
    settings = CommandLine().settings()
    money = attrs.evolve(MONEY, rate=(LATEST, EURO, LATER))
    monkeypatch.setattr(CommandLine, "settings", lambda _: attrs.evolve(settings, sections={"money": money}))
    return lambda *arguments: asked("--currency", "EUR", *arguments)


def test_amounts_are_converted_at_the_rate_of_their_own_day(at_three_rates: Callable[..., Result]) -> None:
    """So a report of a month that is over stays what it was, and a price that was agreed in EUR comes out as agreed."""
    found = document(at_three_rates("--format", "json"))
    euros = (4 * Decimal("0.000165") / Decimal("1.25") + 6 * Decimal("0.000165") / 2).quantize(Decimal(10) ** -9)
    assert Decimal(str(found["total"]["cost_eur"])) == euros
    assert found["total"]["cost_usd"] == 0.00165
    assert found["currency"] == {
        "code": "EUR",
        "usd": None,
        "since": None,
        "rates": [{"usd": "1.25", "since": "2026-01-01"}, {"usd": "2", "since": "2026-03-03"}],
    }
    west, idle = found["fixed"]
    assert idle["cost_eur"] == 100.0, "310 EUR a month, for ten days of March: whatever a dollar costs"
    assert (west["cost_usd"], west["cost_eur"]) == (28_800.0, 14_400.0)
    text = at_three_rates().output
    assert (
        "Amounts are in EUR, each day's at your own rate of that day: "
        "1.25 USD for one until then, 2 from 2026-03-03; stored in USD." in text
    )
    assert "fixed 14,500.00 + by use 0.001 = 14,500.00 EUR" in text
    assert "1 × 310 EUR a month, 240.0 h: 100.00" in text


@pytest.mark.parametrize("by", ["feature", "day", "org,hour", "provider,outcome", ""])
@pytest.mark.parametrize("most", [(), ("--most", "1")])
def test_at_several_rates_the_groups_sum_to_the_whole(
    at_three_rates: Callable[..., Result], by: str, most: tuple[str, ...]
) -> None:
    rows = list(csv.DictReader(io.StringIO(at_three_rates("--format", "csv", "--allocate", "--by", by, *most).output)))
    total = document(at_three_rates("--format", "json", "--allocate", "--by", by, *most))["total"]
    for name in ("cost_eur", "cost_low_eur", "cost_high_eur", "fixed_eur", "fixed_usd", "cost_usd"):
        away = abs(sum(Decimal(row[name]) for row in rows) - Decimal(str(total[name])))
        assert away <= len(rows) * Decimal(10) ** -9, "each line is rounded to a billionth"
    assert total["fixed_eur"] == 14_400.0
    assert total["cost_eur"] == 0.001023


def test_a_time_of_one_rate_is_at_that_rate_and_not_at_todays(at_three_rates: Callable[..., Result]) -> None:
    text = at_three_rates("--since", "2026-03-04", "--until", "2026-03-06").output
    assert "Amounts are in EUR at 2 USD for one (your own rate, of 2026-03-03); stored in USD." in text


def test_a_currency_without_a_rate_is_refused_with_what_to_do(asked: Callable[..., Result]) -> None:
    result = asked("--currency", "GBP")
    assert result.exit_code == 2
    assert "no rate for 'GBP'; declared are EUR, USD: declare it in [[money.rate]]" in result.output


def test_what_the_settings_say_is_shown_where_nothing_is_asked() -> None:
    money = attrs.evolve(MONEY, show="EUR")
    settings = Settings(GatewaySettings(), {"money": money}, "abc")
    assert currency_of(settings, None).code == "EUR"
    assert currency_of(settings, "USD").code == "USD"
    assert amount(1_250_000_000, currency_of(settings, None)) == "1.0000"


def test_each_day_is_converted_at_its_own_rate() -> None:
    later = ExchangeRate(currency="EUR", usd=Decimal(2), since=date(2026, 3, 5))
    money = attrs.evolve(MONEY, rate=(EURO, later))
    daily = attrs.evolve(IDLE, per_month=None, per_hour=Decimal(1))
    assert cost(money, daily, BEGIN, BEGIN + timedelta(days=10)) == (3 * 24 * Decimal("1.25") + 7 * 24 * 2) * 10**9


@given(
    st.integers(0, 10**15), st.dictionaries(st.tuples(st.text(max_size=3)), st.integers(1, 10**9), min_size=1, max_size=9)
)
def test_shares_sum_to_the_whole_and_are_off_by_less_than_one(whole: int, tokens: dict[tuple[str, ...], int]) -> None:
    parts = dict(_shares(whole, tokens))
    assert sum(parts.values()) == whole
    total = sum(tokens.values())
    assert all(abs(parts[key] * total - whole * count) < total for key, count in tokens.items())


def test_top_shows_the_currency_and_what_an_hour_costs_beside_it(
    asked: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(*arguments: str) -> str:
        return CliRunner().invoke(top, ["--once", *arguments], obj=CommandLine(), catch_exceptions=False).output

    monthly = attrs.evolve(IDLE, per_month=None, per_hour=Decimal(4))
    settings = Settings(GatewaySettings(data=CommandLine().settings().gateway.data), {}, "abc")
    money = attrs.evolve(MONEY, provisioned=(PTU, monthly))
    monkeypatch.setattr(CommandLine, "settings", lambda _: attrs.evolve(settings, sections={"money": money}))
    assert "USD/h" in looked()
    assert "fixed 155.00 USD/h beside it" in looked()
    assert "fixed 124.00 EUR/h beside it" in looked("--currency", "EUR")
    assert "fixed" not in looked("--where", "feature=chat")
    assert json.loads(looked("--json"))["fixed_usd_per_hour"] == 155.0
