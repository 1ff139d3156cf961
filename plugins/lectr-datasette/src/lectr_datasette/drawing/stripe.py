"""A stripe: the share that failed over time, one line high, the darker the more. Pure text; called by the page of errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 1000
_LEVELS: Final = ((0.5, "h4"), (0.2, "h3"), (0.05, "h2"), (0.0, "h1"))
"""From which share on which shade: few of them, so that neighbours can be told apart."""


def level(requests: float, failed: float) -> str:
    """The CSS class of one step: empty where nothing was asked, `h0` where nothing failed."""
    if not requests:
        return ""
    return next((name for least, name in _LEVELS if failed and failed / requests >= least), "h0")


def stripe(requests: Sequence[float], failed: Sequence[float], says: Callable[[int], str]) -> Markup:
    """The stripe as SVG. *says*: a step in words; only those that stand out say it."""
    wide = WIDTH / max(1, len(requests))
    shades = [level(*each) for each in zip(requests, failed, strict=True)]
    parts = []
    for (shade, own), steps in groupby(enumerate(shades), key=lambda each: (each[1], _own(each))):
        at, *rest = [step for step, _ in steps]
        if shade:
            tip = f' data-tip="{escape(says(at))}"' if own is not None else ""
            parts.append(
                f'<rect class="{shade}" x="{at * wide:.1f}" y="0" width="{(1 + len(rest)) * wide:.1f}" height="10"{tip}/>'
            )
    head = f'<svg class="stripe" viewBox="0 0 {WIDTH} 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
    return Markup(head + "".join(parts) + "</svg>")  # numbers and class names of ours, and words that are escaped


def _own(each: tuple[int, str]) -> int | None:
    """What keeps a step apart from its neighbours; None: it is drawn in one with those of its shade."""
    at, shade = each
    return at if shade in {"h2", "h3", "h4"} else None
