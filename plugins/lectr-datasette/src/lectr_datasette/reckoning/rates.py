"""What a token costs, read from requests whose cost is known part by part. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lectr_datasette.asking.query import Row
from lectr_datasette.reckoning.exchange import parsed

_AS: Final = {
    "input": "input",
    "cache_read": "cache_read",
    "cache_write_5m": "cache_write",
    "cache_write_1h": "cache_write",
    "output": "output",
    "reasoning": "output",
}


def rates(rows: Iterable[Row]) -> dict[tuple[str, str], dict[str, float]]:
    """Nano-dollars a token by (provider, model) and kind: `input`, `cache_read`, `cache_write`, `output`."""
    tokens: dict[tuple[str, str], dict[str, int]] = {}
    costs: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        units, parts = parsed(row["units_json"]), parsed(row["cost_parts_json"])
        if not isinstance(units, dict) or not isinstance(parts, dict):
            continue
        key = (row["provider"], row["model"])
        for unit, kind in _AS.items():
            if units.get(unit) and parts.get(unit) is not None:
                for sums, amount in ((tokens, units[unit]), (costs, parts[unit])):
                    of = sums.setdefault(key, {})
                    of[kind] = of.get(kind, 0) + amount
    return {key: {kind: cost / tokens[key][kind] for kind, cost in of.items()} for key, of in costs.items()}
