"""Which columns of a table a screen has room for. A number is shown whole or not at all: half a number is a wrong one. Pure.

Called by `shown`, for `lectr report`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

_GAP: Final = 2
"""Columns of the screen between two columns of the table."""
_EDGES: Final = 2
LEAST_NAME: Final = 16
"""As many columns of the screen a name gets at least, before numbers go; a longer one goes on in the next line."""
LESS_TELLING: Final = (
    *("first p50 s", "p50 s", "cached", "measured", "unknown", "tokens out", "tokens in", "p95 s", "failed", "requests"),
    "reported",
)
"""Heads of what goes, in this order, where there is no room. What it cost, and between what that lies, stays."""


def left_out(heads: Sequence[str], rows: Sequence[Sequence[str]], names: int, width: int) -> tuple[list[str], int]:
    """The heads of the columns for which a screen of *width* has no room, in the order of the table, and how wide the table
    is at least without them. The first *names* columns are words and may be folded; all others are numbers."""
    from rich.cells import cell_len

    needs = [max(map(cell_len, cells)) for cells in zip(heads, *rows, strict=True)]
    room = {head: min(needs[place], LEAST_NAME) if place < names else needs[place] for place, head in enumerate(heads)}
    for head in LESS_TELLING:
        if _together(room.values()) <= width:
            break
        room.pop(head, None)
    return [head for head in heads if head not in room], _together(room.values())


def _together(widths: Collection[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1) + _EDGES
