"""Fills the templates. The words that every page needs stand here once. Called by the views."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2

from lectr_datasette.drawing import words

_FILTERS = (
    *(words.usd, words.signed_usd, words.span, words.count, words.exact, words.percent, words.clock, words.time_of_day),
    *(words.plural, words.stretch, words.cents, words.usd_as, words.signed_as),
)


def render(name: str, said: Mapping[str, Any]) -> str:  # Any: whatever a template shows
    """The template *name*, filled."""
    return _environment().get_template(name).render(**said)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lectr_datasette"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for function in _FILTERS:
        environment.filters[function.__name__] = function
    environment.globals["change"] = words.change
    environment.globals["trend"] = words.trend
    return environment
