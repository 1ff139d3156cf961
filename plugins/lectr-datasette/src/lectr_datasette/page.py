"""The page as a value and as HTML: asks the questions, puts the figures together, fills the template.

Knows nothing of Datasette: *ask* runs SQL, *link* makes addresses. Called by `pages.py` and by tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from urllib.parse import quote, urlencode

import attrs
import jinja2
from markupsafe import Markup

from lectr_datasette import charts, questions, words
from lectr_datasette.canned import CANNED
from lectr_datasette.figures import Group, Layer, Row, Speed, Sums, groups, layers, total
from lectr_datasette.period import DEFAULT, Period, periods
from lectr_datasette.questions import Ask

_BREAKDOWNS = {"feature": ("feature",), "model": ("provider", "model"), "provider": ("provider",)}
_MOST_LINES = 12
_SHOWN = (
    *("started_at", "feature", "provider", "model_actual", "outcome", "status", "error_category", "duration_ms"),
    *("input_tokens", "output_tokens", "cost_usd", "task", "rule"),
)
"""Columns of the table when one comes from here; all are a click away."""


@attrs.frozen
class Chart:
    """One chart in both sizes, and the same as a table."""

    title: str
    wide: Markup
    narrow: Markup
    layers: Sequence[Layer]
    labels: Sequence[str]
    words: Callable[[float], str]


@attrs.frozen(kw_only=True)
class Page:
    """All that the template shows."""

    period: Period
    periods: Sequence[tuple[Period, Sums]]
    """Every period with its sums: the cards at the top."""
    sums: Sums
    before: Sums
    speed: Speed
    timed: int
    """From how many answered requests speeds are taken."""
    answered: int
    cost: Chart
    failures: Chart
    breakdowns: Mapping[str, Sequence[Group]]
    newest: Sequence[Row]
    as_of: str


async def compose(ask: Ask, key: str, now: datetime) -> Page:
    """Ask everything for the period *key* (an unknown one: the usual). Waits: on the database, a few queries."""
    found = periods(now)
    period = found.get(key, found[DEFAULT])
    has_rollups = "usage_hourly" in await questions.tables(ask)
    by_period = {name: await questions.sums(ask, each, has_rollups) for name, each in found.items()}
    rows = by_period[period.key]
    speeds = {name: await questions.speeds(ask, period, by) for name, by in _BREAKDOWNS.items()}
    breakdowns = {name: groups(rows, by, speeds[name]) for name, by in _BREAKDOWNS.items()}
    bars = await questions.bars(ask, period, has_rollups)
    order = [group.name for group in breakdowns["feature"]]
    answered = await questions.answered(ask, period, has_rollups)
    return Page(
        period=period,
        periods=[(each, total(by_period[name])) for name, each in found.items()],
        sums=total(rows),
        before=total(await questions.before(ask, period, has_rollups)),
        speed=(await questions.speeds(ask, period, ())).get((), Speed()),
        timed=min(answered, questions.MOST_TIMED),
        answered=answered,
        cost=_chart(f"Cost by {period.bar}", layers(bars, period.bars, order, "cost_nanousd"), period, words.axis_usd),
        failures=_chart(f"Requests by {period.bar}", _outcomes(bars, period), period, words.count),
        breakdowns=breakdowns,
        newest=await questions.newest(ask),
        as_of=now.astimezone(UTC).strftime("%H:%M:%S UTC"),
    )


def _outcomes(bars: Sequence[Row], period: Period) -> list[Layer]:
    """Answered requests below, failed ones on top."""
    rows = [{"bar": row["bar"], "name": "answered", "n": row["requests"] - row["failed"]} for row in bars]
    rows += [{"bar": row["bar"], "name": "failed", "n": row["failed"]} for row in bars]
    return layers(rows, period.bars, ["answered", "failed"], "n")


def _chart(title: str, stack: Sequence[Layer], period: Period, in_words: Callable[[float], str]) -> Chart:
    wide, narrow = (charts.stacked(stack, period.labels, size, title, in_words) for size in (charts.WIDE, charts.NARROW))
    return Chart(title, wide, narrow, stack, period.labels, in_words)


Link = Callable[[str], str]
"""An address within Datasette, from a path: adds its base."""


def render(page: Page, *, database: str, link: Link, live: bool) -> str:
    """The page as HTML. *database*: its name in Datasette."""
    return _template("home.html").render(
        page=page,
        live=live,
        canned=CANNED,
        home=link("/"),
        requests=lambda filters=None: _requests(link, database, filters),
        row_link=lambda id: link(f"/{quote(database)}/requests/{quote(id, safe='')}"),
        query=lambda name: link(f"/{quote(database)}/{name}"),
        database=link(f"/{quote(database)}"),
        filters=lambda group: _filters(group, page.period),
        most=_MOST_LINES,
    )


def render_waiting(*, live: bool = True) -> str:
    """The page while there is nothing to show yet: what to do."""
    return _template("waiting.html").render(live=live)


def _filters(group: Group, period: Period) -> dict[str, str]:
    """What shows the group's requests in the table. A model stands in one of three columns; the actual one is the usual."""
    named = {("model_actual" if name == "model" else name): value for name, value in group.link.items()}
    return {**named, "started_at__gte": period.since, "_sort_desc": "started_at"}


def _requests(link: Link, database: str, filters: Mapping[str, str] | None) -> str:
    chosen = [*(("_col", name) for name in _SHOWN), *(filters or {}).items()]
    return f"{link(f'/{quote(database)}/requests')}?{urlencode(chosen)}"


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lectr_datasette"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    for function in (words.usd, words.span, words.count, words.percent):
        environment.filters[function.__name__] = function
    environment.globals["change"] = words.change
    return environment.get_template(name)
