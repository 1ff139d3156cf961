"""Charts as SVG, from plain numbers: bars on a logarithmic scale, and small panels of curves. Nothing but text is needed.

Colours are readable on light and dark ground. Called by `benchmarks.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

OURS: Final = "#2a7de1"
OTHERS: Final = "#8a8f98"
WIDTH: Final = 760
_STYLE: Final = "font-family:system-ui,sans-serif;font-size:13px"

Spread = tuple[float, float, float]
"""Low, middle, high."""


def bars(title: str, unit: str, values: Mapping[str, Spread], ours: str) -> str:
    """One bar a name, on a logarithmic scale, with the spread as a line on it."""
    step, left, right = 30, 170, 90
    lowest = 10 ** math.floor(math.log10(min(low for low, _, _ in values.values())))
    highest = max(high for _, _, high in values.values())
    room = WIDTH - left - right
    drawn = [_text(0, 18, f"{title} ({unit}, logarithmic)", bold=True)]
    for row, (name, (low, middle, high)) in enumerate(values.items()):
        y = 34 + row * step

        def at(value: float) -> float:
            return left + room * math.log10(value / lowest) / math.log10(highest / lowest)

        colour = OURS if name == ours else OTHERS
        drawn += [
            _text(left - 8, y + 15, name, anchor="end", bold=name == ours),
            f'<rect x="{left}" y="{y}" width="{at(middle) - left:.1f}" height="20" fill="{colour}"/>',
            f'<line x1="{at(low):.1f}" x2="{at(high):.1f}" y1="{y + 10}" y2="{y + 10}" stroke="{OTHERS}" stroke-width="3"/>',
            _text(at(high) + 6, y + 15, figure(middle)),
        ]
    return _svg(drawn, 40 + step * len(values))


def panels(title: str, unit: str, curves: Mapping[str, Mapping[str, Spread]]) -> str:
    """A panel for each curve, all on one scale that begins at nought."""
    across, height = 3, 190
    width = WIDTH / across
    highest = max(high for points in curves.values() for _, _, high in points.values()) * 1.1
    drawn = [_text(0, 18, f"{title} ({unit})", bold=True)]
    for number, (name, points) in enumerate(curves.items()):
        x0, y0 = number % across * width + 34, 30 + number // across * height
        drawn += _panel(name, points, (x0, y0, width - 60, height - 66), highest)
    return _svg(drawn, 40 + height * math.ceil(len(curves) / across))


def _panel(name: str, points: Mapping[str, Spread], box: tuple[float, float, float, float], highest: float) -> list[str]:
    x0, y0, width, height = box
    drawn = [_text(x0, y0 + 12, name)]
    top = y0 + 20
    for share in (0.0, 0.5, 1.0):
        y = top + height * (1 - share)
        drawn.append(
            f'<line x1="{x0}" x2="{x0 + width:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{OTHERS}" stroke-width="0.5"/>'
        )
        drawn.append(_text(x0 - 4, y + 4, figure(highest * share), anchor="end", size=10))
    places: list[tuple[float, float]] = []
    for number, (x, (low, middle, high)) in enumerate(points.items()):
        at = x0 + width * (number + 0.5) / len(points)
        y_low, y_middle, y_high = (top + height * (1 - value / highest) for value in (low, middle, high))
        drawn += [
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y_low:.1f}" y2="{y_high:.1f}" stroke="{OTHERS}" stroke-width="2"/>',
            f'<circle cx="{at:.1f}" cy="{y_middle:.1f}" r="3.5" fill="{OURS}"/>',
            _text(at, top + height + 16, x, anchor="middle", size=11),
        ]
        places.append((at, y_middle))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return [*drawn, f'<polyline points="{line}" fill="none" stroke="{OURS}" stroke-width="1.5"/>']


def figure(value: float) -> str:
    """A number with as many digits as say something."""
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False, size: int = 13) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    weight = ' font-weight="600"' if bold else ""
    return f'<text {place}{weight} fill="#6b7078">{escape(text)}</text>'


def _svg(drawn: Sequence[str], height: float) -> str:
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" style="{_STYLE}">'
    return "\n".join([opening, *drawn, "</svg>"]) + "\n"
