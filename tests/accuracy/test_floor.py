"""The best that formulas can say in hindsight: exact where one is, and not bent by what is strange."""

from __future__ import annotations

import random

import pytest

from tests.accuracy.floor import floor


def test_what_follows_a_formula_can_be_said_exactly() -> None:
    chance = random.Random(1)
    known = [(chance.randint(1, 50), chance.randint(1, 900), 0, 1) for _ in range(200)]
    groups = {
        "one": [(one, 3.0 * one[0] + 0.25 * one[1] + 7) for one in known],
        "other": [(one, 1.0 * one[0] + 0.5 * one[1]) for one in known],
    }
    assert floor(groups.values()) == pytest.approx(0, abs=1e-4)
    assert floor([groups["one"] + groups["other"]]) > 0.05, "two formulas are not one"


def test_a_few_strange_ones_do_not_bend_it() -> None:
    chance = random.Random(2)
    rows = [((size, 1.0), 2.0 * size * (30 if number % 10 == 0 else 1)) for number, size in enumerate(range(50, 250))]
    chance.shuffle(rows)
    assert floor([rows]) < 0.01


def test_it_cannot_be_below_what_no_size_tells() -> None:
    chance = random.Random(3)
    rows = [((float(size), 1.0), size * chance.lognormvariate(0, 0.1)) for size in range(100, 2_100)]
    # The middle of |x| for a normal x is 0.674 of its standard deviation.
    assert floor([rows]) == pytest.approx(0.0674, rel=0.1)
