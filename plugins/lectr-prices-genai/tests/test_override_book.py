"""What the operator's own prices do: exact decimals, the best fit, and never a silent gap."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from datetime import date
from decimal import Decimal
from typing import Any

import lectr_prices_genai
import pytest
from lectr_prices_genai.listed import ListedBook
from lectr_prices_genai.overrides import OverrideBook
from lectr_prices_genai.settings import Override, PricesSettings

from lectr_core import GatewaySettings, PriceQuestion, Quote, Settings
from lectr_core.testing import check_price_book

DAY = date(2026, 3, 1)


def override(**changes: Any) -> Override:  # Any: values of any field
    plain: dict[str, Any] = {  # Any: values of any field
        "provider": "openai",
        "model": "gpt-4o-mini",
        "per_million": {"input": Decimal("0.12")},
    }
    return Override(**plain | changes)


def find(*own: Override, model: str = "gpt-4o-mini", variant: str | None = None, day: date = DAY) -> Quote | None:
    return OverrideBook(own).quote(PriceQuestion("openai", model, day, variant, 10))


def ask(*own: Override, model: str = "gpt-4o-mini", variant: str | None = None, day: date = DAY) -> Quote:
    quote = find(*own, model=model, variant=variant, day=day)
    assert quote is not None
    return quote


def test_an_override_is_exact_and_says_where_it_stands() -> None:
    quote = ask(override(per_million={"input": Decimal("0.1"), "output": Decimal("0.3"), "cache_read": Decimal("0.07")}))
    assert (quote.rates["input"], quote.rates["output"]) == (Decimal("0.0000001"), Decimal("0.0000003"))
    assert (quote.basis, quote.source, quote.dated, quote.note) == ("override", "lectr.toml", None, None)
    assert quote.price_id == "openai/gpt-4o-mini@always"


def test_units_without_a_rate_have_their_parents() -> None:
    quote = ask(override(per_million={"input": Decimal(2), "cache_write": Decimal(3), "output": Decimal(8)}))
    by_million = {unit: rate * 10**6 for unit, rate in quote.rates.items()}
    assert by_million == {
        **dict.fromkeys(("input", "cache_read", "cache_read_audio", "input_audio", "input_image", "input_video"), 2),
        **dict.fromkeys(("input_tool", "cache_read_image"), 2),
        **dict.fromkeys(("cache_write", "cache_write_5m", "cache_write_30m", "cache_write_1h", "cache_write_12h"), 3),
        **dict.fromkeys(("output", "reasoning", "output_audio", "output_image", "output_video"), 8),
    }
    assert (quote.note, quote.borrowed["cache_read"]) == (None, "input rate")


def test_calls_are_priced_by_the_one() -> None:
    quote = ask(override(per_million={}, per_unit={"web_search": Decimal("0.01")}))
    assert quote.rates == {"web_search": Decimal("0.01")}


@pytest.mark.parametrize(
    ("own", "found"),
    [
        (override(model="gpt-5"), False),
        (override(model="gpt-4o*"), True),
        (override(model="GPT-4o-mini"), True),
        (override(provider="*", model="*"), True),
        (override(provider="azure"), False),
        (override(variant="flex"), False),
        (override(since=DAY, model="*"), True),
        (override(since=date(2026, 3, 2), model="*"), False),
    ],
)
def test_an_override_holds_only_where_everything_fits(own: Override, found: bool) -> None:
    assert (find(own) is not None) is found


def test_the_best_fit_wins_wherever_it_stands() -> None:
    ranked = [
        override(model="gpt*", note="glob"),
        override(note="exact"),
        override(since=date(2026, 1, 1), note="new"),
        override(variant="flex", model="*", note="flex"),
    ]
    assert str(ask(*ranked).note).startswith("new")
    assert str(ask(*reversed(ranked)).note).startswith("new")
    assert str(ask(*ranked, day=date(2025, 1, 1)).note).startswith("exact")
    assert str(ask(*ranked, model="gpt-5").note).startswith("glob")
    assert str(ask(*ranked, variant="flex").note).startswith("flex")


def test_a_variant_without_an_override_of_its_own_is_said() -> None:
    quote = ask(override(), variant="priority")
    assert quote.basis == "override"
    assert "no rate for 'priority': the override's usual one used" in str(quote.note)


def test_the_book_keeps_what_every_price_book_promises() -> None:
    check_price_book(
        OverrideBook([override()]), [PriceQuestion("openai", "gpt-4o-mini", DAY, variant, 1) for variant in (None, "flex")]
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"per_million": {}}, "expected a rate"),
        ({"per_million": {"input": Decimal(-1)}}, "per_million.input"),
        ({"per_million": {"input": Decimal("NaN")}}, "per_million.input"),
        ({"per_unit": {"input": Decimal(1)}}, "one rate for 'input'"),
        ({"per_unit": {"output": Decimal("2.7")}}, r"per_unit.output: 2.7 for one token; .* in per_million"),
        ({"per_million": {"inptu": Decimal(1)}}, "per_million.inptu: there is no such unit; did you mean 'input'"),
        ({"per_million": {"Output": Decimal(1)}}, "did you mean 'output'"),
        ({"per_million": {"cached_read": Decimal(1)}}, "did you mean 'cache_read'"),
        ({"per_unit": {"web_searches": Decimal(1)}}, "did you mean 'web_search'"),
    ],
)
def test_a_senseless_override_is_refused(changes: dict[str, Any], said: str) -> None:  # Any: values of any field
    with pytest.raises(ValueError, match=said):
        override(**changes)


def test_a_unit_that_only_a_plugin_knows_has_its_rate() -> None:
    assert ask(override(per_unit={"telepathy_minutes": Decimal(2)})).rates["telepathy_minutes"] == 2


def test_the_same_price_twice_is_refused_since_one_would_never_be_used() -> None:
    twice = (override(), override(model="gpt*"), override(model="GPT-4o-mini", note="again"))
    with pytest.raises(ValueError, match=r"one price for openai/gpt-4o-mini, got several \(0 and 2\)"):
        PricesSettings(override=twice)
    dated = (override(), override(since=DAY), override(variant="flex"), override(provider="azure"))
    assert PricesSettings(override=dated).override == dated


def test_a_price_of_your_own_leaves_the_model_its_limit() -> None:
    """Without it a request that was cut off would lose the upper bound of its cost, for a better price."""
    listed = ListedBook()
    asked = PriceQuestion("openai", "gpt-4o-mini", DAY, None, 10)
    usual = listed.quote(asked)
    own = OverrideBook([override()], None, listed).quote(asked)
    assert usual is not None
    assert own is not None
    assert usual.limit_tokens is not None
    assert own.limit_tokens == usual.limit_tokens
    house = OverrideBook([override(model="house-*")], None, listed).quote(PriceQuestion("openai", "house-1", DAY, None, 10))
    assert house is not None
    assert house.limit_tokens is None


def test_overrides_go_before_the_list_and_none_means_the_list_alone() -> None:
    own = Settings(GatewaySettings(), {"prices": PricesSettings(override=(override(),))}, "abc")
    assert [book.id for book in lectr_prices_genai.lectr_price_books(own)] == ["overrides", "genai-prices"]
    none = Settings(GatewaySettings(), {}, "abc")
    assert [book.id for book in lectr_prices_genai.lectr_price_books(none)] == ["genai-prices"]


def test_the_example_of_the_page_has_the_shape_of_the_settings() -> None:
    text = """
    [[override]]
    provider = "openai"
    model = "gpt-4o-mini*"
    since = 2026-01-01
    per_million = { input = 0.12, cache_read = 0.06, output = 0.48 }
    """
    (table,) = tomllib.loads(text, parse_float=Decimal)["override"]
    assert Override(**table).per_million["input"] == Decimal("0.12")


def test_a_worker_that_looks_at_the_hooks_imports_no_price_list() -> None:
    look = "import lectr_prices_genai as p, sys; p.lectr_settings(); sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
