"""One `[[rule]]` table as a value, and what makes it valid.

Checked here is what one rule alone can tell; faults are ValueErrors, which the settings loader collects and shows with
their path. Nothing here looks at a request. Called by the settings loader and by `policy.py`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from lectr_core import DrainSettings

Patterns: TypeAlias = str | tuple[str, ...] | None
"""A text, a glob (`*`, `?`, `[…]`), or several of them of which one must fit; None: no condition."""


def _patterns(_owner: object, field: attrs.Attribute[Any], value: Any) -> None:  # Any: whatever the file held
    """Refuse a condition that could never hold, or that is no text."""
    if value is None:
        return
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, tuple | list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{field.name}: expected text or a list of texts, got {value!r}")
    if not texts:
        raise ValueError(f"{field.name}: an empty list fits no request; leave {field.name} out to ask nothing of it")
    if "" in texts:
        raise ValueError(f"{field.name}: expected text, got ''; leave {field.name} out to ask nothing of it")


def _switch(_owner: object, field: attrs.Attribute[Any], value: Any) -> None:  # Any: whatever the file held
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{field.name}: expected true or false, got {value!r}")


def _name(_owner: object, field: attrs.Attribute[Any], value: Any) -> None:  # Any: whatever the file held
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"{field.name}: expected one line of text, got {value!r}")


def _name_or_none(owner: object, field: attrs.Attribute[Any], value: Any) -> None:  # Any: whatever the file held
    if value is not None:
        _name(owner, field, value)


@attrs.frozen(kw_only=True)
class When:
    """`when`: what a request must be. Every condition given must hold; without any, every request fits."""

    feature: Patterns = attrs.field(default=None, validator=_patterns)
    """`X-Lectr-Feature`; `untagged` where the client named none."""
    task: Patterns = attrs.field(default=None, validator=_patterns)
    """`X-Lectr-Task`; a request without one fits no pattern."""
    provider: Patterns = attrs.field(default=None, validator=_patterns)
    """Id of the provider detected, before any route."""
    model: Patterns = attrs.field(default=None, validator=_patterns)
    """The model asked for; a request that names none fits no pattern."""
    org: Patterns = attrs.field(default=None, validator=_patterns)
    """Whose Lectr key it is."""
    streamed: bool | None = attrs.field(default=None, validator=_switch)
    """Whether the client asked for a stream."""


@attrs.frozen(kw_only=True)
class Target:
    """`route`: where to send the request instead. What is left out stays as the client asked."""

    provider: str | None = attrs.field(default=None, validator=_name_or_none)
    """Id of an installed provider for which the operator holds a credential."""
    model: str | None = attrs.field(default=None, validator=_name_or_none)
    """Replaces the model's name in the request."""

    def __attrs_post_init__(self) -> None:
        if self.provider is None and self.model is None:
            raise ValueError("a route names a provider, a model or both; this one names neither")


@attrs.frozen(kw_only=True)
class Rule:
    """`[[rule]]`: conditions, and the one thing to do when they all hold."""

    name: str = attrs.field(validator=_name)
    """Unique; stands on the record of each request the rule acted on."""
    when: When = When()
    """The conditions."""
    route: Target | None = None
    """Send the request elsewhere."""
    deny: bool | str = attrs.field(default=False)
    """Refuse the request: `true`, or a message for the client."""
    drain: Literal["cancel"] | DrainSettings | None = None
    """What becomes of the answer when the client leaves; absent: as its provider's settings say."""
    ask_usage: bool = attrs.field(default=False, validator=_switch)
    """Ask the provider to report usage in streams of completions that do not ask for it themselves."""
    enabled: bool = True
    """`false`: as if the rule were not there."""

    @deny.validator
    def _deny_is_a_switch_or_a_message(self, _field: object, value: Any) -> None:  # Any: whatever the file held
        if isinstance(value, bool):
            return
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise ValueError(f"deny: expected true or one line of text for the client, got {value!r}")

    def __attrs_post_init__(self) -> None:
        denies = self.deny is not False
        if denies and self.route is not None:
            raise ValueError(f"rule {self.name!r} has both route and deny; it needs exactly one of them")
        if denies and self.drain is not None:
            raise ValueError(f"rule {self.name!r} has both drain and deny; a request that is denied has no answer")
        if denies and self.ask_usage:
            raise ValueError(f"rule {self.name!r} has both ask_usage and deny; a request that is denied uses nothing")
        if not (denies or self.route is not None or self.drain is not None or self.ask_usage):
            raise ValueError(f"rule {self.name!r} has neither route nor deny nor drain nor ask_usage; it needs one")
