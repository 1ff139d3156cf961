"""What a plugin that prices a past may rely on: the same counts and cost as the cold process would have given."""

from __future__ import annotations

from decimal import Decimal

import attrs

from lectr_core import Accountant, PriceQuestion, Quote
from lectr_core.cold.account import account
from lectr_core.cold.prices import PriceDesk
from lectr_core.testing.samples import bare_record, sample_record


@attrs.define
class Book:
    """One price for everything."""

    id: str = "flat"

    def quote(self, question: PriceQuestion) -> Quote | None:
        rates = dict.fromkeys(("input", "cache_read", "output", "reasoning"), Decimal("0.000001"))
        return Quote(rates=rates, price_id="flat", source="here", dated=None, basis="exact")


def test_it_counts_and_prices_as_the_cold_process_does() -> None:
    accountant, desk = Accountant([Book()]), PriceDesk([Book()])
    for record in (sample_record(), bare_record(2)):
        again = accountant.record(record.stream, record.ended)
        assert again == attrs.evolve(record, account=account(record.ended, desk.find))
    assert accountant.account(sample_record().ended).cost_nanousd == 125_000


def test_without_a_price_book_the_cost_is_unknown() -> None:
    assert Accountant([]).account(sample_record().ended).cost_nanousd is None
