"""Results that come as lines of JSON: those of a batch, one line for each request in it.

Only lines that tell of usage are decoded. All lines are one reading: sums by model, each counted as it would be alone. A
download that breaks off counts nothing, since the same results can be fetched again. Only the unfinished line is held.
Called through `dialects/provider.py`; provider plugins subclass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from typing import ClassVar, Final

from lectr_core.model import units
from lectr_core.model.reading import Reading, Share, Terms, Usage
from lectr_core.wire.body import BAD_INPUT

BATCH: Final = "batch"
"""What a batch's results are priced as: the name of the variant."""

# Above these lengths of a prompt some model or other costs more: longer prompts are summed apart.
_LENGTHS: Final = (32_000, 100_000, 128_000, 199_999, 200_000, 256_000, 272_000, 512_000, 524_288)

_MAX_SHARES: Final = 256


def nothing_billed(once: str) -> Reading:
    """Of work that came to its end without any result: it costs nothing, and that is known, under that name."""
    return Reading("reported", Usage({}, {"requests": 0}, True, Terms(once=once, cost_nanousd=0)))


class Sums:
    """Usage of many requests, summed by model, tier and what length of prompt may decide the price."""

    def __init__(self, variant: str | None = BATCH) -> None:
        """*variant*: of each request that names none itself."""
        self.requests = 0
        self._variant = variant
        self._shares: dict[tuple[str | None, str | None, int], tuple[dict[str, int], int]] = {}
        self._checks: set[bool | None] = set()
        self._doubt: str | None = None
        self._untold: str | None = None

    def add(self, model: str | None, usage: Usage, variant: str | None = None) -> None:
        """One request's usage, its shares included. An object that holds neither counts nor a total is no usage."""
        terms = usage.terms or Terms()
        if not usage.units and not terms.shares and usage.adds_up is None:
            self.lost()
            return
        self.requests += 1
        self._checks.add(usage.adds_up)
        self._doubt = self._doubt or terms.doubt
        self._untold = self._untold or terms.untold
        self._add(model, usage.units, variant, terms.longest_prompt)
        for share in terms.shares:
            self._add(share.model, share.units, share.variant or variant, share.longest_prompt)

    @property
    def is_lossy(self) -> bool:
        """Whether a line could not be read."""
        return False in self._checks

    def lost(self) -> None:
        """One line could not be read: what is there is a part of the whole."""
        self._checks.add(False)
        self._doubt = self._doubt or "not every line could be read"

    def _add(self, model: str | None, counts: units.Units, variant: str | None, longest: int | None) -> None:
        if not any(counts.values()):
            return
        prompt = longest or units.total(counts, units.INPUT_UNITS)
        key = (model, variant or self._variant, bisect_left(_LENGTHS, prompt))
        if key not in self._shares and len(self._shares) >= _MAX_SHARES:
            key = next(iter(self._shares))
            self._doubt = "more models than are told apart"
        sums, before = self._shares.setdefault(key, ({}, 0))
        for unit, number in counts.items():
            sums[unit] = min(sums.get(unit, 0) + number, units.MAX_COUNT)
        self._shares[key] = (sums, max(before, prompt))

    def reading(self, once: str | None) -> Reading:
        """All of it, to be counted once under that name."""
        shares = [
            Share(model, sums, variant, longest) for (model, variant, _), (sums, longest) in self._shares.items() if sums
        ]
        adds_up = False if False in self._checks else True if True in self._checks else None
        raw = {"requests": self.requests}
        if len(shares) == 1:
            (only,) = shares
            terms = Terms(longest_prompt=only.longest_prompt, once=once, doubt=self._doubt, untold=self._untold)
            return Reading("reported", Usage(only.units, raw, adds_up, terms), only.model, only.variant)
        terms = Terms(tuple(shares), once=once, doubt=self._doubt, untold=self._untold)
        models = {share.model for share in shares}
        model = next(iter(models)) if len(models) == 1 else None
        return Reading("reported", Usage({}, raw, adds_up, terms), model)


class LinesReader(ABC):
    """Reads results line by line. Satisfies `ports.Reader`. A body that does not begin like JSON is not looked at."""

    MAX_BYTES: ClassVar[int] = 16 * 1024 * 1024
    """A longer line ends the reading. Lines with a base64 image reach some MiB."""
    MARK: ClassVar[bytes] = b'"usage"'
    """What a line with usage has in it."""
    MOST_LEFT_OUT: ClassVar[int] = 64 * 1024
    """A longer line without it is not asked whether it tells of a request that came to nothing: those are short."""

    def __init__(self, once: str | None = None) -> None:
        """*once*: name of these results, which may be fetched again."""
        self.first_token_seen = False
        self.sums = Sums()
        self._once = once
        self._held = bytearray()
        self._begun = self._deaf = self._broken = False
        self._in_vain: bool | None = None
        """Whether every line so far tells of a request that came to nothing; None: there was none yet."""

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next piece of the body."""
        if self._deaf or not data:
            return
        seen = len(self._held)
        self._held += data
        if not self._begun and (start := self._held.lstrip()[:1]):
            self._begun = True
            self._deaf = start != b"{"
        end = self._held.rfind(b"\n", seen)
        if end >= 0 and not self._deaf:
            for line in bytes(self._held[:end]).split(b"\n"):
                self._take(line)
            del self._held[: end + 1]
        if self._deaf:
            self._held.clear()
        if len(self._held) > self.MAX_BYTES:
            self._held.clear()
            self._deaf = self._broken = True

    def finish(self, *, complete: bool) -> Reading:
        """Conclude; see `ports.Reader`."""
        if complete and not self._deaf:
            self._take(bytes(self._held))
        self._held.clear()
        if self._broken and self.sums.requests:
            return Reading(state="unreadable")
        if complete and self._in_vain and self._once is not None and not self._deaf:
            return nothing_billed(self._once)
        if not self.sums.requests:
            return Reading(state="unreadable" if self.sums.is_lossy and complete else "unbilled")
        return self.sums.reading(self._once) if complete else Reading(state="open", awaits=self._once)

    def _take(self, line: bytes) -> None:
        if self.MARK in line:
            try:
                self.on_line(line)
            except BAD_INPUT:
                self.sums.lost()  # this line alone
            self._in_vain = False
        elif self._in_vain is not False and line.strip():
            try:
                self._in_vain = len(line) <= self.MOST_LEFT_OUT and self.is_in_vain(line)
            except BAD_INPUT:
                self._in_vain = False

    def is_in_vain(self, line: bytes) -> bool:
        """Whether a line without the mark tells of a request that came to nothing, for which nothing is billed.

        Asked until a line does not: a file in which each does is known to cost nothing. Errors: as `on_line`.
        """
        return False

    @abstractmethod
    def on_line(self, line: bytes) -> None:
        """One line that has the mark. May raise ValueError (msgspec's errors are such) for one that says nothing."""
