"""What a request without counts is given: tokens and cost with bounds, from the calibration, through a delivery."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
import trio

from lectr_core.cold import calibration_file, way
from lectr_core.cold.account import UNKNOWN, account
from lectr_core.cold.calibration import Calibration
from lectr_core.cold.deliver import ACCURACY_EVERY_S, TELL_EVERY_S, Delivery
from lectr_core.cold.measure import BEFORE_TEXT, CUT_OFF, NOT_TOLD, complete, measure
from lectr_core.cold.prices import PriceDesk, Rates, make_rates
from lectr_core.cold.restate import restate
from lectr_core.journal.writer import Writer
from lectr_core.model.accuracy import Accuracy
from lectr_core.model.price import PriceQuestion, Quote
from lectr_core.model.reading import Reading, Usage
from lectr_core.model.record import Account, Ended
from tests.cold.memory import MemorySink
from tests.cold.test_calibration import chat, request, taught

MICRO = Decimal("0.000001")
QUOTE = Quote(
    rates={"input": MICRO, "cache_read": MICRO / 10, "cache_write": MICRO * 2, "output": MICRO * 5},
    price_id="p",
    source="s",
    dated=None,
    basis="exact",
    limit_tokens=10_000,
)


def find(_: tuple[PriceQuestion, ...]) -> Rates:
    return make_rates(QUOTE, "acme-1")


@pytest.fixture(scope="module")
def known() -> Calibration:
    chance = random.Random(1)
    return taught(Calibration(), [chat(number, chance) for number in range(1, 501)])


SILENT = request(9, text_bytes=4_000, deltas=50, chars=1_000)
CUT = attrs.evolve(SILENT, outcome="client_disconnected", ended_by="client_gone")
CUT = attrs.evolve(CUT, reading=attrs.evolve(CUT.reading, finish_reason=None))


def measured(ended: Ended, known: Calibration) -> Account:
    return measure(ended, account(ended, find), find, known)


def test_a_stream_without_counts_is_measured_with_bounds_on_tokens_and_cost(known: Calibration) -> None:
    found = measured(SILENT, known)
    assert found.tokens_source == "measured"
    assert found.input_tokens == pytest.approx(4_060 / 4.3, rel=0.03)
    assert found.output_tokens == pytest.approx(1_000 / 4.1, rel=0.03)
    assert found.input_tokens_low < found.input_tokens < found.input_tokens_high  # type: ignore[operator]  # none is None
    assert found.output_tokens_low < found.output_tokens < found.output_tokens_high  # type: ignore[operator]  # as above
    assert found.cost_nanousd == 1_000 * (found.input_tokens or 0) + 5_000 * (found.output_tokens or 0)
    # All of the prompt from the cache, or all of it written to it.
    assert found.cost_low_nanousd == 100 * (found.input_tokens_low or 0) + 5_000 * (found.output_tokens_low or 0)
    assert found.cost_high_nanousd == 2_000 * (found.input_tokens_high or 0) + 5_000 * (found.output_tokens_high or 0)
    assert found.tokens_note is not None
    assert "text bytes" in found.tokens_note
    assert (found.cost_basis, found.price_id) == ("exact", "p")


def test_before_there_is_data_it_is_an_estimate_within_the_ceilings() -> None:
    found = measured(SILENT, Calibration())
    assert found.tokens_source == "estimated"
    assert (found.input_tokens_low, found.input_tokens, found.input_tokens_high) == (250, 1_000, 4_064)
    assert (found.output_tokens_low, found.output_tokens_high) == (62, 10_000)
    assert found.cost_high_nanousd == 2_000 * 4_064 + 5_000 * 10_000


def test_without_a_ceiling_an_estimate_of_an_answer_has_no_upper_bound() -> None:
    found = measure(SILENT, UNKNOWN, lambda _: None, Calibration())
    assert (found.output_tokens_high, found.cost_nanousd, found.cost_high_nanousd) == (None, None, None)
    assert found.cost_basis == "unknown"


def test_what_was_cut_off_used_at_least_what_had_come_and_at_most_what_was_allowed(known: Calibration) -> None:
    found = measured(CUT, known)
    assert found.tokens_source == "measured"
    assert found.output_tokens_low is not None
    assert 200 < found.output_tokens_low < (found.output_tokens or 0)
    assert found.output_tokens_high == 10_000
    asked = attrs.evolve(CUT, begun=attrs.evolve(CUT.begun, max_tokens=400))
    assert measured(asked, known).output_tokens_high == 400
    assert CUT_OFF in (found.tokens_note or "")


def untold(usage: Usage) -> Ended:
    """Came to its end, with text, and a report that leaves a part out."""
    return attrs.evolve(SILENT, reading=attrs.evolve(SILENT.reading, state="partial", usage=usage, finish_reason="stop"))


def test_an_answer_that_the_report_leaves_out_is_measured_like_any_other(known: Calibration) -> None:
    ended = untold(Usage({"input": 900}))
    found = complete(ended, account(ended, find), find, known)
    alone = measured(SILENT, known)
    assert (found.input_tokens_low, found.input_tokens, found.input_tokens_high) == (900, 900, 900)
    assert found.output_tokens == alone.output_tokens
    assert (found.output_tokens_low, found.output_tokens_high) == (alone.output_tokens_low, alone.output_tokens_high)
    assert found.cost_nanousd == 1_000 * 900 + 5_000 * (found.output_tokens or 0)
    assert found.cost_low_nanousd == 1_000 * 900 + 5_000 * (found.output_tokens_low or 0)
    assert found.cost_high_nanousd == 1_000 * 900 + 5_000 * (found.output_tokens_high or 0)
    assert (found.tokens_source, NOT_TOLD in (found.tokens_note or "")) == ("measured", True)
    assert restate(ended, found, find) == found


def test_before_there_is_data_such_an_answer_is_estimated_within_the_ceilings() -> None:
    ended = untold(Usage({"input": 900}))
    found = complete(ended, account(ended, find), find, Calibration())
    assert (found.tokens_source, found.output_tokens_high) == ("estimated", 10_000)
    assert restate(ended, found, find) == found


def test_an_answer_that_was_reported_without_its_prompt_stands(known: Calibration) -> None:
    ended = untold(Usage({"output": 3}))
    found = account(ended, find)
    assert complete(ended, found, find, known) == found


def cut(reported: int) -> Ended:
    """Cut off after its prompt was counted, and so many tokens of its answer."""
    usage = Usage({"input": 900, "output": reported} if reported else {"input": 900})
    return attrs.evolve(CUT, reading=attrs.evolve(CUT.reading, state="partial", usage=usage))


def test_of_an_answer_cut_off_before_it_was_counted_the_pieces_tell_more(known: Calibration) -> None:
    before = account(cut(0), find)
    found = complete(cut(0), before, find, known)
    assert (before.output_tokens, found.tokens_source) == (0, "measured")
    assert (found.input_tokens_low, found.input_tokens, found.input_tokens_high) == (900, 900, 900)
    assert 200 < (found.output_tokens_low or 0) < (found.output_tokens or 0) < (found.output_tokens_high or 0)
    assert found.cost_nanousd == 900_000 + 5_000 * (found.output_tokens or 0) == sum(found.cost_parts_nanousd.values())
    assert found.cost_low_nanousd == 900_000 + 5_000 * (found.output_tokens_low or 0)
    assert found.cost_high_nanousd == before.cost_high_nanousd


@pytest.mark.parametrize("ended", [cut(400), attrs.evolve(cut(0), reading=attrs.evolve(cut(0).reading, delta_chars=0))])
def test_what_was_reported_stands_where_no_more_was_seen(ended: Ended, known: Calibration) -> None:
    found = account(ended, find)
    assert complete(ended, found, find, known) is found


UNTOUCHED = [
    attrs.evolve(SILENT, reading=Reading(state="unreadable", deltas=3, delta_chars=50)),
    attrs.evolve(SILENT, reading=Reading(state="open")),
    attrs.evolve(SILENT, reading=Reading(state="unbilled")),
    attrs.evolve(SILENT, reading=Reading(), begun=attrs.evolve(SILENT.begun, endpoint="/v1/files")),
    attrs.evolve(SILENT, request_bytes=0, begun=attrs.evolve(SILENT.begun, request_bytes=0)),
    attrs.evolve(SILENT, begun=attrs.evolve(SILENT.begun, connection="other")),
]


@pytest.mark.parametrize("ended", UNTOUCHED)
def test_where_nothing_speaks_for_tokens_nothing_is_made_up(ended: Ended, known: Calibration) -> None:
    found = account(ended, find)
    assert measure(ended, found, find, known) is found


@pytest.mark.parametrize(
    "ended",
    [
        attrs.evolve(SILENT, status=500, outcome="provider_error", reading=Reading()),
        attrs.evolve(CUT, reading=Reading()),
        attrs.evolve(CUT, reading=Reading(state="unreadable")),
    ],
)
def test_of_what_ended_before_any_text_the_prompts_upper_end_is_measured(ended: Ended, known: Calibration) -> None:
    before, found = account(ended, find), measured(ended, known)
    assert (before.input_tokens_high, before.output_tokens_high) == (10_000, 10_000)
    assert found.input_tokens_high == known.predict(ended, "input").interval.high < 2_000
    assert (found.input_tokens_low, found.input_tokens, found.cost_nanousd, found.cost_low_nanousd) == (0, None, None, 0)
    # The prompt all written to the cache, at 2 USD for a million, and the answer as long as the model can make it, at 5.
    assert found.cost_high_nanousd == found.input_tokens_high * 2_000 + 10_000 * 5_000
    assert (found.tokens_source, found.output_tokens_high) == ("unknown", 10_000)
    assert (found.tokens_note or "").startswith(BEFORE_TEXT)
    asked = attrs.evolve(ended, begun=attrs.evolve(ended.begun, max_tokens=100))
    assert measured(asked, known).cost_high_nanousd == found.input_tokens_high * 2_000 + 100 * 5_000
    assert measured(ended, Calibration()) == before, "what is known of no kind is not measured"


def test_a_measured_upper_end_never_lies_beyond_the_models_own_limit(known: Calibration) -> None:
    ended = attrs.evolve(CUT, reading=Reading())

    def small(_: tuple[PriceQuestion, ...]) -> Rates:
        return make_rates(attrs.evolve(QUOTE, limit_tokens=500), "acme-1")

    found = measure(ended, account(ended, small), small, known)
    assert (found.input_tokens_high, found.input_tokens_high_uncut) == (500, measured(ended, known).input_tokens_high)
    assert found.cost_high_nanousd == 500 * 2_000 + 500 * 5_000


def test_an_answer_of_a_known_kind_is_measured_even_if_no_text_was_seen() -> None:
    chance = random.Random(2)
    vectors = []
    for number in range(200):
        size = chance.randint(90, 4_000)
        vectors.append(request(number, text_bytes=size, deltas=0, chars=0, counts={"input": size // 4}, reason=None))
    silent = request(1, text_bytes=2_000, deltas=0, chars=0, reason=None)
    found = measured(silent, taught(Calibration(), vectors))
    assert found.tokens_source == "measured"
    assert found.input_tokens == pytest.approx(500, rel=0.03)
    assert (found.output_tokens, found.output_tokens_high) == (0, 0)


def test_a_prompt_that_usually_comes_from_a_cache_is_priced_so() -> None:
    chance = random.Random(3)
    cached = []
    for one in (chat(number, chance) for number in range(200)):
        usage = one.reading.usage
        assert usage is not None
        taken = usage.units["input"]
        counts = {"input": taken - taken * 3 // 4, "cache_read": taken * 3 // 4, "output": usage.units["output"]}
        cached.append(attrs.evolve(one, reading=attrs.evolve(one.reading, usage=attrs.evolve(usage, units=counts))))
    found = measured(SILENT, taught(Calibration(), cached))
    assert found.units["cache_read"] == pytest.approx(0.75 * (found.input_tokens or 0), rel=0.02)
    assert (found.cost_low_nanousd or 0) < (found.cost_nanousd or 0) < (found.cost_high_nanousd or 0)


async def test_a_delivery_learns_once_from_what_is_stored_and_measures_the_rest(tmp_path: Path) -> None:
    chance = random.Random(4)
    sink = MemorySink(faults=["before", "before"])
    delivery = Delivery(sink, tmp_path, PriceDesk([]))
    with Writer(tmp_path) as out:
        for number in range(1, 121):
            ended = chat(number, chance)
            begun = attrs.evolve(ended.begun, seq=out.next_seq(), id=f"{number}")
            out.begun(begun)
            out.ended(attrs.evolve(ended, begun=begun))
        for fails in (True, True, False):
            await delivery.open()
            parcel = await delivery.collect()
            if fails:
                with pytest.raises(OSError, match="cannot write"):
                    await delivery.hand_over(parcel)
            else:
                await delivery.hand_over(parcel)
        silent = attrs.evolve(SILENT.begun, seq=out.next_seq(), id="silent")
        out.begun(silent)
        out.ended(attrs.evolve(SILENT, begun=silent))
        await delivery.hand_over(await delivery.collect())
    assert delivery.calibration.learnt == 120
    assert sink.store.rows["silent"].account.tokens_source == "measured"


@attrs.define(eq=False)
class Keeping(MemorySink):
    """A sink that wants to know how good predictions are."""

    told: list[Accuracy] = attrs.field(factory=list)

    async def keep_accuracy(self, told: Sequence[Accuracy]) -> None:
        await trio.lowlevel.checkpoint()
        self.told = list(told)


async def test_a_sink_that_asks_is_told_how_good_predictions_are(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    sink = Keeping()
    delivery = Delivery(sink, tmp_path, PriceDesk([]))
    chance = random.Random(6)
    taught(delivery.calibration, [chat(number, chance) for number in range(1, 151)])
    await delivery.open()
    await delivery.tell()
    assert {one.way for one in sink.told} == {"input", "output"}
    assert all(one.checked > 40 for one in sink.told)
    sink.told = []
    await trio.sleep(ACCURACY_EVERY_S + TELL_EVERY_S)
    await delivery.tell()
    assert not sink.told, "nothing is told again where nothing is new"


async def test_what_was_learnt_is_written_when_the_cold_side_ends(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    journal = tmp_path / "journal"
    chance = random.Random(5)
    with Writer(journal) as out:
        for number in range(1, 91):
            ended = chat(number, chance)
            begun = attrs.evolve(ended.begun, seq=out.next_seq(), id=f"{number}")
            out.begun(begun)
            out.ended(attrs.evolve(ended, begun=begun))
    with trio.move_on_after(3):
        await way.run(tmp_path, [MemorySink(), MemorySink(id="second")], [], health=lambda _: None)
    again = calibration_file.read(tmp_path / calibration_file.FILE)
    assert again.learnt == 90
