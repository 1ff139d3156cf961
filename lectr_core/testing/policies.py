"""What every policy promises: a verdict on any facts, the same one each time, and an explanation."""

from __future__ import annotations

from collections.abc import Iterable

from lectr_core.model.decision import Facts, Verdict
from lectr_core.ports import Policy
from lectr_core.testing.promise import must
from lectr_core.testing.samples import sample_facts

_ODD = (
    sample_facts(),
    sample_facts(key_id=None, task=None, provider=None, model=None, feature="untagged"),
    sample_facts(model="", feature="", task="", endpoint="/", method="GET", request_bytes=0),
    sample_facts(model="x" * 1000, feature="é\n[*?" * 20, request_bytes=2**40, max_tokens=2**52, streamed=True),
)


def check_policy(policy: Policy, cases: Iterable[tuple[Facts, Verdict]] = ()) -> None:
    """Ask *policy* about odd facts, then about *cases*, each with the verdict it must give.

    Errors: Broken, with the promise that is not kept.
    """
    must(isinstance(policy, Policy), f"{type(policy).__name__} does not satisfy lectr_core.Policy")
    known = list(cases)
    for facts in (*_ODD, *(facts for facts, _ in known)):
        verdict = policy.decide(facts)
        must(isinstance(verdict, Verdict), f"decide gave {verdict!r} for {facts!r}; expected a Verdict")
        must(policy.decide(facts) == verdict, f"decide gave two verdicts for {facts!r}; the same facts, the same verdict")
        both = verdict.route is not None and verdict.refusal is not None
        must(not both, f"decide both routes and refuses {facts!r}; only one of them can happen")
        named = verdict.rule is not None or (verdict.route is None and verdict.refusal is None)
        must(named, f"decide acts on {facts!r} and names no rule; the record has to say who acted")
        text = policy.explain(facts)
        must(isinstance(text, str) and bool(text.strip()), f"explain has nothing to say of {facts!r}")
    for facts, expected in known:
        got = policy.decide(facts)
        must(got == expected, f"for {facts!r} the verdict is {got!r}, not {expected!r}")
