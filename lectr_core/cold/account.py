"""From what a provider reported to disjoint counts and money, each with its bounds and its source. Pure.

Never here: a guess shown as a fact. None is unknown and never 0; a count that is only a lower bound has an upper one only
where a ceiling is known. All the rules and their reasons: docs/explanation/accounting.md. Called by `deliver.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import attrs

from lectr_core.cold.bounds import REFUSED_STATUS, Find, ceiling, most, most_beyond
from lectr_core.cold.money import OWN, SIDE_UNITS, Money, add_up, price, round_half_even
from lectr_core.cold.prices import Rates, day_of
from lectr_core.model import units
from lectr_core.model.price import PriceQuestion
from lectr_core.model.reading import Terms, Usage
from lectr_core.model.record import CLOSED, NOTHING, Account, Ended, ModelCost
from lectr_core.model.value import value

__all__ = ["SIDE_UNITS", "Find", "IsFirst", "Waiting", "account", "ask", "price", "round_half_even"]

IsFirst = Callable[[str, str, int], bool]
"""Whether a record is the one that counts what several may report: `Counted.is_first`."""


class Waiting(Protocol):
    """Which records are open, and until when: `Counted`."""

    def is_counted(self, name: str, started_ns: int) -> bool:
        """Whether any record has counted *name*."""
        ...

    def wait(self, name: str, record: str, started_ns: int) -> None:
        """Remember that *record* is open until *name* is counted."""
        ...

    def waiting(self, name: str, started_ns: int) -> Sequence[str]:
        """Which records are."""
        ...


UNKNOWN: Final = Account(price_note="the answer told no counts, and there is nothing to measure them by")
UNBILLED: Final = attrs.evolve(NOTHING, price_note="a request of a kind that no tokens are billed for")
FREE: Final = attrs.evolve(NOTHING, price_note="refused by the gateway: never reached a provider")
UNSENT: Final = attrs.evolve(NOTHING, price_note="never sent: no connection to a provider came about")
IN_TURNS: Final = attrs.evolve(NOTHING, price_note="a connection: what it used is counted with its turns")
REFUSED: Final = attrs.evolve(NOTHING, price_note="refused by the provider before any work")
COUNTED: Final = attrs.evolve(NOTHING, price_note="counted with the first request that reported it")
OPEN: Final = Account(
    input_tokens_low=0,
    output_tokens_low=0,
    cost_low_nanousd=0,
    price_note="open: counted when its result is fetched through the gateway",
)
IMPOSSIBLE: Final = Account(price_note="the usage that was read holds an impossible count")

_NO_TERMS: Final = Terms()

_BEFORE_SENDING: Final = frozenset({"dns", "refused", "proxy", "tls", "connect_timeout", "overload"})
"""What went wrong before a byte of the request could be sent. `overload` without a status: no connection was free."""


def always_first(_name: str, _record: str, _started_ns: int) -> bool:
    """For those who have no memory of what was counted."""
    return True


class NoneWaits:
    """For those who have no memory of what is open. Satisfies `Waiting`."""

    def is_counted(self, name: str, started_ns: int) -> bool:
        """Never."""
        return False

    def wait(self, name: str, record: str, started_ns: int) -> None:
        """Forget it."""

    def waiting(self, name: str, started_ns: int) -> Sequence[str]:
        """None of them."""
        return ()


NONE_WAITS: Final = NoneWaits()


def account(ended: Ended, find: Find, is_first: IsFirst = always_first, waiting: Waiting = NONE_WAITS) -> Account:
    """Count and price one finished exchange. Units: tokens; nano-dollars."""
    reading = ended.reading
    usage = reading.usage
    if usage is None or reading.state not in ("reported", "partial"):
        return _without_usage(ended, find) if not _later(ended, waiting) else COUNTED
    terms = usage.terms or _NO_TERMS
    if not _is_possible(usage, terms):
        return IMPOSSIBLE
    closes: tuple[str, ...] = ()
    if terms.once is not None and reading.state == "reported":
        begun, names = ended.begun, dict.fromkeys((terms.once, reading.answer_id or terms.once))
        if not is_first(_name(ended, terms.once), begun.id, begun.started_ns):
            return COUNTED
        open_ones = (one for name in names for one in waiting.waiting(_name(ended, name), begun.started_ns))
        closes = tuple(one for one in dict.fromkeys(open_ones) if one != begun.id)
    pieces = _pieces(ended, usage, terms)
    quoted = [find(piece.questions) if piece.questions else None for piece in pieces]
    is_final = reading.state == "reported"
    moneys = [
        price(piece.units, rates, is_final=is_final, model=piece.model) for piece, rates in zip(pieces, quoted, strict=True)
    ]
    money = _as_told(add_up(moneys), quoted[0], terms, is_final=is_final)
    found = _found(_sums(pieces), money, _speaking(quoted), is_final=is_final)
    if closes:
        found = attrs.evolve(found, closes=closes)
    if len(pieces) > 1:
        found = attrs.evolve(found, by_model=_by_model(pieces, moneys, quoted))
    return found if is_final else _bounded(found, money, ended, terms, find)


@value
class _Piece:
    """What is priced by itself."""

    units: units.Units
    variant: str | None
    questions: tuple[PriceQuestion, ...]
    """Empty where it is not known whose price it has."""

    @property
    def model(self) -> str | None:
        """The one that should be priced."""
        return self.questions[0].model if self.questions else None


def _pieces(ended: Ended, usage: Usage, terms: Terms) -> list[_Piece]:
    """The answer's own model, unless shares hold everything, and each share."""
    taken = units.total(usage.units, units.INPUT_UNITS)
    own = _Piece(usage.units, ended.reading.variant, ask(ended, terms.longest_prompt or taken, terms.region))
    pieces = [own] if not terms.shares or any(usage.units.values()) else []
    for share in terms.shares:
        prompt = share.longest_prompt or units.total(share.units, units.INPUT_UNITS)
        questions = ask(ended, prompt, terms.region, own=(share.model, share.variant)) if share.model else ()
        pieces.append(_Piece(share.units, share.variant, questions))
    return pieces


def ask(
    ended: Ended, input_tokens: int, region: str | None = None, *, own: tuple[str | None, str | None] | None = None
) -> tuple[PriceQuestion, ...]:
    """The questions to a price book: for the model as the provider reports it, and for the one that was sent.

    Shapes: *own* is a share's model and variant. Empty where it is not known who served the request, or with what.
    """
    begun = ended.begun
    provider = _server(ended)
    if provider is None:
        return ()
    day = day_of(begun.started_ns)
    if own is not None:
        models, variant = dict.fromkeys((own[0],)), own[1]
    else:
        models = dict.fromkeys((ended.reading.model, begun.model_sent or begun.model_requested))
        variant = ended.reading.variant
    return tuple(PriceQuestion(provider, model, day, variant, input_tokens, region) for model in models if model)


def _later(ended: Ended, waiting: Waiting) -> bool:
    """Remember what is told later, and under which name. Returns whether it was told already."""
    reading, begun = ended.reading, ended.begun
    if reading.state == "open":
        told_as = reading.awaits or reading.answer_id
        if told_as is None:
            return False
        name = _name(ended, told_as)
        if waiting.is_counted(name, begun.started_ns):
            return True
        waiting.wait(name, begun.id, begun.started_ns)
    elif reading.awaits is not None and reading.answer_id is not None:
        # An answer that says where the result of another one stands: who waits for that one waits here.
        for one in waiting.waiting(_name(ended, reading.answer_id), begun.started_ns):
            waiting.wait(_name(ended, reading.awaits), one, begun.started_ns)
    return False


def _name(ended: Ended, name: str) -> str:
    return f"{_server(ended)} {name}"


def _server(ended: Ended) -> str | None:
    return ended.attempts[-1].provider if ended.attempts else ended.begun.provider


def _is_possible(usage: Usage, terms: Terms) -> bool:
    counts = [usage.units, *(share.units for share in terms.shares)]
    return (
        all(min(one.values(), default=0) >= 0 for one in counts)
        and sum(sum(one.values()) for one in counts) <= units.MAX_COUNT
    )


def _sums(pieces: Sequence[_Piece]) -> dict[str, int]:
    if len(pieces) == 1:
        return dict(pieces[0].units)
    counts: dict[str, int] = {}
    for piece in pieces:
        for unit, count in piece.units.items():
            counts[unit] = min(counts.get(unit, 0) + count, units.MAX_COUNT)
    return counts


def _found(counts: Mapping[str, int], money: Money, rates: Rates | None, *, is_final: bool) -> Account:
    """Counts and money as one account; made at once, since a copy with more in it takes 6 µs."""
    taken = units.total(counts, units.INPUT_UNITS)
    given = units.total(counts, units.OUTPUT_UNITS)
    quote = rates.quote if rates is not None and money.basis != "reported" else None
    source = "the provider's own account" if money.basis == "reported" else None
    return Account(
        units=dict(counts),
        tokens_source="reported",
        input_tokens=taken,
        input_tokens_low=taken,
        input_tokens_high=taken if is_final else None,
        output_tokens=given,
        output_tokens_low=given,
        output_tokens_high=given if is_final else None,
        cached_input_tokens=units.total(counts, units.CACHE_READ_UNITS),
        cache_write_tokens=units.total(counts, units.CACHE_WRITE_UNITS),
        reasoning_tokens=counts.get(units.REASONING, 0),
        cost_nanousd=money.cost,
        cost_low_nanousd=money.low,
        cost_high_nanousd=money.high,
        cost_parts_nanousd=money.parts,
        cost_basis=money.basis,
        price_id=quote.price_id if quote is not None else None,
        price_source=quote.source if quote is not None else source,
        price_date=quote.dated if quote is not None else None,
        price_note=money.note,
    )


def _speaking(quoted: Sequence[Rates | None]) -> Rates | None:
    """Whose price the record names: the first that is known; the others stand in `by_model`."""
    return next((rates for rates in quoted if rates is not None), None)


def _as_told(money: Money, rates: Rates | None, terms: Terms, *, is_final: bool) -> Money:
    """With what the provider says itself: what it cost, or that the usual price may not hold."""
    told = terms.cost_nanousd
    if told is not None and 0 <= told <= units.MAX_COUNT and (rates is None or rates.quote.basis not in OWN):
        return Money(told, told, told if is_final else None, {}, "reported", None)
    if terms.untold is not None:
        note = f"not in the cost, since no answer tells it: {terms.untold}"
        money = attrs.evolve(money, high=None, note="; ".join(filter(None, (money.note, note))))
    if terms.doubt is None:
        return money
    basis = "fallback" if money.basis in ("exact", "variant") else money.basis
    return attrs.evolve(money, basis=basis, note="; ".join(filter(None, (money.note, terms.doubt))))


def _by_model(pieces: Sequence[_Piece], moneys: Sequence[Money], quoted: Sequence[Rates | None]) -> tuple[ModelCost, ...]:
    return tuple(
        ModelCost(
            model=piece.model,
            variant=piece.variant,
            units=dict(piece.units),
            cost_nanousd=money.cost,
            cost_basis=money.basis,
            price_id=rates.quote.price_id if rates is not None else None,
        )
        for piece, money, rates in zip(pieces, moneys, quoted, strict=True)
    )


def _without_usage(ended: Ended, find: Find) -> Account:
    """What is known of a request whose answer told nothing."""
    state = ended.reading.state
    if state == "unbilled":
        return UNBILLED
    if state == "open":
        return OPEN
    if state == "closed":
        return CLOSED
    if state == "in_turns":
        return IN_TURNS
    if ended.outcome == "lectr_refused" and not ended.attempts:
        return FREE
    if _was_never_sent(ended):
        return UNSENT
    if ended.outcome == "ok":
        return UNKNOWN
    if ended.outcome == "provider_error" and ended.status in REFUSED_STATUS:
        return REFUSED
    limits = ceiling(ask(ended, 0), find, ended.begun.max_tokens, ended.begun.choices)
    return Account(
        input_tokens_low=0,
        input_tokens_high=limits.input_tokens,
        output_tokens_low=0,
        output_tokens_high=limits.output_tokens,
        cost_low_nanousd=0,
        cost_high_nanousd=most(limits),
        price_note=limits.note,
    )


def _was_never_sent(ended: Ended) -> bool:
    """Whether every try failed while a connection was made: a kept one that proved stale may have carried the request."""
    tries = ended.attempts
    is_over = ended.outcome in ("lectr_refused", "upstream_failed")
    return is_over and bool(tries) and all(one.status is None and one.category in _BEFORE_SENDING for one in tries)


def _bounded(found: Account, money: Money, ended: Ended, terms: Terms, find: Find) -> Account:
    """With upper bounds for what may have come after the last report."""
    taken, given = found.input_tokens or 0, found.output_tokens or 0
    limits = ceiling(ask(ended, 0, terms.region), find, ended.begun.max_tokens, ended.begun.choices)
    input_high = limits.input_tokens if terms.input_open else taken
    # Where the provider works in several turns, the ceiling holds for each of them: there is none for the whole.
    output_high = None if terms.input_open else limits.output_tokens
    if input_high is not None and input_high < taken:
        input_high = None
    if output_high is not None and output_high < given:
        output_high = None
    more_input = None if input_high is None else input_high - taken
    more_output = None if output_high is None else output_high - given
    is_priced = money.cost is not None and money.basis != "reported"
    known = money.exactly if is_priced else None
    note = limits.note if output_high is not None else "no upper bound: what came after the last report is not known"
    return attrs.evolve(
        found,
        input_tokens_high=input_high,
        output_tokens_high=output_high,
        cost_high_nanousd=most_beyond(known, limits, more_input, more_output) if terms.untold is None else None,
        price_note="; ".join(filter(None, (found.price_note, note))),
    )
