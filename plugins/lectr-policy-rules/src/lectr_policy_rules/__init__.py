"""Routing rules: the `[[rule]]` tables of `lectr.toml`. Only hooks live here; Lectr calls each once at start."""

from __future__ import annotations

from collections.abc import Iterable

from lectr_core import Policy, Section, Settings, hookimpl


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[[rule]]`, an array of tables: order in the file is priority."""
    from lectr_policy_rules.rule import Rule

    return [Section("rule", Rule, many=True, help="A routing rule: the first one whose conditions all hold decides.")]


@hookimpl
def lectr_policies(settings: Settings) -> Iterable[Policy]:
    """All rules as one policy; none where the file has no rule that is enabled."""
    from lectr_policy_rules.policy import policies_of

    return policies_of(settings)
