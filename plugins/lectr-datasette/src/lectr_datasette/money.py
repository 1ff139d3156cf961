"""`[money]` on its way into the explorer's process: as text in its environment, and back. Called by companion and pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from lectr_core import ExchangeRate, MoneySettings, Provisioned

VARIABLE: Final = "LECTR_EXPLORER_MONEY"
_AMOUNTS: Final = ("usd", "units", "per_hour", "per_month")
_DAYS: Final = ("since", "until")


def environ_of(money: MoneySettings) -> dict[str, str]:
    """What the process needs in its environment; nothing where there is nothing to say."""
    if money == MoneySettings():
        return {}
    said = {
        "show": money.show,
        "rate": [_plain(one, "currency", "usd", "since") for one in money.rate],
        "provisioned": [
            _plain(one, "name", "provider", "model", "units", "per_hour", "per_month", "currency", "since", "until")
            for one in money.provisioned
        ],
    }
    return {VARIABLE: json.dumps(said)}


def of_environ(environ: Mapping[str, str]) -> MoneySettings:
    """The same, read back. In a Datasette of somebody's own nothing is said: then amounts are in US dollars."""
    text = environ.get(VARIABLE)
    if not text:
        return MoneySettings()
    said = json.loads(text)
    return MoneySettings(
        show=said["show"],
        rate=tuple(ExchangeRate(**_read(one)) for one in said["rate"]),
        provisioned=tuple(Provisioned(**_read(one)) for one in said["provisioned"]),
    )


def _plain(one: ExchangeRate | Provisioned, *names: str) -> dict[str, str]:
    return {name: str(getattr(one, name)) for name in names if getattr(one, name) is not None}


def _read(said: Mapping[str, str]) -> dict[str, Any]:  # Any: each field has a type of its own
    amounts = {name: Decimal(said[name]) for name in _AMOUNTS if name in said}
    days = {name: date.fromisoformat(said[name]) for name in _DAYS if name in said}
    return {**said, **amounts, **days}
