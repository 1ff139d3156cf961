"""Rules that ask for usage in streams."""

from __future__ import annotations

import pytest
from lectr_policy_rules.policy import RulesPolicy
from lectr_policy_rules.rule import Rule, Target, When

from lectr_core import PASS, Facts, Route

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


def test_a_rule_may_ask_for_usage_alone_or_with_a_route() -> None:
    alone = RulesPolicy([Rule(name="exact", when=When(feature="reports"), ask_usage=True)])
    assert alone.decide(FACTS).ask_usage
    assert alone.decide(FACTS).rule == "exact"
    assert "ask for usage in streams" in alone.explain(FACTS)
    routed = RulesPolicy([Rule(name="exact", route=Target(model="small"), ask_usage=True)]).decide(FACTS)
    assert (routed.route, routed.ask_usage) == (Route(None, "small"), True)


def test_no_rule_asks_where_none_says_so() -> None:
    assert not PASS.ask_usage
    assert not RulesPolicy([Rule(name="small", route=Target(model="small"))]).decide(FACTS).ask_usage


def test_a_rule_that_denies_asks_nothing() -> None:
    with pytest.raises(ValueError, match="both ask_usage and deny"):
        Rule(name="r", deny=True, ask_usage=True)
    with pytest.raises(ValueError, match="ask_usage: expected true or false"):
        Rule(name="r", ask_usage="yes")  # type: ignore[arg-type]  # on purpose
