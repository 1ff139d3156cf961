"""Counts that cannot be all of an answer in which text was seen."""

from __future__ import annotations

import attrs
import pytest

from lectr_core import Reading, Share, Terms, Usage, units
from lectr_core.dialects.doubt import doubted
from lectr_core.dialects.reading import settled

PROMPT, ANSWER = {units.INPUT: 9}, {units.OUTPUT: 5}
SPOKEN = Reading("reported", Usage({}), deltas=3, delta_chars=40)


def reading(usage: Usage) -> Reading:
    return attrs.evolve(SPOKEN, usage=usage)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(PROMPT | ANSWER),
        Usage({units.CACHE_READ: 9, units.REASONING: 5}),
        Usage({units.AUDIO_SECONDS: 9}),
        Usage({units.IMAGES: 1} | PROMPT),
        Usage({}, terms=Terms((Share("other", PROMPT | ANSWER),))),
        Usage({}, terms=Terms(cost_nanousd=7)),
    ],
)
def test_what_can_be_all_stays(usage: Usage) -> None:
    assert settled(reading(usage), True) == reading(usage)


@pytest.mark.parametrize("usage", [Usage({}), Usage({units.INPUT: 0, units.OUTPUT: 0}), Usage(PROMPT, {"total_tokens": 9})])
def test_nothing_and_a_total_alone_are_no_usage(usage: Usage) -> None:
    assert settled(reading(usage), True) == attrs.evolve(SPOKEN, state="absent", usage=None)


def test_a_prompt_alone_is_a_lower_bound() -> None:
    usage = Usage(PROMPT, {"prompt_tokens": 9, "total_tokens": 9})
    assert settled(reading(usage), True) == attrs.evolve(reading(usage), state="partial")


def test_an_answer_alone_leaves_the_prompt_open() -> None:
    assert doubted(reading(Usage(ANSWER)), Usage(ANSWER)).usage == Usage(ANSWER, terms=Terms(input_open=True))


def test_without_text_nothing_is_doubted() -> None:
    silent = attrs.evolve(reading(Usage(PROMPT)), deltas=0, delta_chars=0)
    assert settled(silent, True) == silent


def test_what_broke_off_stays_partial() -> None:
    assert settled(reading(Usage(PROMPT | ANSWER)), False).state == "partial"
    assert settled(reading(Usage(PROMPT)), False) == settled(reading(Usage(PROMPT)), True)
