"""Rules that say what becomes of an answer whose client has left."""

from __future__ import annotations

from decimal import Decimal

import pytest
from lectr_policy_rules.policy import RulesPolicy
from lectr_policy_rules.rule import Rule, Target

from lectr_core import Drain, DrainSettings, Facts, Route

FACTS = Facts(
    org="acme",
    key_id="k1",
    feature="reports",
    task=None,
    provider="one",
    model="one-x",
    streamed=True,
    endpoint="/v1/known",
    method="POST",
    request_bytes=2,
)
MINUTE = DrainSettings(max_s=60)


@pytest.mark.parametrize(
    ("said", "drain"),
    [
        ("cancel", Drain(0.0)),
        (MINUTE, Drain(60)),
        (DrainSettings(max_s=9, max_usd=Decimal("0.03"), usd_per_million_tokens=Decimal(15)), Drain(9, 2000)),
        (DrainSettings(max_s=9, max_usd=Decimal("0.00001"), usd_per_million_tokens=Decimal(15)), Drain(9, 0)),
    ],
)
def test_rule_says_how_far_an_answer_is_read_on(said: DrainSettings | str, drain: Drain) -> None:
    verdict = RulesPolicy([Rule(name="reports", drain=said)]).decide(FACTS)  # type: ignore[arg-type]  # a literal, by the table
    assert (verdict.rule, verdict.route, verdict.refusal, verdict.drain) == ("reports", None, None, drain)


def test_rule_can_route_and_drain() -> None:
    rule = Rule(name="both", route=Target(model="small"), drain=MINUTE)
    verdict = RulesPolicy([rule]).decide(FACTS)
    assert (verdict.route, verdict.drain) == (Route(None, "small"), Drain(60))
    assert RulesPolicy([rule]).explain(FACTS) == "both: decides: route to model 'small'; read on when the client leaves"


def test_rule_without_drain_leaves_it_to_the_provider() -> None:
    assert RulesPolicy([Rule(name="plain", route=Target(model="small"))]).decide(FACTS).drain is None


def test_cancelling_is_explained_too() -> None:
    assert RulesPolicy([Rule(name="no", drain="cancel")]).explain(FACTS) == "no: decides: cancel when the client leaves"


def test_request_that_is_denied_has_no_answer_to_read() -> None:
    with pytest.raises(ValueError, match="has both drain and deny"):
        Rule(name="odd", deny=True, drain=MINUTE)
