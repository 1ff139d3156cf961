"""Counting and pricing for plugins' commands, exactly as the cold process does it: the same rules, asked outside of it.

Only the promised class lives here; the rules are those of `cold/` and are imported when it is made. Called by commands
that make up a past or price one again, through `lectr_core`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lectr_core.model.accuracy import Accuracy
from lectr_core.model.price import UsedPrice
from lectr_core.model.record import Account, Ended, Record
from lectr_core.ports import PriceBook


class Accountant:
    """Knows the price books, in the order in which they are asked. Remembers their answers, so one is enough."""

    def __init__(self, books: Sequence[PriceBook], *, learns: bool = False) -> None:
        """*learns*: tokens that nobody reported are predicted from the records before, as the cold process does."""
        from lectr_core.cold.account import account
        from lectr_core.cold.prices import PriceDesk
        from lectr_core.cold.restate import restate

        self._account, self._restate, self._desk = account, restate, PriceDesk(books)
        self._learnt = None
        if learns:
            from lectr_core.cold.calibration import Calibration

            self._learnt = Calibration()

    def account(self, ended: Ended) -> Account:
        """Count and price one finished exchange. Units: tokens; nano-dollars."""
        found = self._account(ended, self._desk.find)
        if self._learnt is None:
            return found
        from lectr_core.cold.measure import told_or_measured

        return told_or_measured(ended, found, self._desk.find, self._learnt)

    def restate(self, ended: Ended, before: Account) -> Account:
        """What was counted before, priced again: all of *before* but its money and its bounds stays. Units: as `account`."""
        return self._restate(ended, before, self._desk.find)

    def used(self) -> Sequence[UsedPrice]:
        """Every price that was found so far, each once."""
        return tuple(self._desk.used.values())

    def record(self, stream: str, ended: Ended) -> Record:
        """The same as `account`, as the whole record that a sink stores. Whoever learns has learnt from it then."""
        record = Record(stream=stream, ended=ended, account=self.account(ended))
        if self._learnt is not None:
            self._learnt.learn(ended, record.account)
        return record

    def accuracy(self) -> Sequence[Accuracy]:
        """How good predictions were so far; empty where nothing is learnt."""
        return () if self._learnt is None else self._learnt.told()

    def keep(self, data: Path) -> None:
        """Write what was learnt into the data directory, where a gateway goes on from it; nothing where one has begun to.

        Errors: OSError where it cannot be written.
        """
        from lectr_core.cold import calibration_file

        path = data / calibration_file.FILE
        if self._learnt is not None and self._learnt.learnt and not path.exists():
            calibration_file.write(path, self._learnt)
