"""Counting and pricing for plugins' commands, exactly as the cold process does it: the same rules, asked outside of it.

Only the promised class lives here; the rules are `cold/account.py`'s and are imported when it is made. Called by commands
that make up a past or price one again, through `lectr_core`.
"""

from __future__ import annotations

from collections.abc import Sequence

from lectr_core.model.price import UsedPrice
from lectr_core.model.record import Account, Ended, Record
from lectr_core.ports import PriceBook


class Accountant:
    """Knows the price books, in the order in which they are asked. Remembers their answers, so one is enough."""

    def __init__(self, books: Sequence[PriceBook]) -> None:
        from lectr_core.cold.account import account
        from lectr_core.cold.prices import PriceDesk

        self._account, self._desk = account, PriceDesk(books)

    def account(self, ended: Ended) -> Account:
        """Count and price one finished exchange. Units: tokens; nano-dollars."""
        return self._account(ended, self._desk.find)

    def used(self) -> Sequence[UsedPrice]:
        """Every price that was found so far, each once."""
        return tuple(self._desk.used.values())

    def record(self, stream: str, ended: Ended) -> Record:
        """The same, as the whole record that a sink stores."""
        return Record(stream=stream, ended=ended, account=self.account(ended))
