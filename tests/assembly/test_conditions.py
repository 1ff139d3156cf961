"""Conditions on shown requests: words with patterns, numbers, what is not known; and what makes no sense is said."""

from __future__ import annotations

import attrs
import pytest

from lectr_core.assembly.conditions import conditions
from lectr_core.errors import OperatorError


@attrs.frozen
class Seen:
    feature: str = "search"
    started_at: str = "2026-03-04T12:00:00.000Z"
    status: int | None = 429
    duration_ms: float = 1500.0
    streamed: bool = True
    rule: str | None = None


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("feature=search", True),
        ("feature = search", True),
        ("feature=Search", False),
        ("feature=se*", True),
        ("feature!=se?rch", False),
        ("feature!=chat", True),
        ("status=429", True),
        ("status=429.0", True),
        ("status!=429", False),
        ("status=many", False),
        ("status>=400", True),
        ("status>429", False),
        ("status<500", True),
        ("duration_ms<=1499.9", False),
        ("streamed=true", True),
        ("streamed=1", True),
        ("streamed=no", False),
        ("started_at>=2026-03-04", True),
        ("started_at<2026-03-04T11", False),
        ("rule=", True),
        ("rule!=", False),
        ("rule=x", False),
        ("rule>=a", False),
        ("feature=", False),
        ("feature!=", True),
    ],
)
def test_a_condition_holds_or_does_not(text: str, holds: bool) -> None:
    assert conditions([text], Seen)(Seen()) is holds


def test_what_is_not_known_is_no_number() -> None:
    assert not conditions(["status>=0"], Seen)(Seen(status=None))
    assert not conditions(["status<0"], Seen)(Seen(status=None))


def test_all_conditions_must_hold() -> None:
    both = conditions(["feature=search", "status>=500"], Seen)
    assert both(Seen(status=503))
    assert not both(Seen(status=400))
    assert conditions([], Seen)(Seen())


@pytest.mark.parametrize(
    ("text", "said"), [("feature", "COLUMN=VALUE"), ("feture=x", "did you mean 'feature'"), ("zzz=1", "there are feature")]
)
def test_what_cannot_be_meant_is_said_at_once(text: str, said: str) -> None:
    with pytest.raises(OperatorError, match=said):
        conditions([text], Seen)


def test_a_number_is_needed_where_numbers_are_compared() -> None:
    with pytest.raises(OperatorError, match="a number"):
        conditions(["status>many"], Seen)(Seen())
