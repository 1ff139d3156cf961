"""News by server-sent events: the newest requests, whenever there are new ones. Called by `pages.py`.

Three small questions a second and viewer; the rows only when there is something new or in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from lectr_datasette.asking import rows
from lectr_datasette.asking.query import Row
from lectr_datasette.drawing import template
from lectr_datasette.views.overview import NEWEST
from lectr_datasette.views.visit import Visit

EVERY_S: Final = 0.9
"""How often it looks: what is stored is on the page within a second."""
BREATH_S: Final = 15.0
"""After so long without news a comment is sent, so that nothing on the way takes the line for dead."""


async def news(visit: Callable[[], Visit], *, until: Callable[[], bool]) -> AsyncIterator[str]:
    """Events as text, until it is time to end. *visit* makes a new one, because the time goes on.

    Waits: between looks, and on the database. Cancel: nothing is left behind.
    """
    known: int | None = None
    flew = False
    quiet_s = 0.0
    yield "retry: 3000\n\n"
    while not until():
        here = visit()
        (row,) = await here.ask(rows.newest_mark())
        flying = await here.in_flight()
        # What is in flight grows older at every look.
        if row["mark"] != known or flying or flew:
            if known is not None:
                yield event("newest", newest(here, await here.ask(rows.newest(None, NEWEST)), flying))
                quiet_s = 0.0
            known, flew = row["mark"], bool(flying)
        elif quiet_s >= BREATH_S:
            yield ": still here\n\n"
            quiet_s = 0.0
        await asyncio.sleep(EVERY_S)
        quiet_s += EVERY_S


def newest(visit: Visit, found: Sequence[Row], flying: Sequence[Row]) -> str:
    """The rows of the table of newest requests, as HTML: always as many, so that nothing below them moves."""
    said = {"links": visit.links, "zone": visit.zone, "rows": found[: NEWEST - len(flying)], "flying": flying, "current": ""}
    return template.render("newest.html", said)


def event(name: str, text: str) -> str:
    """One event. WHATWG HTML 9.2.6: a line of data each, an empty line at the end."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip())
    return f"event: {name}\n{lines}\n"
