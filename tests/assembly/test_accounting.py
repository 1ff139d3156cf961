"""What a plugin that prices a past may rely on: the same counts and cost as the cold process would have given."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import attrs

from lectr_core import Accountant, Begun, Ended, PriceQuestion, Quote, Reading, Usage
from lectr_core.cold import calibration_file
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


def streamed(seq: int, *, told: bool) -> Ended:
    """A chat stream that says what it used, or not."""
    begun = Begun(
        seq=seq,
        id=f"{seq:032x}",
        started_ns=seq * 10**9,
        config_version="0" * 12,
        method="POST",
        endpoint="/v1/chat/completions",
        provider="alpha",
        model_sent="small-1",
        streamed=True,
        request_bytes=400 + seq % 7 * 100,
    )
    answer = 20 + seq % 5
    counts = {"input": begun.request_bytes // 4, "output": answer}
    reading = Reading(
        state="reported" if told else "absent",
        usage=Usage(counts) if told else None,
        finish_reason="stop",
        deltas=answer,
        delta_chars=answer * 4,
    )
    return Ended(
        begun=begun, outcome="ok", ended_by="completed", status=200, request_bytes=begun.request_bytes, reading=reading
    )


def test_one_that_learns_predicts_what_nobody_reported(tmp_path: Path) -> None:
    learning, plain = Accountant([Book()], learns=True), Accountant([Book()])
    for seq in range(1, 200):
        learning.record("a", streamed(seq, told=True))
    silent = streamed(200, told=False)
    account_of = learning.account(silent)
    assert plain.account(silent).tokens_source == "unknown"
    assert account_of.tokens_source == "measured"
    assert account_of.input_tokens_low is not None
    assert account_of.input_tokens_high is not None
    assert account_of.input_tokens_low <= silent.request_bytes // 4 <= account_of.input_tokens_high
    assert {told.way for told in learning.accuracy()} == {"input", "output"}
    assert plain.accuracy() == ()

    learning.keep(tmp_path)
    kept = calibration_file.read(tmp_path / calibration_file.FILE)
    assert kept.told() == learning.accuracy(), "a gateway goes on from there"
    before = (tmp_path / calibration_file.FILE).read_bytes()
    Accountant([], learns=True).keep(tmp_path)
    again = Accountant([Book()], learns=True)
    again.record("a", streamed(1, told=True))
    again.keep(tmp_path)
    assert (tmp_path / calibration_file.FILE).read_bytes() == before, "what a gateway has learnt is left alone"
