"""Tokens that nobody reported: predicted from what may be seen, with intervals that hold as often as they say."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.cold import calibration_file, visible
from lectr_core.cold.account import account
from lectr_core.cold.calibration import MOST_KINDS, SETTLED, THINNED, Calibration, teaches
from lectr_core.cold.conformal import COVERAGE, FEWEST, WINDOW, Interval, Scores, interval, score
from lectr_core.cold.regression import Fit
from lectr_core.model.reading import Reading, Share, Terms, Usage
from lectr_core.model.record import Bulk, Ended
from lectr_core.testing.samples import sample_record

BASE = sample_record(1).ended


def request(
    number: int,
    *,
    text_bytes: int,
    deltas: int,
    chars: int,
    counts: dict[str, int] | None = None,
    model: str = "acme-1",
    feature: str = "chat",
    reason: str | None = "stop",
    bulk: Bulk | None = None,
) -> Ended:
    """A streamed one; without *counts* it reported nothing."""
    begun = attrs.evolve(
        BASE.begun,
        seq=number,
        id=f"{number}",
        feature=feature,
        model_sent=model,
        streamed=True,
        max_tokens=None,
        request_bytes=text_bytes,
        bulk=bulk,
    )
    reading = Reading(
        state="reported" if counts else "absent",
        usage=Usage(counts) if counts else None,
        finish_reason=reason,
        deltas=deltas,
        delta_chars=chars,
    )
    return attrs.evolve(BASE, begun=begun, request_bytes=text_bytes, outcome="ok", ended_by="completed", reading=reading)


def chat(number: int, chance: random.Random, noise: float = 0.05, feature: str = "chat") -> Ended:
    """A believable one: 4.3 bytes a prompt token, 4.1 characters a token of an answer, five tokens a delta."""
    text = int(chance.lognormvariate(7.5, 1.0)) + 20
    answer = int(chance.lognormvariate(5.5, 1.0)) + 1
    counts = {
        "input": max(1, round((text + 60) / 4.3 * chance.lognormvariate(0, noise))),
        "output": max(1, round(answer / 4.1 * chance.lognormvariate(0, noise))),
    }
    return request(number, text_bytes=text, deltas=max(1, answer // 20), chars=answer, counts=counts, feature=feature)


def taught(calibration: Calibration, requests: list[Ended]) -> Calibration:
    for ended in requests:
        calibration.learn(ended, account(ended, lambda _: None))
    return calibration


@pytest.fixture(scope="module")
def known() -> Calibration:
    chance = random.Random(1)
    return taught(Calibration(), [chat(number, chance) for number in range(1, 1_001)])


@pytest.mark.parametrize("way", ["input", "output"])
@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_intervals_hold_as_often_as_they_say_on_requests_not_learnt_from(way: str, noise: float) -> None:
    chance = random.Random(7)
    calibration = taught(Calibration(), [chat(number, chance, noise) for number in range(1, 801)])
    held_out = [chat(number, chance, noise) for number in range(801, 2_801)]
    held = 0
    for ended in held_out:
        said = calibration.predict(ended, way)  # type: ignore[arg-type]  # tables hold plain text
        assert said.source == "measured"
        truth = account(ended, lambda _: None)
        held += said.interval.holds((truth.input_tokens if way == "input" else truth.output_tokens) or 0)
    # Of one calibration on 780 errors, coverage scatters by 0.8 points; of 2,000 requests, by 0.5.
    assert abs(held / len(held_out) - COVERAGE) < 0.025


def test_what_it_says_of_itself_is_what_its_predictions_did(known: Calibration) -> None:
    told = {one.way: one for one in known.told()}
    for one in told.values():
        assert one.checked > 300  # the others are more of the same, and thinned
        assert abs(one.held / one.checked - COVERAGE) < 0.03
        assert 0.01 < one.error < 0.06
        assert 0.05 < one.half_width < 0.2
        assert one.predicted_tokens == pytest.approx(one.reported_tokens, rel=0.02)


def test_before_there_is_data_a_prediction_is_wide_and_called_an_estimate() -> None:
    said = Calibration().predict(request(1, text_bytes=4_000, deltas=10, chars=2_000), "input")
    assert said.source == "estimated"
    assert said.interval == Interval(250, 1_000, 4_064)
    assert "nothing reported yet" in said.note


def test_another_models_requests_make_an_estimate_and_never_a_measurement(known: Calibration) -> None:
    said = known.predict(request(1, text_bytes=4_000, deltas=10, chars=2_000, model="new"), "input")
    assert said.source == "estimated"
    assert said.interval.middle == pytest.approx(4_060 / 4.3, rel=0.05)
    assert (said.interval.low, said.interval.high) == (250, 4_064)


def test_a_stream_learns_from_whole_answers_where_streams_report_nothing() -> None:
    chance = random.Random(3)
    whole = [
        attrs.evolve(one, begun=attrs.evolve(one.begun, streamed=False)) for one in (chat(n, chance) for n in range(300))
    ]
    said = taught(Calibration(), whole).predict(request(1, text_bytes=400, deltas=7, chars=4_100), "output")
    assert said.source == "measured"
    assert said.interval.middle == pytest.approx(1_000, rel=0.05)


def test_one_token_a_delta_is_found_out_and_nearly_exact() -> None:
    chance = random.Random(4)
    requests = []
    for number in range(400):
        tokens = chance.randint(1, 900)
        chars = max(1, round(tokens * 4 * chance.lognormvariate(0, 0.3)))
        requests.append(request(number, text_bytes=900, deltas=tokens, chars=chars, counts={"input": 200, "output": tokens}))
    said = taught(Calibration(), requests).predict(request(1, text_bytes=900, deltas=500, chars=3_000), "output").interval
    assert said.low <= 500 <= said.high
    assert said.high - said.low <= 2


def unlike(number: int, chance: random.Random, feature: str) -> Ended:
    """As `chat`, but tokens are half as long, and of no steady length: several languages in one feature."""
    one = chat(number, chance, 0.3, feature)
    usage = one.reading.usage
    assert usage is not None
    counts = {unit: count * 2 for unit, count in usage.units.items()}
    return attrs.evolve(one, reading=attrs.evolve(one.reading, usage=Usage(counts)))


def mixed(count: int, chance: random.Random) -> list[Ended]:
    """A busy feature, and two that are rare and unlike it."""
    features = chance.choices(["busy", "rare", "rarer"], weights=[20, 1, 1], k=count)
    return [chat(n, chance) if one == "busy" else unlike(n, chance, one) for n, one in enumerate(features)]


@pytest.mark.parametrize("way", ["input", "output"])
def test_a_rare_feature_that_is_unlike_the_others_gets_intervals_that_hold_too(way: str) -> None:
    held = []
    for seed in range(6):
        chance = random.Random(seed)
        calibration = taught(Calibration(), mixed(600, chance))
        for number in range(100):
            ended = unlike(number, chance, "rare")
            said = calibration.predict(ended, way)  # type: ignore[arg-type]  # tables hold plain text
            truth = account(ended, lambda _: None)
            assert said.source == "measured"
            held.append(said.interval.holds((truth.input_tokens if way == "input" else truth.output_tokens) or 0))
    # Some 55 errors judge it in each of six calibrations: a standard deviation of 1.2 points.
    assert abs(sum(held) / len(held) - COVERAGE) < 0.045


def test_a_feature_that_is_new_is_learnt_from_in_full_where_others_are_settled() -> None:
    chance = random.Random(9)
    calibration = taught(Calibration(), [chat(number, chance) for number in range(1, THINNED * SETTLED)])
    before = calibration.learnt
    taught(calibration, [unlike(number, chance, "new") for number in range(1, 101)])
    assert calibration.learnt == before + 100
    taught(calibration, [chat(number, chance) for number in range(1, THINNED * 20 + 1)])
    assert calibration.learnt == before + 120


def test_a_feature_that_has_reported_nothing_gets_a_wider_interval_and_the_note_says_so(known: Calibration) -> None:
    ended = request(9, text_bytes=3_210, deltas=11, chars=987)
    heard = known.predict(ended, "input")
    unheard = known.predict(attrs.evolve(ended, begun=attrs.evolve(ended.begun, feature="never")), "input")
    assert "interval 2 times as wide" in unheard.note
    assert "times as wide" not in heard.note
    assert unheard.source == heard.source == "measured"
    assert unheard.interval.low < heard.interval.low < heard.interval.high < unheard.interval.high


def test_a_limit_that_none_of_a_kind_had_before_makes_its_interval_no_farce() -> None:
    chance = random.Random(13)
    exact = []
    for number in range(200):
        tokens = chance.randint(20, 900)
        chars = round(tokens * 4 * chance.lognormvariate(0, 0.3))
        exact.append(request(number, text_bytes=900, deltas=tokens, chars=chars, counts={"input": 200, "output": tokens}))
    calibration = taught(Calibration(), exact)
    limited = request(1, text_bytes=900, deltas=300, chars=1_300)
    limited = attrs.evolve(limited, begun=attrs.evolve(limited.begun, max_tokens=512))
    said = calibration.predict(limited, "output").interval
    assert said.middle == 300
    assert 280 < said.low <= 300 <= said.high < 320


def test_what_a_model_was_is_forgotten_when_it_changes() -> None:
    fit = Fit.begin(*visible.OF_INPUT)
    chance = random.Random(10)
    drifts = []
    for number in range(2_200):
        size = chance.uniform(100, 2_000)
        each = 1.0 if number < 2_000 else 1.5
        fit.learn((size, 0.0, 0.0, 1.0), size * each * chance.lognormvariate(0, 0.03), 4.0)
        drifts.append(fit.is_drifting)
    assert not any(drifts[100:2_000])
    assert any(drifts[2_000:2_050])
    assert fit.predict((1_000.0, 0.0, 0.0, 1.0)) == pytest.approx(1_500, rel=0.03)


def test_a_kind_that_has_changed_is_learnt_from_in_full_again() -> None:
    chance = random.Random(12)
    calibration = taught(Calibration(), [chat(number, chance) for number in range(1, THINNED * SETTLED)])
    before = calibration.learnt
    changed = [unlike(number, chance, "chat") for number in range(1, 801)]
    taught(calibration, changed)
    assert calibration.learnt > before + 150  # a sample would be 50
    said = calibration.predict(changed[0], "input").interval
    assert said.middle == pytest.approx(2 * (changed[0].request_bytes + 60) / 4.3, rel=0.2)


def test_what_requests_never_vary_in_stays_as_unsure_as_it_was() -> None:
    fit = Fit.begin(*visible.OF_INPUT)
    for _ in range(30_000):
        fit.learn((250.0, 0.0, 0.0, 1.0), 270.0, 4.0)
    assert all(one <= most * 1.001 for one, most in zip((fit.spread[0], fit.spread[7]), fit.widest[::2], strict=True))
    assert fit.predict((250.0, 0.0, 0.0, 1.0)) == pytest.approx(270, abs=0.5)


def test_a_young_model_doubts_itself_and_its_intervals_are_wider() -> None:
    chance = random.Random(11)
    features = (1_000.0, 0.0, 0.0, 1.0)
    fit = Fit.begin(*visible.OF_INPUT)
    doubts = []
    for _ in range(200):
        doubts.append(fit.doubt(features))
        size = chance.uniform(100, 2_000)
        fit.learn((size, 0.0, 0.0, 1.0), size * 1.2 * chance.lognormvariate(0, 0.1), 4.0)
    assert doubts[0] > 10 > 1 > doubts[20] > doubts[199]
    young, old = (interval(1_200, (-0.1, 0.1), doubts[at]) for at in (20, 199))
    assert young.low < old.low < old.high < young.high


def test_an_answer_that_went_up_to_its_limit_is_as_long_as_the_limit() -> None:
    chance = random.Random(5)
    requests = []
    for number in range(300):
        most = chance.choice([64, 256, 1_024])
        one = request(
            number,
            text_bytes=900,
            deltas=chance.randint(most // 9, most // 3),
            chars=round(most * 4 * chance.lognormvariate(0, 0.2)),
            counts={"input": 200, "output": most},
            reason="length",
        )
        requests.append(attrs.evolve(one, begun=attrs.evolve(one.begun, max_tokens=most)))
    calibration = taught(Calibration(), requests)
    asked = attrs.evolve(requests[0], begun=attrs.evolve(requests[0].begun, max_tokens=512))
    asked = attrs.evolve(asked, reading=attrs.evolve(asked.reading, deltas=100, delta_chars=2_100))
    said = calibration.predict(asked, "output").interval
    assert said.middle == pytest.approx(512, rel=0.03)


def test_images_are_kept_apart_from_text() -> None:
    chance = random.Random(6)
    requests = []
    for number in range(400):
        images = chance.randint(1, 4)
        text = chance.randint(400, 8_000)
        requests.append(
            request(
                number,
                text_bytes=text + images * 90_000,
                deltas=3,
                chars=60,
                counts={"input": text // 4 + images * 765, "output": 15},
                bulk=Bulk(images=images, coded_bytes=images * 90_000),
            )
        )
    calibration = taught(Calibration(), requests)
    said = calibration.predict(requests[-1], "input").interval
    truth = requests[-1].reading.usage
    assert truth is not None
    assert said.middle == pytest.approx(truth.units["input"], rel=0.03)


def test_a_note_holds_all_that_is_needed_to_work_it_out_again(known: Calibration) -> None:
    ended = request(9, text_bytes=3_210, deltas=11, chars=987)
    for way in ("input", "output"):
        said = known.predict(ended, way)
        sum_of = said.note.partition(" = ")[2].partition(";")[0]
        plain = re.sub(r"[a-z_]+( bytes)?$|[a-z_]+( bytes)?(?= \+)", "", sum_of)
        total = sum(
            float(left) * float(right or 1) for left, _, right in (part.partition("*") for part in plain.split(" + "))
        )
        assert total == pytest.approx(said.interval.middle, abs=0.6)


def test_predicting_changes_nothing(known: Calibration) -> None:
    ended = request(9, text_bytes=3_210, deltas=11, chars=987)
    assert known.predict(ended, "output") == known.predict(ended, "output")


UNFIT: list[Callable[[Ended], Ended]] = [
    lambda ended: attrs.evolve(ended, outcome="client_disconnected"),
    lambda ended: attrs.evolve(ended, request_bytes=0),
    lambda ended: attrs.evolve(ended, begun=attrs.evolve(ended.begun, connection="other")),
    lambda ended: attrs.evolve(ended, reading=attrs.evolve(ended.reading, state="partial")),
    lambda ended: attrs.evolve(ended, reading=attrs.evolve(ended.reading, usage=Usage({"input": 5, "output_audio": 7}))),
    lambda ended: attrs.evolve(
        ended, reading=attrs.evolve(ended.reading, usage=Usage({"input": 5}, terms=Terms((Share("x", {"input": 1}),))))
    ),
]


@pytest.mark.parametrize("unfit", UNFIT)
def test_what_cannot_be_compared_teaches_nothing(unfit: Callable[[Ended], Ended]) -> None:
    ended = chat(1, random.Random(1))
    assert teaches(ended, account(ended, lambda _: None))
    other = unfit(ended)
    assert not teaches(other, account(other, lambda _: None))


def test_features_without_number_take_no_memory_without_bound() -> None:
    chance = random.Random(8)
    calibration = taught(Calibration(), [chat(number, chance, feature=f"f{number}") for number in range(MOST_KINDS)])
    assert len(calibration.cells) == MOST_KINDS


def test_it_outlives_the_process_and_nothing_is_lost_with_it(known: Calibration, tmp_path: Path) -> None:
    path = tmp_path / calibration_file.FILE
    calibration_file.write(path, known)
    again = calibration_file.read(path)
    ended = request(9, text_bytes=3_210, deltas=11, chars=987)
    assert again.predict(ended, "output") == known.predict(ended, "output")
    assert again.told() == known.told()
    for content in (b"", b"{", path.read_bytes().replace(b'"version":2', b'"version":99'), path.read_bytes()[:-9]):
        path.write_bytes(content)
        assert calibration_file.read(path) == Calibration() or not calibration_file.read(path).cells
    assert not calibration_file.read(tmp_path / "none").cells


def test_only_the_newest_errors_are_kept() -> None:
    scores = Scores()
    for number in range(FEWEST - 1):
        scores.add(float(number))
    assert scores.ends() is None
    for _ in range(WINDOW):
        scores.add(0.5)
    assert scores.ends() == (0.5, 0.5)
    assert len(scores) == WINDOW


def test_errors_are_let_go_of_only_while_enough_are_left() -> None:
    scores = Scores.of(number / 8 for number in range(FEWEST + 5))
    scores.let_go([0.25, 99.0])
    assert len(scores) == FEWEST + 4
    assert 0.25 not in scores.newest()
    scores.let_go(scores.newest())
    assert len(scores) == FEWEST


@given(st.integers(0, 10**7), st.floats(0, 1e7), st.floats(-2, 2))
def test_an_interval_around_an_error_holds_the_truth_that_made_it(truth: int, guess: float, more: float) -> None:
    error = score(truth, guess)
    said = interval(guess, (min(error, more), max(error, more)))
    assert 0 <= said.low <= said.middle <= said.high
    # Rounding a score to five digits is a millionth of the count; a whole number between the ends is never lost.
    assert said.low - max(1, truth // 5_000) <= truth <= said.high + max(1, truth // 5_000)


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1e9)), max_size=40))
def test_nothing_that_is_reported_makes_a_prediction_that_is_no_number(seen: list[tuple[float, float, float]]) -> None:
    fit = Fit.begin((1.0, 1.0, 300.0, 0.0), (0.6, 0.6, 600.0, 8.0))
    for first, second, truth in seen:
        features = (first, second, 0.0, 1.0)
        fit.learn(features, truth, 4.0)
        assert 0 <= fit.predict(features) < 1e15
        assert 0 <= fit.doubt(features) < 1e30
