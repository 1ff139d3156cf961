"""How much room a provider's rate limits leave, from the headers of its answers. Pure.

Headers come in pairs, one that says what is left and one that says how much there is; which words they use differs.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import nan
from typing import Final

import attrs

from lectr_datasette.asking.query import Row
from lectr_datasette.reckoning.exchange import parsed
from lectr_datasette.reckoning.sums import Layer

_LEFT, _OF = "remaining", "limit"
_FRONTS: Final = ("anthropic-ratelimit-", "x-ratelimit-", "ratelimit-")


@attrs.frozen
class Room:
    """One limit of one provider, over the answers looked at."""

    provider: str
    name: str
    """What is limited: `requests`, `input tokens`."""
    left: int
    """In the newest answer."""
    least: int
    """The least of all."""
    limit: int | None
    at: str
    """When the newest answer's request came."""

    @property
    def share(self) -> float | None:
        """Left of the limit, 0 to 1."""
        return min(1.0, self.left / self.limit) if self.limit else None

    @property
    def least_share(self) -> float | None:
        """The same at its least."""
        return min(1.0, self.least / self.limit) if self.limit else None


def rooms(rows: Iterable[Row]) -> list[Room]:
    """Every limit seen in *rows*, newest first, which have `provider`, `started_at` and `headroom_json`."""
    found: dict[tuple[str, str], Room] = {}
    for row in rows:
        for name, left, limit in _said(row["headroom_json"]):
            key = (row["provider"] or "", name)
            known = found.get(key)
            if known is None:
                found[key] = Room(row["provider"] or "", _plain(name), left, left, limit, row["started_at"])
            else:
                found[key] = attrs.evolve(known, least=min(known.least, left))
    return sorted(found.values(), key=lambda room: (room.provider, room.share if room.share is not None else 2, room.name))


def over_time(rows: Iterable[Row], slots: int) -> list[Layer]:
    """Of every limit that is known, the least share left in each stretch; NaN where none was seen. *rows* have `slot`."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, left, limit in _said(row["headroom_json"]):
            if limit:
                shares = found.setdefault(_plain(name), [nan] * slots)
                share, known = min(1.0, left / limit), shares[row["slot"]]
                shares[row["slot"]] = share if known != known else min(known, share)
    return [Layer(name, tuple(shares)) for name, shares in sorted(found.items())]


def _said(text: str | None) -> list[tuple[str, int, int | None]]:
    """What the headers say: a limit's name, what is left, how much there is."""
    headers = parsed(text)
    if not isinstance(headers, dict):
        return []
    numbers = {name.lower(): int(value) for name, value in headers.items() if str(value).isdecimal()}
    return [(name, left, numbers.get(name.replace(_LEFT, _OF))) for name, left in numbers.items() if _LEFT in name]


def _plain(name: str) -> str:
    for front in _FRONTS:
        name = name.removeprefix(front)
    return name.replace(_LEFT, "").strip("-").replace("--", "-").replace("-", " ")
