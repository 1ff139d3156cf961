"""Answers read, counted and priced, to the nano-dollar: what the provider's reader, the account and the price list make of
them together must be what a person works out from the published rates."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Final

import pytest
from lectr_prices_genai.listed import ListedBook
from lectr_provider_anthropic.provider import anthropic_of
from lectr_provider_azure.provider import AzureProvider
from lectr_provider_compatible.offer import providers_of
from lectr_provider_gemini.provider import gemini_of
from lectr_provider_groq.provider import groq_of
from lectr_provider_openai.provider import provider_of

from lectr_core.cold.account import account
from lectr_core.cold.prices import PriceDesk
from lectr_core.model.call import Answer, Call
from lectr_core.model.codec import decode_ended, encode
from lectr_core.model.reading import Reading
from lectr_core.model.record import Account, Attempt, Begun, Ended
from lectr_core.model.settings import GatewaySettings, Settings
from lectr_core.ports import Provider
from tests.accounting import of_accents, of_anthropic, of_gemini, of_jobs, of_openai, of_others
from tests.accounting.case import Case

CASES: Final[Mapping[str, Case]] = {
    f"{case.provider}: {name}": case
    for table in (of_openai, of_jobs, of_anthropic, of_gemini, of_others, of_accents)
    for name, case in table.CASES.items()
}

# 20 November 2026, noon, UTC.
STARTED_NS: Final = 1_795_176_000_000_000_000


@cache
def provider(id: str) -> Provider:
    settings = Settings(GatewaySettings(), {}, "0" * 12, {})
    own = [provider_of(settings), anthropic_of(settings), gemini_of(settings), groq_of(settings)]
    azure = AzureProvider("https://mine.openai.azure.com", deployments={"mine": "gpt-4.1-mini"})
    return {one.id: one for one in (*own, azure, *providers_of(settings))}[id]


@cache
def desk() -> PriceDesk:
    return PriceDesk([ListedBook()])


def read(case: Case, pieces: list[bytes]) -> Reading:
    answer = Answer(200, {"content-type": case.media_type})
    reader = provider(case.provider).reader(Call(case.method, case.path, model=case.model), answer)
    assert reader is not None
    for piece in pieces:
        reader.feed(piece)
    return reader.finish(complete=True)


def accounted(case: Case, reading: Reading) -> Account:
    begun = Begun(
        seq=1,
        id="01",
        started_ns=STARTED_NS,
        config_version="0" * 12,
        method=case.method,
        endpoint="/",
        provider=case.provider,
        model_requested=case.model,
        model_sent=case.model,
    )
    attempt = Attempt(provider=case.provider, model=case.model, status=200, category=None, duration_ns=1)
    ended = Ended(begun=begun, outcome="ok", ended_by="completed", status=200, reading=reading, attempts=(attempt,))
    # By the way it goes: through a line of the journal.
    return account(decode_ended(encode(ended)), desk().find)


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_arithmetic_of_the_table_is_right(case: Case) -> None:
    assert round(case.by_rates) == case.nanousd


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_tokens_and_cost_are_those_worked_out_by_hand(case: Case) -> None:
    reading = read(case, [case.body])
    found = accounted(case, reading)
    assert (found.input_tokens, found.output_tokens) == case.tokens
    assert found.cost_nanousd == case.nanousd, (found.cost_parts_nanousd, found.price_note)
    assert found.cost_low_nanousd == case.nanousd
    assert found.cost_high_nanousd == (case.nanousd if case.is_bounded else None)
    assert found.cost_basis == case.basis
    assert reading.usage is not None
    assert reading.usage.adds_up is case.check
    assert not desk().faults


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_however_the_bytes_arrive_the_cost_is_the_same(case: Case) -> None:
    chance = random.Random(7)
    cuts = sorted(chance.randrange(len(case.body)) for _ in range(9))
    edges = [0, *cuts, len(case.body)]
    pieces = [case.body[start:end] for start, end in pairwise(edges)]
    assert accounted(case, read(case, pieces)) == accounted(case, read(case, [case.body]))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fields_of_tomorrow_change_nothing(case: Case) -> None:
    marks = (b'"usage": {', b'"usageMetadata": {')
    body = case.body
    for mark in marks:
        body = body.replace(mark, mark + b'"field_of_tomorrow": [{"x": null}, 7], "another": {"deep": {"er": true}}, ')
    before, after = read(case, [case.body]), read(case, [body])
    assert before.usage is not None
    assert after.usage is not None
    assert (after.usage.units, after.usage.terms) == (before.usage.units, before.usage.terms)
    assert accounted(case, after).cost_nanousd == case.nanousd
