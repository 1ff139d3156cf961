"""What is stored, as a table: by feature and model, requests, errors, tokens, cost, speed. Reads the database, read-only.

Figures come from the rows alone, not from what the clients believe. Called by the acts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import attrs
from rich import box
from rich.table import Table

from lectr_core import NANO

_ROWS: Final = """
select feature, coalesce(model_sent, model_requested, model_actual, '–'), outcome, input_tokens, output_tokens,
       cost_nanousd, duration_ms, cost_low_nanousd, cost_high_nanousd, tokens_source
  from requests
 order by started_at desc
 limit ?
"""

_HEADS: Final = (
    *(("requests", 0), ("failed", 60), ("tokens in", 76), ("out", 84), ("cost in USD", 0), ("p50 s", 92), ("p95 s", 60)),
)
"""What stands beside a name, and how wide a screen must be for it."""


@attrs.define
class Line:
    """One group of requests."""

    requests: int = 0
    errors: int = 0
    """Everything whose outcome is neither `ok` nor a client that left."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nanousd: int = 0
    cost_low_nanousd: int = 0
    cost_high_nanousd: int = 0
    unbounded: int = 0
    """Requests whose cost has no upper bound."""
    unpriced: int = 0
    """Requests whose cost is not known."""
    sources: dict[str, int] = attrs.field(factory=dict)
    """Requests by where their counts come from."""
    durations_ms: list[float] = attrs.field(factory=list)

    def add(
        self,
        outcome: str,
        given: int | None,
        made: int | None,
        cost: int | None,
        duration_ms: float | None,
        low: int | None,
        high: int | None,
        source: str,
    ) -> None:
        """Count one row."""
        self.requests += 1
        self.errors += outcome not in ("ok", "client_disconnected")
        self.input_tokens += given or 0
        self.output_tokens += made or 0
        self.cost_nanousd += cost or 0
        self.cost_low_nanousd += low or 0
        self.cost_high_nanousd += high or 0
        self.unbounded += high is None
        self.unpriced += cost is None
        self.sources[source] = self.sources.get(source, 0) + 1
        if duration_ms is not None:
            self.durations_ms.append(duration_ms)


@attrs.define
class Summary:
    """All that is stored."""

    total: Line = attrs.field(factory=Line)
    by_feature: dict[str, Line] = attrs.field(factory=dict)
    by_model: dict[str, Line] = attrs.field(factory=dict)


def read(database: Path, most: int = 50_000) -> Summary:
    """Sum up the newest *most* rows. A database that is not there (yet) is an empty summary.

    Errors: sqlite3.Error where the file is no database.
    """
    summary = Summary()
    for feature, model, *figures in _ask(database, _ROWS, most):
        for line in (
            summary.total,
            summary.by_feature.setdefault(feature, Line()),
            summary.by_model.setdefault(model, Line()),
        ):
            line.add(*figures)
    return summary


def count(database: Path) -> int:
    """How many rows there are; 0 of a database that is not there (yet). Errors: as `read`."""
    return sum(row[0] for row in _ask(database, "select count(*) from requests"))


def _ask(database: Path, sql: str, *values: int) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    if not database.is_file():
        return []
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as store:
        try:
            return store.execute(sql, values).fetchall()
        except sqlite3.OperationalError as exc:
            if "no such table" in str(exc) or "locked" in str(exc):
                return []
            raise


def percentile_ms(durations_ms: list[float], share: float) -> float | None:
    """The smallest duration that at least *share* of all reach or stay under (nearest rank); None of none."""
    if not durations_ms:
        return None
    ordered = sorted(durations_ms)
    rank = -(-len(ordered) * share // 1)
    return ordered[max(0, int(rank) - 1)]


def table(summary: Summary, title: str, width: int = 100, most: int | None = None) -> Table:
    """The summary for people. A cost with `+ 2 ?` is a lower bound: two requests more have a cost that is not known.

    *width*: columns of the screen; where there are few, the less telling numbers go. *most*: lines of features, and of
    models; the costliest stay.
    """
    drawn = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    drawn.add_column("feature / model", min_width=16, overflow="fold")
    shown = [place for place, (_, least) in enumerate(_HEADS) if width >= least]
    for place in shown:
        drawn.add_column(_HEADS[place][0], justify="right", no_wrap=True)

    def add(name: str, line: Line, style: str = "") -> None:
        cells = list(_cells(line))
        drawn.add_row(name, *(cells[place] for place in shown), style=style)

    for groups in (summary.by_feature, summary.by_model):
        found = sorted(groups.items(), key=lambda item: (-item[1].cost_nanousd, item[0]))
        for name, line in found[:most]:
            add(name, line)
        if more := found[len(found[:most]) :]:
            drawn.add_row(f"… {len(more)} more")
        drawn.add_section()
    add("all", summary.total, "bold")
    drawn.caption, drawn.caption_justify = certainty(summary.total), "left"
    return drawn


def certainty(line: Line) -> str:
    """How sure the sum is: between what it lies, and where the counts come from. Nothing of nothing."""
    if not line.requests:
        return ""
    top = f"{line.cost_high_nanousd / NANO:.5f}" if not line.unbounded else f"? ({line.unbounded} without an upper bound)"
    words = {"reported": ["reported"], "measured": ["measured", "estimated"], "unknown": ["unknown"]}
    counts = {word: sum(line.sources.get(source, 0) for source in sources) for word, sources in words.items()}
    shares = ", ".join(f"{100 * number / line.requests:.3g} % {word}" for word, number in counts.items())
    return f"cost between {line.cost_low_nanousd / NANO:.5f} and {top} USD; counts: {shares}"


def shown_cost(line: Line) -> str:
    """What is known of the cost; where nothing is, there is no amount to show, not even 0."""
    if line.unpriced and not line.cost_nanousd:
        return f"{line.unpriced} ?"
    return f"{line.cost_nanousd / NANO:.5f}" + (f" + {line.unpriced} ?" if line.unpriced else "")


def _cells(line: Line) -> Iterable[str]:
    yield f"{line.requests:,}"
    yield f"{line.errors:,}"
    yield f"{line.input_tokens:,}"
    yield f"{line.output_tokens:,}"
    yield shown_cost(line)
    for share in (0.5, 0.95):
        found = percentile_ms(line.durations_ms, share)
        yield "–" if found is None else f"{found / 1000:.2f}"
