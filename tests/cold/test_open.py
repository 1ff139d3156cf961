"""What was begun and is told later: open until then, counted once, and closed by the record that counts it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from lectr_core.cold.account import COUNTED, OPEN, account
from lectr_core.cold.counted import Counted
from lectr_core.cold.prices import Rates, make_rates
from lectr_core.model.price import PriceQuestion, Quote
from lectr_core.model.reading import Reading, Terms, Usage
from lectr_core.model.record import CLOSED, Account, Ended
from lectr_core.testing.samples import sample_record

PRICE = Quote({"input": Decimal("0.000001")}, "acme/one", "a list", None, "exact")
TOLD = Usage({"input": 5}, terms=Terms(once="resp_1"))


def find(_: tuple[PriceQuestion, ...]) -> Rates:
    return make_rates(PRICE, "one")


def exchange(id: str, reading: Reading) -> Ended:
    ended = sample_record(1).ended
    return attrs.evolve(ended, begun=attrs.evolve(ended.begun, id=id), reading=reading)


def begun(id: str, name: str | None = "resp_1", awaits: str | None = None) -> Ended:
    return exchange(id, Reading("open", answer_id=name, awaits=awaits))


def told(id: str, usage: Usage = TOLD, name: str | None = "resp_1") -> Ended:
    return exchange(id, Reading("reported", usage, "one", answer_id=name))


@attrs.define
class Cold:
    """Accounts as a delivery does, with a memory on disk."""

    path: Path

    def account(self, ended: Ended) -> Account:
        # A new one each time: what is remembered outlives the process.
        counted = Counted(self.path)
        return account(ended, find, counted.is_first, counted)


@pytest.fixture
def cold(tmp_path: Path) -> Cold:
    return Cold(tmp_path / "counted")


def test_the_record_that_counts_names_those_that_were_open(cold: Cold) -> None:
    assert cold.account(begun("a")) == cold.account(begun("b")) == OPEN
    found = cold.account(told("c"))
    assert (found.closes, found.cost_nanousd) == (("a", "b"), 5_000)
    assert cold.account(told("d")) == COUNTED, "fetched again, it closes nothing again"
    assert cold.account(told("c")) == found, "accounted for again, by another sink, it says the same"


def test_what_is_open_elsewhere_stays_open(cold: Cold) -> None:
    cold.account(begun("a", "resp_2"))
    cold.account(begun("b", None))
    assert cold.account(told("c")).closes == ()


def test_what_was_counted_before_is_not_open(cold: Cold) -> None:
    """A download that breaks off after another one came to its end."""
    cold.account(told("a", attrs.evolve(TOLD, terms=Terms(once="file-1")), None))
    assert cold.account(begun("b", None, "file-1")) == COUNTED


def test_a_batch_is_closed_by_its_results_where_its_status_told_their_name(cold: Cold) -> None:
    assert cold.account(begun("a", "batch_1")) == OPEN
    status = Reading("unbilled", answer_id="batch_1", awaits="file-1")
    for seen in ("b", "c"):
        assert cold.account(exchange(seen, status)).cost_nanousd == 0
    results = attrs.evolve(TOLD, terms=Terms(once="file-1"))
    assert cold.account(told("d", results, None)).closes == ("a",)


def test_a_batch_is_closed_by_its_own_sum(cold: Cold) -> None:
    cold.account(begun("a", "batch_1"))
    assert cold.account(told("b", attrs.evolve(TOLD, terms=Terms(once="file-1")), "batch_1")).closes == ("a",)


def test_a_batch_that_ended_in_vain_is_closed_and_costs_nothing_at_whatever_price(cold: Cold) -> None:
    cold.account(begun("a", "batch_1"))
    vain = told("b", Usage({}, {"requests": 0}, adds_up=True, terms=Terms(once="batch_1", cost_nanousd=0)), "batch_1")
    counted = Counted(cold.path)
    found = account(vain, lambda _: None, counted.is_first, counted)
    assert (found.closes, found.cost_nanousd, found.cost_high_nanousd, found.cost_basis) == (("a",), 0, 0, "reported")


def test_the_file_keeps_a_record_that_waits_once(cold: Cold) -> None:
    for _ in range(3):
        cold.account(begun("a"))
    assert cold.path.read_text().count(" a\n") == 1
    assert "resp_1" not in cold.path.read_text()


def test_a_closed_record_is_known_to_cost_nothing_more() -> None:
    assert (CLOSED.cost_nanousd, CLOSED.cost_high_nanousd, CLOSED.tokens_source) == (0, 0, "reported")
    assert account(exchange("a", Reading("closed")), find) == CLOSED, "priced again, it stays so"
