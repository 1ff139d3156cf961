"""What the list says about well-known models, by hand, and what it says when it does not know enough."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from lectr_prices_genai import catalog
from lectr_prices_genai.listed import ListedBook

from lectr_core import NANO, PriceBook, PriceQuestion, Quote, units
from lectr_core.testing import check_price_book

DAY = date(2026, 11, 20)
INSTALLED = catalog.installed()


def ask(provider: str, model: str, *, variant: str | None = None, day: date = DAY, tokens: int = 1_000) -> Quote | None:
    return ListedBook().quote(PriceQuestion(provider, model, day, variant, tokens))


def known(provider: str, model: str, *, variant: str | None = None, day: date = DAY, tokens: int = 1_000) -> Quote:
    quote = ask(provider, model, variant=variant, day=day, tokens=tokens)
    assert quote is not None
    return quote


# Worked out by hand from these rates, as genai-prices 0.2.3 has them, in USD for a million tokens:
#   gpt-4o-mini             in 0.15, cached 0.075, out 0.60
#   claude-sonnet-4-5       in 3, read 0.30, write 3.75, write for an hour 6, out 15; over 200,000: 6, 0.60, 7.50, 12, 22.50
#   claude-haiku-4-5        in 1, read 0.10, write 1.25, out 5
#   llama-3.3-70b-versatile in 0.59, out 0.79
#   gemini-2.5-flash        in 0.30, cached 0.03, audio in 1.00, out 2.50 (thoughts included)
#   text-embedding-3-small  in 0.02
BY_HAND: tuple[tuple[str, str, Mapping[str, int], int], ...] = (
    # 800×150 + 200×75 + 50×600 + 25×600 = 120,000 + 15,000 + 30,000 + 15,000
    ("openai", "gpt-4o-mini", {"input": 800, "cache_read": 200, "output": 50, "reasoning": 25}, 180_000),
    # 1,000×3,000 + 2,000×300 + 400×3,750 + 100×6,000 + 300×15,000
    (
        "anthropic",
        "claude-sonnet-4-5-20250929",
        {"input": 1_000, "cache_read": 2_000, "cache_write_5m": 400, "cache_write_1h": 100, "output": 300},
        3_000_000 + 600_000 + 1_500_000 + 600_000 + 4_500_000,
    ),
    # 200,001×6,000 + 10×22,500: over 200,000 tokens all of them cost more
    ("anthropic", "claude-sonnet-4-5", {"input": 200_001, "output": 10}, 1_200_006_000 + 225_000),
    # 1,234×1,000 + 10×100 + 20×1,250 + 56×5,000
    (
        "anthropic",
        "claude-haiku-4-5",
        {"input": 1_234, "cache_read": 10, "cache_write": 20, "output": 56},
        1_234_000 + 1_000 + 25_000 + 280_000,
    ),
    # 1,000×590 + 100×790
    ("groq", "llama-3.3-70b-versatile", {"input": 1_000, "output": 100}, 590_000 + 79_000),
    # 900×300 + 100×30 + 50×1,000 + 40×2,500 + 60×2,500
    (
        "gemini",
        "gemini-2.5-flash",
        {"input": 900, "cache_read": 100, "input_audio": 50, "output": 40, "reasoning": 60},
        270_000 + 3_000 + 50_000 + 100_000 + 150_000,
    ),
    # 8,191×20
    ("openai", "text-embedding-3-small", {"input": 8_191}, 163_820),
)


@pytest.mark.parametrize(("provider", "model", "counts", "nanousd"), BY_HAND)
def test_costs_match_the_price_list_by_hand(provider: str, model: str, counts: Mapping[str, int], nanousd: int) -> None:
    tokens = units.total(counts, units.INPUT_UNITS)
    quote = known(provider, model, tokens=tokens)
    assert sum(Fraction(quote.rates[unit]) * count * NANO for unit, count in counts.items()) == nanousd
    assert quote.basis == "exact"


def test_the_book_keeps_what_every_price_book_promises() -> None:
    book = ListedBook()
    assert isinstance(book, PriceBook)
    check_price_book(book, [PriceQuestion(provider, model, DAY, None, 10) for provider, model, _, _ in BY_HAND])


def test_every_quote_says_where_it_comes_from() -> None:
    quote = known("openai", "gpt-4o-mini-2024-07-18")
    assert quote.source == f"genai-prices {catalog.VERSION}"
    assert quote.source.startswith("genai-prices 0.2.")
    assert quote.price_id == "openai/gpt-4o-mini@" + (quote.dated or catalog.VERSION)
    assert quote.note is None


def test_the_installed_release_has_a_date() -> None:
    assert date.fromisoformat(catalog.PUBLISHED[catalog.VERSION]) <= date(2030, 1, 1)


def test_a_price_that_changed_holds_from_its_day() -> None:
    # o3 fell from 10 to 2 USD for a million tokens on 10 June 2025.
    before, after = known("openai", "o3", day=date(2025, 5, 1)), known("openai", "o3", day=date(2025, 6, 10))
    assert [Fraction(quote.rates["input"]) * 10**6 for quote in (before, after)] == [10, 2]
    assert after.dated == "2025-06-10"
    assert after.price_id == "openai/o3@2025-06-10"


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-99-imaginary"),
        ("nobody", "gpt-4o-mini"),
        ("ollama", "llama3.2"),
        ("vllm", "gpt-4o-mini"),
        ("lmstudio", "gpt-4o-mini"),
        ("mine", "gpt-4o-mini"),
        ("openai", ""),
    ],
)
def test_what_the_list_does_not_know_has_no_price(provider: str, model: str) -> None:
    assert ask(provider, model) is None


def test_a_variant_has_its_own_price() -> None:
    usual, flex = known("openai", "o3"), known("openai", "o3", variant="flex")
    assert flex.basis == "variant"
    assert flex.rates["input"] == usual.rates["input"] / 2
    assert flex.price_id == "openai/o3:flex@" + (flex.dated or catalog.VERSION)


def test_an_unknown_variant_is_a_fallback_and_says_so() -> None:
    quote = known("anthropic", "claude-sonnet-4-5", variant="priority")
    assert (quote.basis, quote.note) == ("fallback", "no price for 'priority': the usual one used")
    assert quote.rates == known("anthropic", "claude-sonnet-4-5").rates


def test_a_variant_before_its_day_is_a_fallback() -> None:
    assert known("openai", "gpt-4o-mini", variant="priority", day=date(2026, 10, 11)).basis == "fallback"
    assert known("openai", "gpt-4o-mini", variant="priority", day=date(2026, 10, 12)).basis == "variant"


def test_a_variant_without_every_rate_says_which_are_the_usual_ones() -> None:
    quote = known("openai", "gpt-4o-mini", variant="batch")
    assert quote.basis == "variant"
    assert quote.note is not None
    assert "'batch' has no rate for cache_read: usual one used" in quote.note


def test_a_missing_cache_price_is_the_input_price_and_says_so() -> None:
    quote = known("groq", "llama-3.3-70b-versatile")
    assert quote.rates["cache_read"] == quote.rates["input"]
    assert (quote.note, quote.borrowed["cache_read"]) == (None, "input rate")
    assert "cache_read" not in known("openai", "gpt-4o-mini").borrowed


def test_a_resold_model_without_a_price_of_its_own_is_a_fallback() -> None:
    resold = [
        model.id for model in INSTALLED.by_id["openai"].models if INSTALLED.by_id["azure"].find_model(model.id) is None
    ]
    quote = next(quote for model in resold if (quote := ask("azure", model)) is not None)
    assert quote.basis == "fallback"
    assert "no price of azure's own: openai's used" in (quote.note or "")


def test_a_price_by_the_time_of_day_is_the_dearest_and_says_so() -> None:
    quote = known("deepseek", "deepseek-chat")
    assert quote.rates["input"] * 10**6 == Fraction("0.27")
    assert quote.basis == "fallback"
    assert "time of day" in (quote.note or "")


def test_a_fee_by_the_request_is_never_called_exact() -> None:
    quote = known("perplexity", "sonar")
    assert quote.basis == "fallback"
    assert "a fee of 12 USD for 1,000 requests" in (quote.note or "")


def test_the_stand_in_has_the_price_of_whoever_makes_the_model() -> None:
    quote = known("echo", "gpt-4o-mini")
    assert quote.rates == known("openai", "gpt-4o-mini").rates
    assert quote.note == "a stand-in: priced as openai"
    assert ask("echo", "echo-1") is None


def test_seconds_of_audio_have_a_rate_by_the_second() -> None:
    quote = known("groq", "whisper-large-v3")
    assert abs(quote.rates["audio_seconds"] * 3_600 - Decimal("0.111")) < Decimal("1e-12")
    places = quote.rates["audio_seconds"].as_tuple().exponent
    assert isinstance(places, int)
    assert places >= -24, "a rate that does not come out even has a bounded number of places"


def test_every_list_we_name_is_there() -> None:
    assert set(catalog.LISTS.values()) <= set(INSTALLED.by_id)


def test_audio_at_the_rate_of_text_is_borrowed_unless_the_model_is_billed_so() -> None:
    assert known("openai", "gpt-4o-audio-preview").borrowed["output_audio"] == "output rate"
    assert "input_audio" not in known("openai", "gpt-audio").borrowed
    assert "output_audio" not in known("openai", "gpt-4o-mini-tts").borrowed
    assert "input_audio" not in known("gemini", "gemini-2.5-pro").borrowed


def test_a_quote_names_the_models_context_window() -> None:
    assert known("openai", "gpt-4o-mini").limit_tokens == 128_000
    assert known("anthropic", "claude-haiku-4-5").limit_tokens == 200_000


def test_work_bound_to_a_region_costs_more_where_that_is_known() -> None:
    usual = known("anthropic", "claude-opus-4-6")
    bound = ListedBook().quote(PriceQuestion("anthropic", "claude-opus-4-6", DAY, None, 1_000, "us"))
    assert bound is not None
    assert bound.rates["output"] == usual.rates["output"] * Decimal("1.1")
    assert bound.rates["web_search"] == usual.rates["web_search"]
    assert (bound.basis, bound.note) == ("variant", "region 'us': tokens at 1.1 times the usual price")
    elsewhere = ListedBook().quote(PriceQuestion("anthropic", "claude-opus-4-6", DAY, None, 1_000, "moon"))
    assert elsewhere is not None
    assert (elsewhere.basis, elsewhere.rates) == ("fallback", usual.rates)


def test_tools_and_cached_images_and_citations_have_rates_of_their_own() -> None:
    assert known("openai", "gpt-4.1").rates["file_search"] == Decimal("0.0025")
    image = known("openai", "gpt-image-1").rates
    assert (image["cache_read_image"] * 10**6, image["cache_read"] * 10**6) == (Decimal("2.5"), Decimal("1.25"))
    assert known("perplexity", "sonar-deep-research").rates["citation"] * 10**6 == 2
    assert "citation" not in known("perplexity", "sonar").rates
