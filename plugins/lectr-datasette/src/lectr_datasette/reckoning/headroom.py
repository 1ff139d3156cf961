"""How much room a provider's rate limits leave, from the headers of its answers. Pure.

Headers come in pairs, one that says what is left and one that says how much there is; which words they use differs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from lectr_datasette.asking.query import Row
from lectr_datasette.reckoning.exchange import parsed

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
        headers = parsed(row["headroom_json"])
        if not isinstance(headers, dict):
            continue
        numbers = {name.lower(): int(value) for name, value in headers.items() if str(value).isdecimal()}
        for name, left in numbers.items():
            if _LEFT not in name:
                continue
            key = (row["provider"] or "", name)
            known = found.get(key)
            if known is None:
                limit = numbers.get(name.replace(_LEFT, _OF))
                found[key] = Room(row["provider"] or "", _plain(name), left, left, limit, row["started_at"])
            else:
                found[key] = attrs.evolve(known, least=min(known.least, left))
    return sorted(found.values(), key=lambda room: (room.provider, room.share if room.share is not None else 2, room.name))


def _plain(name: str) -> str:
    for front in _FRONTS:
        name = name.removeprefix(front)
    return name.replace(_LEFT, "").strip("-").replace("--", "-").replace("-", " ")
