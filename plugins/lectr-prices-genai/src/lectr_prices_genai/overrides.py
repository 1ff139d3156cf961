"""The operator's own prices as a price book. Pure; asked before the list. Called by the cold side."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from fnmatch import fnmatchcase
from typing import Final

from lectr_core import Currency, MoneySettings, PriceBook, PriceQuestion, Quote, units
from lectr_prices_genai.settings import Override

MILLION: Final = 1_000_000

# A price and a rate have a dozen digits each; nothing of their product is rounded before it is far below a nano-dollar.
_EXACT: Final = Context(prec=80)
_FINEST: Final = 24

# Whose rate a unit has where it has none of its own: the same as every list does it.
STANDS_FOR: Final = {
    units.CACHE_READ: units.INPUT,
    units.CACHE_WRITE: units.INPUT,
    units.CACHE_WRITE_5M: units.CACHE_WRITE,
    units.CACHE_WRITE_30M: units.CACHE_WRITE,
    units.CACHE_WRITE_1H: units.CACHE_WRITE,
    units.CACHE_WRITE_12H: units.CACHE_WRITE,
    units.INPUT_AUDIO: units.INPUT,
    units.CACHE_READ_AUDIO: units.CACHE_READ,
    units.CACHE_READ_IMAGE: units.CACHE_READ,
    units.INPUT_IMAGE: units.INPUT,
    units.INPUT_VIDEO: units.INPUT,
    units.INPUT_TOOL: units.INPUT,
    units.REASONING: units.OUTPUT,
    units.OUTPUT_AUDIO: units.OUTPUT,
    units.OUTPUT_IMAGE: units.OUTPUT,
    units.OUTPUT_VIDEO: units.OUTPUT,
}

REMEMBERED: Final = 4_096
"""Quotes that are kept, so that one question's answer is one and the same value each time."""

_CACHED: Final = (units.CACHE_READ, units.CACHE_READ_AUDIO, units.CACHE_READ_IMAGE)


class OverrideBook:
    """Prices from `lectr.toml`."""

    id = "overrides"

    def __init__(
        self, overrides: Sequence[Override], money: MoneySettings | None = None, book: PriceBook | None = None
    ) -> None:
        """*money* has a rate for every currency of the overrides; *book* knows how much a model takes at most, which a price
        of your own does not change.
        """
        self._overrides = tuple(overrides)
        self._money = money or MoneySettings()
        self._book = book
        self._made: dict[tuple[int, str | None, Currency, int | None], Quote] = {}

    def quote(self, question: PriceQuestion) -> Quote | None:
        """The override that fits best: for the variant asked, then the model named exactly, then the latest `since`."""
        fitting = [place for place, own in enumerate(self._overrides) if _fits(own, question)]
        if not fitting:
            return None
        place = max(fitting, key=lambda place: _rank(self._overrides[place], question))
        best = self._overrides[place]
        currency = self._money.on(best.currency, question.day)
        usual = self._book.quote(question) if self._book is not None else None
        limit_tokens = usual.limit_tokens if usual is not None else None
        key = place, question.variant, currency, limit_tokens
        if key not in self._made:
            if len(self._made) >= REMEMBERED:  # a client may name any tier it likes
                self._made.clear()
            self._made[key] = _quote(best, question, currency, limit_tokens)
        return self._made[key]


def _fits(own: Override, question: PriceQuestion) -> bool:
    return (
        fnmatchcase(question.provider, own.provider)
        and fnmatchcase(question.model.lower(), own.model.lower())
        and (own.since is None or own.since <= question.day)
        and (own.variant is None or own.variant == question.variant)
    )


def _rank(own: Override, question: PriceQuestion) -> tuple[bool, bool, bool, int]:
    """Greater is better; among equals `max` takes the first of the file."""
    return (
        own.variant is not None,
        own.model.lower() == question.model.lower(),
        own.provider == question.provider,
        own.since.toordinal() if own.since else 0,
    )


def _quote(own: Override, question: PriceQuestion, currency: Currency, limit_tokens: int | None) -> Quote:
    rates = {unit: rate / MILLION for unit, rate in own.per_million.items()} | dict(own.per_unit)
    given = frozenset(rates)
    for unit in STANDS_FOR:
        rate = _inherited(unit, rates)
        if rate is not None:
            rates[unit] = rate
    notes = [own.note] if own.note else []
    if question.variant is not None and own.variant is None:
        notes.append(f"no rate for {question.variant!r}: the override's usual one used")
    held_since = own.since.isoformat() if own.since else None
    source = "lectr.toml"
    if currency.since is not None:
        source = f"lectr.toml, {currency.code} at {currency.usd} USD of {currency.since}"
        rates = {unit: _in_usd(rate, currency) for unit, rate in rates.items()}
    return Quote(
        rates=rates,
        price_id=f"{own.provider}/{own.model}" + (f":{own.variant}" if own.variant else "") + f"@{held_since or 'always'}",
        source=source,
        dated=held_since,
        basis="override",
        note="; ".join(notes) or None,
        borrowed={unit: "input rate" for unit in _CACHED if units.INPUT in given and units.CACHE_READ not in given},
        limit_tokens=limit_tokens,
    )


def _in_usd(rate: Decimal, currency: Currency) -> Decimal:
    exact = _EXACT.multiply(rate, currency.usd)
    return (
        exact if int(exact.as_tuple().exponent) >= -_FINEST else exact.quantize(Decimal(1).scaleb(-_FINEST), context=_EXACT)
    )


def _inherited(unit: str, rates: dict[str, Decimal]) -> Decimal | None:
    while unit not in rates:
        if unit not in STANDS_FOR:
            return None
        unit = STANDS_FOR[unit]
    return rates[unit]
