"""A body that cannot be judged is refused by rules that deny by what it says, and passes all others."""

from __future__ import annotations

import attrs
import pytest
from lectr_policy_rules.policy import RulesPolicy
from lectr_policy_rules.rule import Rule, Target, When

from lectr_core import PASS, Facts

DOUBT = Facts(
    org="acme",
    key_id="k1",
    feature="search",
    task=None,
    provider="north",
    model="small",
    streamed=False,
    endpoint="/v1/chat/completions",
    method="POST",
    request_bytes=100,
    is_certain=False,
)
DENY = Rule(name="released only", when=When(model="preview-*"), deny=True)


@pytest.mark.parametrize(
    "when", [When(model="preview-*"), When(model="small"), When(streamed=True), When(model="x", org="acme")]
)
def test_a_rule_that_denies_by_what_cannot_be_told_denies(when: When) -> None:
    policy = RulesPolicy([attrs.evolve(DENY, when=when)])
    assert policy.enforces
    said = policy.decide(DOUBT)
    assert said.rule == "released only"
    assert said.refusal is not None
    assert (said.refusal.status, said.refusal.code) == (403, "policy_denied")
    assert "does not say for certain" in said.refusal.message
    assert "decides: deny" in policy.explain(DOUBT)


@pytest.mark.parametrize("when", [When(model="preview-*", org="other"), When(streamed=True, feature="mail")])
def test_a_rule_that_is_not_about_this_request_lets_it_pass(when: When) -> None:
    assert RulesPolicy([attrs.evolve(DENY, when=when)]).decide(DOUBT) == PASS


def test_a_route_by_what_cannot_be_told_is_not_followed() -> None:
    policy = RulesPolicy([Rule(name="r", when=When(model="small"), route=Target(model="other"))])
    assert not policy.enforces
    assert policy.decide(DOUBT) == PASS
    assert "what the body asks for cannot be told" in policy.explain(DOUBT)
    assert policy.decide(attrs.evolve(DOUBT, is_certain=True)).rule == "r"


def test_the_first_rule_that_can_be_judged_still_decides() -> None:
    first = Rule(name="first", when=When(org="acme"), route=Target(model="other"))
    assert RulesPolicy([first, DENY]).decide(DOUBT).rule == "first"
    assert RulesPolicy([DENY, first]).decide(DOUBT).rule == "released only"


@pytest.mark.parametrize("rule", [attrs.evolve(DENY, enabled=False), attrs.evolve(DENY, when=When(org="acme"))])
def test_only_rules_in_force_that_deny_by_a_body_need_it_to_be_certain(rule: Rule) -> None:
    assert not RulesPolicy([rule]).enforces
