"""Charts as inline SVG: stacked bars over time. Pure text; colours are CSS variables, so that they follow light and dark.

A chart is drawn once wide and once narrow, since letters must not shrink with the picture; the page shows the one that fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs
from markupsafe import Markup, escape

from lectr_datasette.figures import Layer


@attrs.frozen
class Size:
    """Of the picture, in CSS pixels; and how wide a label under a bar may be."""

    name: str
    """CSS class: `wide`."""
    width: int
    height: int
    label: int


WIDE = Size("wide", 1080, 220, 58)
NARROW = Size("narrow", 350, 190, 52)
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 8, 10, 24
_STEPS = 4


def stacked(layers: Sequence[Layer], labels: Sequence[str], size: Size, title: str, words: Callable[[float], str]) -> Markup:
    """Bars side by side, the layers of each on top of one another.

    Shapes: every layer has a value for every label. *words* puts a value into words, for the axis and the hint of a bar.
    """
    tops = [sum(layer.values[at] for layer in layers) for at in range(len(labels))]
    ceiling = nice_ceiling(max(tops, default=0.0))
    inner_width, inner_height = size.width - _LEFT - _RIGHT, size.height - _TOP - _BOTTOM
    slot = inner_width / len(labels)
    bar = max(2.0, min(slot * 0.72, 46.0))
    parts = [_axis(ceiling, size, inner_height, words)]
    for at, label in enumerate(labels):
        x = _LEFT + slot * (at + 0.5)
        foot = float(_TOP + inner_height)
        pieces = []
        for number, layer in enumerate(layers):
            value = layer.values[at]
            if value > 0 and ceiling:
                height = value / ceiling * inner_height
                foot -= height
                hint = escape(f"{label} · {layer.name}: {words(value)}")
                pieces.append(
                    f'<rect class="s{number + 1}" x="{x - bar / 2:.1f}" y="{foot:.1f}" width="{bar:.1f}" '
                    f'height="{max(height, 0.8):.1f}"><title>{hint}</title></rect>'
                )
        parts += pieces
    every = max(1, math.ceil(size.label / slot))
    for at in range(len(labels) - 1, -1, -every):
        x = min(max(_LEFT + slot * (at + 0.5), _LEFT + 16), size.width - 20)
        parts.append(
            f'<text class="axis" x="{x:.1f}" y="{size.height - 6}" text-anchor="middle">{escape(labels[at])}</text>'
        )
    head = f'<svg class="{size.name}" viewBox="0 0 {size.width} {size.height}" role="img" aria-label="{escape(title)}">'
    return Markup(head + "".join(parts) + "</svg>")  # every text above is escaped


def _axis(ceiling: float, size: Size, inner_height: int, words: Callable[[float], str]) -> str:
    lines = []
    for step in range(_STEPS + 1):
        y = _TOP + inner_height * (1 - step / _STEPS)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{size.width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        if ceiling or step == 0:
            label = escape(words(ceiling * step / _STEPS))
            lines.append(f'<text class="axis" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    return "".join(lines)


def nice_ceiling(value: float) -> float:
    """The next round number from *value* on that four steps divide well; 0 of 0."""
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        (step * power for step in (1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0) if step * power >= value), 10.0 * power
    )
