"""How long every page takes over a database: `python bench/pages.py DATABASE`. Make one with `lectr demo --history`.

Each page is made twice, the second one counts: CPU time, which other work on the machine does not change, and wall time.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from lectr_datasette.asking import histograms
from lectr_datasette.asking.query import Query, Row
from lectr_datasette.drawing.links import Links
from lectr_datasette.views.change import change
from lectr_datasette.views.errors import errors
from lectr_datasette.views.explore import explore, one_of
from lectr_datasette.views.leaks import leaking
from lectr_datasette.views.overview import overview
from lectr_datasette.views.statement import statement_of
from lectr_datasette.views.sure import sure
from lectr_datasette.views.visit import Visit

PAGES: dict[str, tuple[Callable[[Visit], Coroutine[None, None, str]], dict[str, str]]] = {
    "overview": (overview, {}),
    "explore": (explore, {"by": "model"}),
    "errors": (errors, {}),
    "leaks": (leaking, {}),
    "change": (change, {}),
    "statement": (statement_of, {}),
    "sure": (sure, {}),
    "feature": (partial(one_of, dimension="feature"), {"feature": "chat-assistant"}),
    "model": (partial(one_of, dimension="model"), {"model": "gpt-4.1-2025-04-14", "provider": "openai"}),
    "provider": (partial(one_of, dimension="provider"), {"provider": "anthropic"}),
}
HEAD = f"{'page':10}{'period':8}{'CPU ms':>8}{'wall ms':>9}{'slowest question, CPU ms':>26}{'questions':>11}"


def main(path: Path) -> None:
    """Print a line a page and period."""
    store = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    store.row_factory = sqlite3.Row
    histograms.register(store)
    (newest,) = store.execute("select max(started_at) from requests").fetchone()
    now = datetime.fromisoformat(newest)
    took: list[float] = []

    async def ask(query: Query) -> Sequence[Row]:
        began = time.process_time()
        rows = store.execute(query.sql, dict(query.parameters)).fetchall()
        took.append((time.process_time() - began) * 1e3)
        return rows

    print(HEAD)
    for period in ("hour", "today", "7d", "30d", "90d"):
        for name, (view, words) in PAGES.items():
            visit = Visit(
                ask=ask,
                links=Links(lambda path: path, "lectr"),
                words={"period": period, **words},
                zone=UTC,
                zone_name="UTC",
                now=now,
            )
            asyncio.run(view(visit))
            took.clear()
            cpu, wall = time.process_time(), time.perf_counter()
            asyncio.run(view(visit))
            cpu, wall = (time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3
            print(f"{name:10}{period:8}{cpu:8.0f}{wall:9.0f}{max(took):26.1f}{len(took):11}")
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
