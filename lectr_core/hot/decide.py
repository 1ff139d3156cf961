"""Step 5: ask the policies and join what they say into one verdict. Called by `way.py`; sync, no I/O.

The first refusal wins, else the first route. A policy that fails is counted and left out; a route that cannot be followed
lets the request pass unchanged, and the record says why.
"""

from __future__ import annotations

from typing import Final

import attrs

from lectr_core.errors import LectrError, PluginError
from lectr_core.hot.credentials import without_key
from lectr_core.hot.draining import grant
from lectr_core.hot.exchange import Exchange, Refused
from lectr_core.hot.guard import Faults
from lectr_core.model.decision import Drain, Facts, Route, Verdict
from lectr_core.ports import Policy, Provider
from lectr_core.wire.body import ask_for_usage, is_certain, replace_model

ASKED_PATH: Final = "/completions"
"""How paths end whose dialect has `stream_options`: chat completions and completions."""


def verdict(exchange: Exchange, faults: Faults) -> None:
    """Let the policies speak, and follow them. Errors: Refused where one denies."""
    version = exchange.version
    drain = _joined(exchange, faults) if version.policies else None
    if drain is None and version.drains and exchange.target_provider is not None:
        drain = version.drains.get(exchange.target_provider.id)
    if drain is not None:
        grant(exchange, drain)


def _joined(exchange: Exchange, faults: Faults) -> Drain | None:
    """Follow the first route; what the first policy says that speaks of it shall become of the answer without a client."""
    policies = exchange.version.policies
    facts = _facts(exchange)
    drain: Drain | None = None
    routed: Verdict | None = None
    asking: Verdict | None = None
    for policy in policies:
        said = _ask(policy, facts, exchange, faults)
        if said is None or said.rule is None:
            continue
        if said.refusal is not None:
            exchange.rule = said.rule
            raise Refused(said.refusal, source="lectr")
        if drain is None and said.drain is not None:
            drain = said.drain
            exchange.rule = exchange.rule or said.rule
        if routed is None and said.route is not None:
            routed = said
        if asking is None and said.ask_usage:
            asking = said
    if routed is not None and routed.route is not None:
        exchange.rule = routed.rule
        fault: str | None = "a plugin failed while the route was followed"
        with faults.of(routed.route.provider or facts.provider):
            fault = _follow(exchange, routed.route)
        if fault is not None:
            exchange.policy_fault = fault
    if asking is not None:
        exchange.rule = exchange.rule or asking.rule
        if exchange.streamed and (fault := _ask_usage(exchange)) is not None:
            exchange.policy_fault = exchange.policy_fault or fault
    return drain


def _ask(policy: Policy, facts: Facts, exchange: Exchange, faults: Faults) -> Verdict | None:
    said = faults.ask(policy.id, _verdict_of, policy, facts)
    if said is None:
        exchange.policy_fault = f"policy {policy.id} failed"
    return said


def _verdict_of(policy: Policy, facts: Facts) -> Verdict:
    said = policy.decide(facts)
    if not isinstance(said, Verdict):
        raise PluginError(f"policy {policy.id} gave no verdict")
    return said


def _facts(exchange: Exchange) -> Facts:
    assert exchange.provider is not None
    holder = exchange.holder
    return Facts(
        org=holder.org if holder else "",
        key_id=holder.key_id if holder else None,
        feature=exchange.feature,
        task=exchange.task,
        provider=exchange.provider.id,
        model=exchange.model_requested,
        streamed=exchange.streamed,
        endpoint=exchange.endpoint,
        method=exchange.asked.method.decode("latin-1"),
        request_bytes=exchange.request_bytes,
        max_tokens=exchange.max_tokens,
        is_certain=not exchange.version.enforces or _is_certain(exchange),
    )


def _is_certain(exchange: Exchange) -> bool:
    """Whether model and stream can be told: from the path, from a body that says each once, or because there is no body."""
    if exchange.way is not None and exchange.way.by_path:
        return True
    if exchange.upgrade is not None and exchange.upgrade.goes_on:
        return exchange.upgrade.names_model
    return is_certain(exchange.content) if exchange.body_read else not exchange.asked.has_body


def _follow(exchange: Exchange, route: Route) -> str | None:
    """Make the route the exchange's own; says why not where it cannot be done, and then changes nothing."""
    call, target = exchange.call, exchange.provider
    assert call is not None
    assert target is not None
    if route.provider is not None and route.provider != target.id:
        other = exchange.version.providers.get(route.provider)
        fault = _cannot_serve(other, route.provider)
        if fault is not None or other is None:
            return fault
        target = other
        call = without_key(call)
    content = None
    if route.model is not None and route.model != call.model:
        in_path = target.model_in_path(call.path) is not None
        content = None if in_path and not exchange.content else replace_model(exchange.content, route.model)
        if content is None and not in_path:
            return "the body has no `model` that can be replaced"
        call = attrs.evolve(call, model=route.model)
    try:
        target.locate(call)
    except LectrError:
        return f"provider {target.id} cannot serve this path"
    exchange.target_provider, exchange.call = target, call
    exchange.model_sent = call.model
    if content is not None:
        exchange.content = content
        exchange.raw_body = b""
    return None


def _ask_usage(exchange: Exchange) -> str | None:
    """Ask for usage in a stream of completions; says why not where that cannot be done, and then changes nothing."""
    call = exchange.call
    assert call is not None
    if not call.path.endswith(ASKED_PATH):
        return None  # the other dialects report usage in every stream
    content = ask_for_usage(exchange.content)
    if content is None:
        return "usage cannot be asked for: the body has stream_options already, or does not say for certain that it streams"
    exchange.call = attrs.evolve(call)  # one of its own: what is remembered for this request's twins has another body
    exchange.content, exchange.raw_body, exchange.usage_asked = content, b"", True
    return None


def _cannot_serve(other: Provider | None, name: str) -> str | None:
    if other is None:
        return f"provider {name} is not installed"
    if other.held is None:
        return f"provider {name} has no held credential"
    return None
