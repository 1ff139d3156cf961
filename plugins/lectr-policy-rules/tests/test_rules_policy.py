"""The promises of rules: all conditions, first match, faults that say what is expected, the verdict of a naive reading."""

from __future__ import annotations

from fnmatch import fnmatchcase

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_policy_rules import lectr_policies, lectr_settings
from lectr_policy_rules.matching import MAX_REMEMBERED, MAX_REMEMBERED_CHARS, FieldIndex, conditions_of
from lectr_policy_rules.policy import RulesPolicy, verdict_of
from lectr_policy_rules.rule import Rule, Target, When

from lectr_core import PASS, Facts, GatewaySettings, OperatorError, Policy, Route, Settings, Verdict
from lectr_core.testing import check_policy

FACTS = Facts(
    org="acme",
    key_id="k1",
    feature="search",
    task="classification",
    provider="north",
    model="big-4-mini",
    streamed=False,
    endpoint="/v1/chat/completions",
    method="POST",
    request_bytes=100,
)
SMALL = Target(model="small")


def rule(
    name: str = "r", /, *, route: Target | None = SMALL, deny: bool | str = False, enabled: bool = True, **when: object
) -> Rule:
    return Rule(name=name, when=When(**when), route=None if deny else route, deny=deny, enabled=enabled)  # type: ignore[arg-type]  # tests try wrong types too


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({}, True),
        ({"feature": "search"}, True),
        ({"feature": "Search"}, False),
        ({"feature": "sea*"}, True),
        ({"feature": "sea"}, False),
        ({"feature": ("chat", "search")}, True),
        ({"feature": ("chat", "s?arch")}, True),
        ({"feature": ("chat", "mail")}, False),
        ({"model": "big-[0-9]-*"}, True),
        ({"model": "big-[!4]-*"}, False),
        ({"model": "*"}, True),
        ({"provider": "north", "org": "acme", "task": "classification"}, True),
        ({"provider": "north", "org": "acme", "task": "extraction"}, False),
        ({"streamed": False}, True),
        ({"streamed": True}, False),
        ({"streamed": False, "model": "huge*"}, False),
    ],
)
def test_a_rule_fits_when_all_its_conditions_hold(when, fits):
    assert (RulesPolicy([rule(**when)]).decide(FACTS).rule == "r") is fits


@pytest.mark.parametrize("pattern", ["*", "?*", "None", "[!x]*"])
@pytest.mark.parametrize("field", ["task", "model"])
def test_a_fact_that_is_missing_fits_no_pattern(field, pattern):
    assert RulesPolicy([rule(**{field: pattern})]).decide(attrs.evolve(FACTS, task=None, model=None)) is PASS


def test_the_first_rule_in_the_file_wins():
    policy = RulesPolicy([rule("glob", model="big*"), rule("exact", model="big-4-mini")])
    assert policy.decide(FACTS).rule == "glob"
    assert (
        RulesPolicy(reversed([rule("glob", model="big*"), rule("exact", model="big-4-mini")])).decide(FACTS).rule == "exact"
    )


def test_a_rule_that_is_not_enabled_decides_nothing():
    assert RulesPolicy([rule("off", enabled=False), rule("on")]).decide(FACTS).rule == "on"


def test_the_policy_keeps_what_every_policy_promises():
    verdict = Verdict("minis", route=Route("south", "small"))
    rules = [
        rule("mail", feature="mail", deny="not for mail"),
        rule("minis", model="*-mini", route=Target(provider="south", model="small")),
    ]
    check_policy(RulesPolicy(rules), [(FACTS, verdict), (attrs.evolve(FACTS, model="big-4"), PASS)])
    check_policy(RulesPolicy([]), [(FACTS, PASS)])


def test_no_rule_lets_the_request_pass():
    assert RulesPolicy([]).decide(FACTS) is PASS
    assert RulesPolicy([rule(feature="mail")]).decide(FACTS) is PASS


def test_a_route_says_provider_and_model_as_written():
    verdict = verdict_of(rule("r", route=Target(provider="south", model="small")))
    assert (verdict.rule, verdict.route, verdict.refusal) == ("r", Route("south", "small"), None)
    assert verdict_of(rule(route=Target(provider="south"))).route == Route("south", None)


@pytest.mark.parametrize("deny", [True, "ask for another model"])
def test_a_denial_names_the_rule_and_says_why(deny):
    refusal = verdict_of(rule("no big ones", deny=deny)).refusal
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.kind) == (403, "policy_denied", "permission_error")
    assert "'no big ones'" in refusal.message
    assert deny is True or deny in refusal.message


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: Rule(name="r"), "neither route nor deny"),
        (lambda: Rule(name="r", deny=False), "neither route nor deny"),
        (lambda: Rule(name="r", route=SMALL, deny=True), "both route and deny"),
        (lambda: Rule(name="r", route=SMALL, deny="no"), "both route and deny"),
        (lambda: Rule(name="r", deny=""), "deny: expected true or one line"),
        (lambda: Rule(name="r", deny="two\nlines"), "deny: expected true or one line"),
        (lambda: Rule(name="r", deny=1), "deny: expected true or one line"),  # type: ignore[arg-type]  # on purpose
        (lambda: Rule(name=" ", route=SMALL), "name: expected one line of text"),
        (lambda: Rule(name="a\nb", route=SMALL), "name: expected one line of text"),
        (lambda: Target(), "names neither"),
        (lambda: Target(provider=""), "provider: expected one line of text"),
        (lambda: Target(model=7), "model: expected one line of text, got 7"),  # type: ignore[arg-type]  # on purpose
        (lambda: When(model=()), "model: an empty list fits no request"),
        (lambda: When(model=""), "model: expected text, got ''"),
        (lambda: When(model=("a", "")), "model: expected text, got ''"),
        (lambda: When(feature=7), "feature: expected text or a list of texts, got 7"),  # type: ignore[arg-type]  # on purpose
        (lambda: When(org=("a", 7)), "org: expected text or a list of texts"),  # type: ignore[arg-type]  # on purpose
        (lambda: When(streamed="yes"), "streamed: expected true or false, got 'yes'"),  # type: ignore[arg-type]  # on purpose
    ],
)
def test_a_rule_that_makes_no_sense_is_a_fault_that_says_what_is_expected(make, fault):
    with pytest.raises(ValueError, match=fault.replace("(", r"\(")):
        make()


def test_rules_of_one_name_are_refused_with_their_places():
    with pytest.raises(OperatorError, match=r"'a' \(rule\[0\], rule\[2\]\), 'b' \(rule\[1\], rule\[3\]\)"):
        RulesPolicy([rule("a"), rule("b"), rule("a", enabled=False), rule("b"), rule("c")])


def test_explain_says_which_rule_decides_and_what_keeps_the_others_from_it():
    policy = RulesPolicy(
        [
            rule("off", enabled=False),
            rule("mail", feature="mail", streamed=True),
            rule("tasks", task=("generation", "reason*")),
            rule("minis", model="*-mini", route=Target(provider="south", model="small")),
            rule("last", deny="no"),
        ]
    )
    assert policy.explain(attrs.evolve(FACTS, task=None)).splitlines() == [
        "off: not enabled",
        "mail: does not fit: feature is 'search', the rule asks for 'mail'; streamed is false, the rule asks for true",
        "tasks: does not fit: task is missing, the rule asks for 'generation' or 'reason*'",
        "minis: decides: route to provider 'south', model 'small'",
        "last: not asked, an earlier rule decided",
    ]


def test_it_says_to_which_providers_rules_in_force_lead():
    policy = RulesPolicy(
        [
            Rule(name="a", when=When(feature="x"), route=Target(provider="groq")),
            Rule(name="b", when=When(feature="x"), route=Target(model="small")),
            Rule(name="c", when=When(feature="x"), route=Target(provider="azure"), enabled=False),
            Rule(name="d", when=When(feature="x"), deny=True),
        ]
    )
    assert policy.routes_to() == ["groq"]


def test_explain_says_when_nothing_speaks():
    assert RulesPolicy([]).explain(FACTS) == "no rules"
    assert (
        RulesPolicy([rule(feature="mail")]).explain(FACTS).splitlines()[-1] == "no rule fits: the request passes unchanged"
    )


def test_the_hooks_offer_one_section_and_one_policy():
    [section] = lectr_settings()
    assert (section.path, section.schema, section.many) == ("rule", Rule, True)
    settings = Settings(GatewaySettings(), {"rule": (rule("a"),)}, "v")
    [policy] = lectr_policies(settings)
    assert isinstance(policy, Policy)
    assert policy.decide(FACTS).rule == "a"


@pytest.mark.parametrize("sections", [{}, {"rule": ()}, {"rule": (rule("a", enabled=False),)}])
def test_without_a_rule_that_is_enabled_there_is_no_policy(sections):
    assert list(lectr_policies(Settings(GatewaySettings(), sections, "v"))) == []


def test_what_is_remembered_of_clients_values_is_bounded():
    index = FieldIndex([conditions_of(When(feature="a*b"))], 0)
    for n in range(MAX_REMEMBERED * 2):
        index.of(f"a{n}")
    assert 0 < len(index.remembered) <= MAX_REMEMBERED
    assert index.of("a" * MAX_REMEMBERED_CHARS + "b") == 1
    assert all(len(str(value)) <= MAX_REMEMBERED_CHARS for value in index.remembered)


def test_a_value_is_held_against_patterns_once():
    """What 500 patterns cost is paid for each new value, not for each request."""
    policy = RulesPolicy([rule(f"r{n}", model=f"*-{n}-?x") for n in range(500)])
    wanted = attrs.evolve(FACTS, model="big-499-yx")
    assert policy.decide(wanted).rule == "r499"
    [(_, remembered, _)] = policy._index._fields
    assert remembered == {"big-499-yx": 1 << 499}
    remembered["big-499-yx"] = 1 << 7
    assert policy.decide(wanted).rule == "r7", "looked up, not tried again"


# Few letters and short texts, so that rules and requests meet often.
words = st.text("ab", min_size=1, max_size=2)
patterns = st.text("ab*?[]!-", min_size=1, max_size=6)
one_or_many = st.one_of(st.none(), words, patterns, st.lists(st.one_of(words, patterns), min_size=1, max_size=3).map(tuple))
whens = st.builds(
    When,
    feature=one_or_many,
    task=one_or_many,
    provider=one_or_many,
    model=one_or_many,
    org=one_or_many,
    streamed=st.sampled_from([None, None, True, False]),
)
requests = st.builds(
    Facts,
    org=words,
    key_id=st.none(),
    feature=words,
    task=st.none() | words,
    provider=words,
    model=st.none() | words,
    streamed=st.booleans(),
    endpoint=st.just("/v1"),
    method=st.just("POST"),
    request_bytes=st.just(0),
)


def naive(rules: list[Rule], facts: Facts) -> str | None:
    """The documentation, word for word: the first enabled rule all of whose conditions hold."""
    for one in rules:
        holds = True
        for field in ("feature", "task", "provider", "model", "org"):
            wanted, value = getattr(one.when, field), getattr(facts, field)
            if wanted is not None:
                texts = [wanted] if isinstance(wanted, str) else wanted
                holds = holds and value is not None and any(fnmatchcase(value, text) for text in texts)
        if one.when.streamed is not None:
            holds = holds and facts.streamed is one.when.streamed
        if holds and one.enabled:
            return one.name
    return None


@given(st.lists(st.tuples(whens, st.booleans()), max_size=8), st.lists(requests, min_size=1, max_size=5))
def test_decisions_are_those_of_a_naive_reading_of_the_rules(drawn, asked):
    rules = [Rule(name=str(at), when=when, deny=True, enabled=enabled) for at, (when, enabled) in enumerate(drawn)]
    policy = RulesPolicy(rules)
    for facts in asked:
        verdict = policy.decide(facts)
        assert verdict.rule == naive(rules, facts)
        assert policy.decide(facts) is verdict
        decides = [line for line in policy.explain(facts).splitlines() if ": decides: " in line]
        assert decides == ([f"{verdict.rule}: decides: deny"] if verdict.rule is not None else [])
