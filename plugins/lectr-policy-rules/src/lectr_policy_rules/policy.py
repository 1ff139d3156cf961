"""The policy that all rules together make: the first rule whose conditions all hold decides.

Everything that can be done once is done at construction; a decision is a look-up and a few comparisons, without I/O, clock
or state that could change it, so that the same object gives the same verdict on a live request and on a recorded one. Called
by the hooks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from lectr_core import PASS, Facts, OperatorError, Policy, Refusal, Route, Settings, Verdict, drain_of
from lectr_policy_rules.matching import FIELDS, Condition, Index, Seen, asks_body, conditions_of, facts_seen
from lectr_policy_rules.rule import Rule


class RulesPolicy:
    """Decides by rules. A rule that is not enabled takes no part, but `explain` still names it."""

    id = "rules"

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Compile *rules*, the first one first. Errors: OperatorError where two have one name."""
        self._rules = tuple(rules)
        _refuse_doubles(self._rules)
        asked = [rule for rule in self._rules if rule.enabled]
        self._index = Index([conditions_of(rule.when) for rule in asked])
        self.enforces = any(rule.deny is not False and asks_body(conditions_of(rule.when)) for rule in asked)
        """Whether a rule denies by model or stream: what cannot be told of a body is then refused, too."""
        self._asked = tuple(asked)
        # The last one, at -1, speaks where no rule does.
        self._verdicts = (*(verdict_of(rule) for rule in asked), PASS)

    def decide(self, facts: Facts) -> Verdict:
        """The verdict of the first rule that fits; PASS where none does."""
        if not facts.is_certain:
            return self._verdict_in_doubt(facts_seen(facts))
        return self._verdicts[self._index.first(facts_seen(facts))]

    def _verdict_in_doubt(self, seen: Seen) -> Verdict:
        """Model and stream cannot be told: a rule that denies by them does, one that routes by them does not fit."""
        for rule, verdict in zip(self._asked, self._verdicts, strict=False):
            conditions = conditions_of(rule.when)
            if not all(condition.fits(seen[condition.field]) for condition in conditions if not condition.of_body):
                continue
            if not asks_body(conditions):
                return verdict
            if rule.deny is not False:
                return Verdict(rule.name, refusal=Refusal(403, "policy_denied", _doubt(rule), kind="permission_error"))
        return PASS

    def explain(self, facts: Facts) -> str:
        """One line a rule: whether it fits, and if not, what of the request is not as it asks."""
        if not self._rules:
            return "no rules"
        seen = facts_seen(facts)
        lines = []
        decided = False
        for rule in self._rules:
            if not rule.enabled:
                why = "not enabled"
            elif decided:
                why = "not asked, an earlier rule decided"
            elif missed := _missed(conditions_of(rule.when), seen, is_certain=facts.is_certain):
                why = "does not fit: " + "; ".join(missed)
            elif facts.is_certain or rule.deny is not False or not asks_body(conditions_of(rule.when)):
                decided = True
                why = f"decides: {_action(rule)}"
            else:
                why = "does not fit: what the body asks for cannot be told"
            lines.append(f"{rule.name}: {why}")
        if not decided:
            lines.append("no rule fits: the request passes unchanged")
        return "\n".join(lines)

    def routes_to(self) -> Sequence[str]:
        """Providers that rules in force lead to, for `lectr doctor`."""
        return [rule.route.provider for rule in self._rules if rule.enabled and rule.route and rule.route.provider]


def policies_of(settings: Settings) -> Sequence[Policy]:
    """The rules of *settings* as a policy; none where no rule is enabled. Errors: as `RulesPolicy`."""
    rules: Sequence[Rule] = settings.sections.get("rule", ())
    policy = RulesPolicy(rules)
    return [policy] if any(rule.enabled for rule in rules) else []


def verdict_of(rule: Rule) -> Verdict:
    """What *rule* says of every request that fits it."""
    if rule.deny is False:
        route = Route(rule.route.provider, rule.route.model) if rule.route is not None else None
        drain = drain_of(rule.drain) if rule.drain is not None else None
        return Verdict(rule.name, route=route, drain=drain, ask_usage=rule.ask_usage)
    message = f"rule {rule.name!r} denies this request"
    if isinstance(rule.deny, str):
        message = f"{message}: {rule.deny}"
    return Verdict(rule.name, refusal=Refusal(403, "policy_denied", message, kind="permission_error"))


def _doubt(rule: Rule) -> str:
    return (
        f"rule {rule.name!r} denies by model or stream, and this body does not say for certain what it asks for: "
        "send valid JSON as application/json, with each of them once"
    )


def _refuse_doubles(rules: Sequence[Rule]) -> None:
    doubles = [name for name, count in Counter(rule.name for rule in rules).items() if count > 1]
    if doubles:
        places = [
            f"{name!r} (" + ", ".join(f"rule[{at}]" for at, rule in enumerate(rules) if rule.name == name) + ")"
            for name in doubles
        ]
        raise OperatorError("rule names must be unique, since records carry them; used more than once: " + ", ".join(places))


def _missed(conditions: Sequence[Condition], seen: Seen, *, is_certain: bool) -> list[str]:
    missed = []
    for condition in conditions:
        if condition.of_body and not is_certain:
            continue
        value = seen[condition.field]
        if not condition.fits(value):
            shown = "missing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
            missed.append(f"{FIELDS[condition.field]} is {shown}, the rule asks for {condition.wanted}")
    return missed


def _action(rule: Rule) -> str:
    if rule.deny is not False:
        return "deny" if rule.deny is True else f"deny, {rule.deny!r}"
    told = []
    if rule.route is not None:
        target = (("provider", rule.route.provider), ("model", rule.route.model))
        told.append("route to " + ", ".join(f"{name} {value!r}" for name, value in target if value))
    if rule.drain is not None:
        told.append("cancel when the client leaves" if rule.drain == "cancel" else "read on when the client leaves")
    if rule.ask_usage:
        told.append("ask for usage in streams")
    return "; ".join(told)
