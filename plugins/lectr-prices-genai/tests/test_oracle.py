"""Our disjoint units, priced one by one, come to what genai-prices' own `calc_price` says, exactly, for every model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers
from hypothesis import given, settings
from hypothesis import strategies as st
from lectr_prices_genai.catalog import LISTS
from lectr_prices_genai.listed import ListedBook

from lectr_core import PriceQuestion, units

DAY = date(2026, 11, 20)
BY_ID = {provider.id: provider for provider in providers}
BOOK = ListedBook()

PROMPT = (
    *(units.INPUT, units.CACHE_READ, units.CACHE_WRITE, units.CACHE_WRITE_5M, units.CACHE_WRITE_1H, units.CACHE_WRITE_12H),
    *(units.INPUT_AUDIO, units.CACHE_READ_AUDIO, units.INPUT_IMAGE, units.INPUT_VIDEO, units.INPUT_TOOL),
)
ANSWER = (units.OUTPUT, units.REASONING, units.OUTPUT_AUDIO, units.OUTPUT_IMAGE)

USAGES: tuple[Mapping[str, int], ...] = (
    {units.INPUT: 1_000, units.OUTPUT: 100},
    {units.INPUT: 1_003, units.CACHE_READ: 997, units.OUTPUT: 10, units.REASONING: 333},
    {units.INPUT: 7, units.CACHE_WRITE_5M: 1_999, units.CACHE_WRITE_1H: 2_001, units.CACHE_READ: 3, units.OUTPUT: 1},
    {units.INPUT: 150_000, units.CACHE_READ: 50_000, units.OUTPUT: 5},
    {units.INPUT: 150_001, units.CACHE_READ: 50_000, units.OUTPUT: 5},
    {units.INPUT: 900_000, units.CACHE_READ: 300_000, units.CACHE_WRITE_1H: 5, units.OUTPUT: 5_000, units.REASONING: 1},
    {unit: 11 + index for index, unit in enumerate((*PROMPT, *ANSWER))},
    {units.INPUT: 10, units.OUTPUT: 10, units.WEB_SEARCH: 3},
)


def inclusive(counts: Mapping[str, int]) -> Usage:
    """The same usage as genai-prices counts it: every overlapping unit given, so that nothing is left to infer."""
    of = counts.get
    written = sum(
        of(unit, 0) for unit in (units.CACHE_WRITE, units.CACHE_WRITE_5M, units.CACHE_WRITE_1H, units.CACHE_WRITE_12H)
    )
    return Usage(
        input_tokens=sum(of(unit, 0) for unit in PROMPT),
        output_tokens=sum(of(unit, 0) for unit in ANSWER),
        cache_read_tokens=of(units.CACHE_READ, 0) + of(units.CACHE_READ_AUDIO, 0),
        cache_write_tokens=written,
        cache_write_5m_tokens=of(units.CACHE_WRITE_5M, 0),
        cache_write_1h_tokens=of(units.CACHE_WRITE_1H, 0),
        input_audio_tokens=of(units.INPUT_AUDIO, 0) + of(units.CACHE_READ_AUDIO, 0),
        cache_audio_read_tokens=of(units.CACHE_READ_AUDIO, 0),
        input_image_tokens=of(units.INPUT_IMAGE, 0),
        input_video_tokens=of(units.INPUT_VIDEO, 0),
        cache_image_read_tokens=0,
        cache_video_read_tokens=0,
        input_tool_tokens=of(units.INPUT_TOOL, 0),
        output_reasoning_tokens=of(units.REASONING, 0),
        output_audio_tokens=of(units.OUTPUT_AUDIO, 0),
        output_image_tokens=of(units.OUTPUT_IMAGE, 0),
        output_video_tokens=0,
        output_citation_tokens=0,
        web_searches=of(units.WEB_SEARCH, 0),
    )


def models() -> Iterator[tuple[str, str]]:
    """Every model of every list we use, by our provider id; less those whose price is not by the token alone."""
    for ours, theirs in LISTS.items():
        for model in BY_ID[theirs].models:
            prices = model.prices if isinstance(model.prices, list) else []
            changes_within_day = any("Time" in type(one.constraint).__name__ for one in prices)
            held = model.get_prices(datetime(2026, 11, 20, tzinfo=UTC))
            has_fee = vars(held).get("requests_kcount") is not None
            # Some entries are reached by longer names than their own.
            names = (model.id, f"accounts/fireworks/models/{model.id}", f"{model.id}-latest")
            name = next((name for name in names if BY_ID[theirs].find_model(name) is model), None)
            if name and vars(held) and not changes_within_day and not has_fee:
                yield ours, name


MODELS = tuple(models())


def ours(provider: str, model: str, counts: Mapping[str, int], variant: str | None = None) -> Fraction | None:
    """Σ units × rate; a unit without a rate adds nothing, as there. None: no quote."""
    tokens = sum(counts.get(unit, 0) for unit in PROMPT)
    quote = BOOK.quote(PriceQuestion(provider, model, DAY, variant, tokens))
    if quote is None:
        return None
    return sum((Fraction(quote.rates.get(unit, Decimal(0))) * count for unit, count in counts.items()), Fraction(0))


def theirs(provider: str, model: str, counts: Mapping[str, int], context: Mapping[str, str] | None = None) -> Fraction:
    when = datetime(2026, 11, 20, 12, tzinfo=UTC)
    price = calc_price(
        inclusive(counts), model, provider_id=LISTS[provider], genai_request_timestamp=when, price_context=context
    )
    return Fraction(price.total_price)


def test_there_are_models_to_compare() -> None:
    assert len(MODELS) > 1_000
    assert {provider for provider, _ in MODELS} == set(LISTS)


@pytest.mark.slow
def test_every_model_costs_what_the_list_itself_calculates() -> None:
    compared = 0
    for provider, model in MODELS:
        for counts in USAGES:
            mine = ours(provider, model, counts)
            if mine is None:  # no rate that we have a unit for: characters, pages, …
                continue
            assert mine == theirs(provider, model, counts), (provider, model, counts)
            compared += 1
    assert compared > 4_000


@pytest.mark.slow
def test_every_variant_costs_what_the_list_itself_calculates() -> None:
    compared = 0
    for provider, model in MODELS:
        entry = BY_ID[LISTS[provider]].find_model(model)
        contexts = [one.when for one in (entry.price_variants or ()) if len(one.when) == 1] if entry else []
        for context in contexts:
            for counts in USAGES[1:6]:
                (variant,) = context.values()
                mine = ours(provider, model, counts, variant)
                if mine is not None:  # as above
                    assert mine == theirs(provider, model, counts, context), (model, context, counts)
                    compared += 1
    assert compared > 500


def test_resold_models_cost_what_the_list_itself_calculates() -> None:
    resold = [model for provider, model in MODELS if provider == "openai" and BY_ID["azure"].find_model(model) is None]
    known = {model: mine for model in resold if (mine := ours("azure", model, USAGES[1])) is not None}
    assert len(known) > 20
    assert known == {model: theirs("azure", model, USAGES[1]) for model in known}


@settings(max_examples=300, deadline=None)
@given(
    which=st.sampled_from(MODELS),
    counts=st.dictionaries(st.sampled_from((*PROMPT, *ANSWER, units.WEB_SEARCH)), st.integers(0, 2_000_000)),
)
def test_any_usage_of_any_model_costs_the_same(which: tuple[str, str], counts: dict[str, int]) -> None:
    mine = ours(*which, counts)
    if mine is not None:
        assert mine == theirs(*which, counts)


@pytest.mark.parametrize("provider", sorted(LISTS))
def test_tiers_turn_exactly_where_the_list_turns_them(provider: str) -> None:
    tiered = [model for known, model in MODELS if known == provider and "Tiered" in repr(_price(provider, model))][:10]
    for model in tiered:
        for start in (31_999, 32_000, 127_999, 128_000, 128_001, 200_000, 200_001, 256_000, 256_001, 272_000, 272_001):
            counts = {units.INPUT: start, units.OUTPUT: 1}
            assert ours(provider, model, counts) == theirs(provider, model, counts), (model, start)


def _price(provider: str, model: str) -> object:
    entry = BY_ID[LISTS[provider]].find_model(model)
    assert entry is not None
    return entry.get_prices(datetime(2026, 11, 20, tzinfo=UTC))
