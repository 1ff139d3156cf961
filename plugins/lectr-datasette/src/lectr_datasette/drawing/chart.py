"""Charts as inline SVG that stretches with the page, with letters in HTML over it, so that they never shrink. Pure text.

Colours are CSS classes, so that they follow light and dark. Every chart says what it is in words and comes with
its numbers as a table, and each of its steps is a link to a closer look.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs
from markupsafe import Markup

from lectr_datasette.drawing.scale import Axis, Scale, by_powers, linear
from lectr_datasette.reckoning.sums import OTHERS, Layer

WIDTH, HEIGHT = 1000, 200
_OPEN_END = 0.08
"""How far a line without an end in sight goes on over what is known."""
_HAIR = 0.004
_BOUNDS_REACH = 1.25
"""How far over what is known bounds may stretch a chart. What is higher is cut off there, and said in words."""
_MOST_LABELS, _FEW_LABELS = 9, 4
_TEN = 10
_CLOCKS = (1, 2, 3, 4, 6, _TEN, 12, 24, 48)
COLOURS = 7


@attrs.frozen(kw_only=True)
class Band:
    """Between which bounds the whole lies."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    open: tuple[bool, ...]
    """Steps without an upper bound."""


@attrs.frozen(kw_only=True)
class Chart:
    """What a template needs."""

    title: str
    unit: str
    says: str
    """The chart in a sentence, for those who do not see it."""
    layers: Sequence[Layer]
    labels: Sequence[str]
    links: Sequence[str]
    """Where a closer look at each step is; empty where there is none."""
    svg: Markup
    axis: Sequence[tuple[float, str]]
    """Height from the bottom in percent, and what stands there."""
    under: Sequence[tuple[float, str, str]]
    """Place from the left in percent, label, CSS class."""
    words: Callable[[float], str]
    hints: Sequence[str]
    """What each step comes to, in words."""
    stacked: bool = True
    unfinished: int | None = None
    """Which step is not over yet; None: all are."""
    band: Band | None = None
    """Between which bounds the whole lies."""

    def whole(self, at: int) -> float:
        """All layers of one step."""
        return sum(layer.values[at] for layer in self.layers)

    def colour(self, at: int) -> str:
        """The CSS class of one layer."""
        return "s0" if self.layers[at].name == OTHERS else f"s{at % COLOURS + 1}"


def areas(
    layers: Sequence[Layer],
    labels: Sequence[str],
    *,
    title: str,
    unit: str,
    words: Callable[[float], str],
    axis: Axis | None = None,
    links: Sequence[str] = (),
    band: Band | None = None,
    unfinished: int | None = None,
    of_counts: bool = False,
) -> Chart:
    """Layers on top of one another over time, in steps as wide as the time they add up; with the bounds of the whole."""
    count = len(labels)
    whole = [sum(layer.values[at] for layer in layers) for at in range(count)]
    top = max(whole, default=0.0)
    # An upper bound may be far away: an answer of unknown length can cost as much as a day. The picture is of what is known.
    scale = linear(max(top, min(max(band.high, default=0.0) if band else 0.0, _BOUNDS_REACH * top)), of_counts=of_counts)
    ceiling = scale.top
    parts: list[str] = []
    feet = [0.0] * count
    for number, layer in enumerate(layers):
        heads = [foot + value for foot, value in zip(feet, layer.values, strict=True)]
        shape = _steps(feet, heads, ceiling)
        if shape:
            colour = "s0" if layer.name == OTHERS else f"s{number % COLOURS + 1}"
            parts.append(f'<path class="layer {colour}" d="{shape}"/>')
        feet = heads
    if band and ceiling:
        parts += [_whisker(at, band, whole[at], ceiling) for at in range(count)]
    if unfinished is not None and whole[unfinished] and ceiling:
        wide, tall = WIDTH / count, HEIGHT * whole[unfinished] / ceiling
        place = f'x="{unfinished * wide:.1f}" y="{HEIGHT - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
        parts.append(f'<rect class="veil" {place}/>')
    hints = [_hint(labels[at], layers, at, words, band) for at in range(count)]
    chart = _chart(
        layers,
        labels,
        scale,
        parts,
        title=title,
        unit=unit,
        words=words,
        axis=axis,
        links=links,
        hints=hints,
        unfinished=unfinished,
    )
    return attrs.evolve(chart, band=band)


def lines(
    layers: Sequence[Layer],
    labels: Sequence[str],
    *,
    title: str,
    unit: str,
    words: Callable[[float], str],
    axis: Axis | None = None,
    links: Sequence[str] = (),
    unfinished: int | None = None,
    ceiling: float | None = None,
    powers: bool = False,
) -> Chart:
    """Lines over time. A value that is not there (NaN) leaves a gap.

    *ceiling*: how high it is drawn; None: as needed. *powers*: by powers of ten, so that what is far apart can be read.
    """
    values = [value for layer in layers for value in layer.values if value == value]
    if powers:
        scale = by_powers(min(values, default=0.0), max(values, default=0.0))
    else:
        scale = linear(max(values, default=0.0)) if ceiling is None else Scale(ceiling)
    parts = [
        f'<path class="line l{number % COLOURS + 1}" d="{_line(layer.values, scale)}"/>'
        for number, layer in enumerate(layers)
        if scale.top
    ]
    hints = [_hint(labels[at], layers, at, words, None) for at in range(len(labels))]
    chart = _chart(
        layers,
        labels,
        scale,
        parts,
        title=title,
        unit=unit,
        words=words,
        axis=axis,
        links=links,
        hints=hints,
        unfinished=unfinished,
    )
    return attrs.evolve(chart, stacked=False)


def _chart(
    layers: Sequence[Layer],
    labels: Sequence[str],
    scale: Scale,
    parts: Sequence[str],
    *,
    title: str,
    unit: str,
    words: Callable[[float], str],
    axis: Axis | None,
    links: Sequence[str],
    hints: Sequence[str],
    unfinished: int | None,
) -> Chart:
    marks = scale.marks()
    lines_at = [HEIGHT * (1 - scale.share(value)) for value, _ in marks] or [HEIGHT]
    grid = [f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y:.4g}" y2="{y:.4g}"/>' for y in lines_at]
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
    if unfinished is not None:
        label = labels[unfinished]
        named = hints[unfinished].replace(label, f"{label}, so far", 1)
        hints = [*hints[:unfinished], named, *hints[unfinished + 1 :]]
    return Chart(
        title=title,
        unit=unit,
        says=_says(title, layers, labels, words),
        layers=layers,
        labels=labels,
        links=links,
        svg=Markup(head + "".join([*grid, *parts]) + "</svg>"),  # only numbers and class names of ours
        axis=[(100 * scale.share(value), axis(value, step) if axis else words(value)) for value, step in marks],
        under=_under(labels),
        words=words,
        hints=hints,
        unfinished=unfinished,
    )


def _steps(feet: Sequence[float], heads: Sequence[float], ceiling: float) -> str:
    """The outline of one layer: flat over each step, so that an hour's sum is not drawn into the next."""
    if not ceiling or not any(head > foot for foot, head in zip(feet, heads, strict=True)):
        return ""
    wide = WIDTH / len(heads)
    there = [f"{at * wide:.1f},{_y(head, ceiling)}H{(at + 1) * wide:.1f}" for at, head in enumerate(heads)]
    back = [f"{(at + 1) * wide:.1f},{_y(foot, ceiling)}H{at * wide:.1f}" for at, foot in reversed(list(enumerate(feet)))]
    return "M" + "L".join([*there, *back]) + "Z"


def _line(values: Sequence[float], scale: Scale) -> str:
    wide = WIDTH / len(values)
    parts, joined = [], False
    for at, value in enumerate(values):
        if value != value:
            joined = False
            continue
        x = (at + 0.5) * wide
        last = at + 1 == len(values) or values[at + 1] != values[at + 1]
        # A value alone would be a line without length.
        parts.append(
            f"{'L' if joined else 'M'}{x:.1f},{HEIGHT * (1 - scale.share(value)):.1f}" + ("" if joined or not last else "h2")
        )
        joined = True
    return "".join(parts)


def _whisker(at: int, band: Band, value: float, ceiling: float) -> str:
    """From the lower to the upper bound of one step; dashed and without an end where there is none in sight."""
    count = len(band.low)
    low, high = band.low[at] / ceiling, max(band.high[at], value) / ceiling
    # What is thinner than a hair is no news.
    if high - low < _HAIR and not (band.open[at] and value):
        return ""
    is_open = band.open[at] or high > 1
    if is_open:
        # A line to the edge of the picture would say no more, and thirty of them hide what is known.
        high = min(1.0, max(low, value / ceiling) + _OPEN_END)
    middle, arm = (at + 0.5) * WIDTH / count, WIDTH / count * 0.16
    foot, head = HEIGHT * (1 - low), HEIGHT * (1 - high)
    path = f"M{middle:.1f},{foot:.1f}V{head:.1f}M{middle - arm:.1f},{foot:.1f}h{2 * arm:.1f}"
    if is_open:
        return f'<path class="whisker open" d="{path}"/>'
    return f'<path class="whisker" d="{path}M{middle - arm:.1f},{head:.1f}h{2 * arm:.1f}"/>'


def _y(value: float, ceiling: float) -> str:
    return f"{HEIGHT * (1 - value / ceiling):.1f}"


def _under(labels: Sequence[str]) -> list[tuple[float, str, str]]:
    """Labels at round distances, fewer on narrow screens (CSS hides the class `more`)."""
    count = len(labels)
    every, first = max(1, math.ceil(count / _MOST_LABELS)), 0
    if count and ":" in labels[0]:
        # Of minutes and hours: at distances that clocks have, of minutes at full tens.
        every = next((some for some in _CLOCKS if some >= every), every)
        first = next((at for at in range(min(every, count)) if labels[at].endswith("0")), 0) if every == _TEN else 0
    fewer = every * max(1, math.ceil(count / every / _FEW_LABELS))
    places = range(first, count, every)
    return [((at + 0.5) / count * 100, labels[at], "" if (at - first) % fewer == 0 else "more") for at in places]


def _hint(label: str, layers: Sequence[Layer], at: int, words: Callable[[float], str], band: Band | None) -> str:
    said = [(layer.name, layer.values[at]) for layer in layers if layer.values[at] == layer.values[at] and layer.values[at]]
    whole = sum(value for _, value in said)
    if not said:
        return f"{label}: nothing"
    lines_of = [f"{name}: {words(value)}" for name, value in sorted(said, key=lambda each: -each[1])]
    if band is not None:
        bounds = f"{words(band.low[at])} to {'?' if band.open[at] else words(band.high[at])}"
        sure = "" if not band.open[at] and band.low[at] == band.high[at] else f" ({bounds})"
        return "\n".join([f"{label}: {words(whole)}{sure}", *lines_of])
    return "\n".join([label, *lines_of])


def _says(title: str, layers: Sequence[Layer], labels: Sequence[str], words: Callable[[float], str]) -> str:
    """The chart in a sentence."""
    whole = [sum(layer.values[at] for layer in layers if layer.values[at] == layer.values[at]) for at in range(len(labels))]
    if not layers or not any(whole):
        return f"{title}: nothing in this time."
    top = max(range(len(whole)), key=whole.__getitem__)
    names = ", ".join(layer.name for layer in layers)
    stretch = f"{len(labels)} steps from {labels[0]} to {labels[-1]}"
    return f"{title}, {stretch}; most at {labels[top]}: {words(whole[top])}. {names}."
