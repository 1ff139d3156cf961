"""A stored row as what it was made of: the exchange, as far as pricing looks at it, and its account. And the way back.

What decides a cost beside the counts is rare, and stands in one column, `pricing_json`. Pure: no database. Called by
`rows.py` for every record of a batch, and by `repricing.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs
import msgspec

from lectr_core import Account, Attempt, Begun, Ended, Reading, Share, Terms, Usage

READ: Final = (
    *("rowid", "id", "started_at", "provider", "model_requested", "model_sent", "model_actual", "variant"),
    *("status", "outcome", "max_tokens", "usage_state", "delta_chars", "request_bytes", "connection", "attempts_json"),
    *("units_json", "pricing_json", "tokens_source", "tokens_note", "input_tokens", "input_tokens_low"),
    *("input_tokens_high", "output_tokens", "output_tokens_low", "output_tokens_high", "cached_input_tokens"),
    *("cache_write_tokens", "reasoning_tokens", "cost_nanousd", "cost_low_nanousd", "cost_high_nanousd", "cost_basis"),
    *("price_id", "price_source", "price_date", "price_note", "cost_parts_json", "by_model_json"),
)
"""The columns that are read."""

MONEY: Final = (
    *("input_tokens_high", "output_tokens_high", "cost_nanousd", "cost_low_nanousd", "cost_high_nanousd", "cost_basis"),
    *("price_id", "price_source", "price_date", "price_note", "cost_parts_json", "by_model_json"),
)
"""The columns that follow from a price: the bounds of tokens too, where they are a model's own limits."""

Row = Mapping[str, Any]  # Any: SQLite's values
Money = tuple[Any, ...]  # Any: as above, in the order of MONEY

_encode: Final = msgspec.json.Encoder(decimal_format="string").encode
_USUAL: Final = "{}"


@attrs.define
class _Pricing:
    """What `pricing_json` holds. What is left out is as usual."""

    units: dict[str, int] | None = None
    """Of a stream that broke off: what was reported, before what was seen was added; with shares: the answer's own."""
    terms: dict[str, Any] | None = None  # Any: numbers and words, as `Terms` has them
    choices: int | None = 1
    uncut: int | None = None
    prompt_uncut: int | None = None


_decode: Final = msgspec.json.Decoder(_Pricing).decode
_units: Final = msgspec.json.Decoder(dict[str, int]).decode
_attempts: Final = msgspec.json.Decoder(list[Attempt]).decode


def pricing(ended: Ended, account: Account) -> str:
    """What decided the cost beside the counts, for `pricing_json`."""
    usage, choices, uncut = ended.reading.usage, ended.begun.choices, account.output_tokens_high_uncut
    prompt_uncut = account.input_tokens_high_uncut
    is_usual = usage is None or (usage.terms is None and ended.reading.state != "partial")
    if is_usual and choices == 1 and uncut is None and prompt_uncut is None:
        return _USUAL
    held: dict[str, object] = {}
    if usage is not None and not is_usual:
        held["units"] = dict(usage.units)
        if usage.terms is not None:
            usual = attrs.asdict(Terms(), recurse=False)
            held["terms"] = {
                name: value for name, value in attrs.asdict(usage.terms, recurse=False).items() if value != usual[name]
            }
    if choices != 1:
        held["choices"] = choices
    if uncut is not None:
        held["uncut"] = uncut
    if prompt_uncut is not None:
        held["prompt_uncut"] = prompt_uncut
    return _encode(held).decode()


def exchange(row: Row) -> Ended:
    """The row as the exchange it was."""
    held = _decode(row["pricing_json"] or _USUAL)
    attempts = row["attempts_json"]
    has_usage = row["usage_state"] in ("reported", "partial") and row["tokens_source"] != "unknown"
    usage = None
    if has_usage:
        counts = held.units if held.units is not None else units(row)
        usage = Usage(counts, terms=None if held.terms is None else _terms(held.terms))
    begun = Begun(
        seq=0,
        id=row["id"],
        started_ns=int(datetime.fromisoformat(row["started_at"]).timestamp()) * 1_000_000_000,
        config_version="",
        method="",
        endpoint="",
        provider=row["provider"],
        model_requested=row["model_requested"],
        model_sent=row["model_sent"],
        max_tokens=row["max_tokens"],
        request_bytes=row["request_bytes"],
        connection=row["connection"],
        choices=held.choices,
    )
    reading = Reading(
        state=row["usage_state"],
        usage=usage,
        model=row["model_actual"],
        variant=row["variant"],
        delta_chars=row["delta_chars"],
    )
    return Ended(
        begun=begun,
        outcome=row["outcome"],
        ended_by="completed",
        status=row["status"],
        reading=reading,
        attempts=tuple(_attempts(attempts)) if attempts else (),
    )


def account(row: Row) -> Account:
    """The row's account, less its shares by model."""
    held = _decode(row["pricing_json"] or _USUAL)
    return Account(
        units=units(row),
        tokens_source=row["tokens_source"],
        tokens_note=row["tokens_note"],
        input_tokens=row["input_tokens"],
        input_tokens_low=row["input_tokens_low"],
        input_tokens_high=row["input_tokens_high"],
        output_tokens=row["output_tokens"],
        output_tokens_low=row["output_tokens_low"],
        output_tokens_high=row["output_tokens_high"],
        input_tokens_high_uncut=held.prompt_uncut,
        output_tokens_high_uncut=held.uncut,
        cached_input_tokens=row["cached_input_tokens"],
        cache_write_tokens=row["cache_write_tokens"],
        reasoning_tokens=row["reasoning_tokens"],
        cost_nanousd=row["cost_nanousd"],
        cost_low_nanousd=row["cost_low_nanousd"],
        cost_high_nanousd=row["cost_high_nanousd"],
        cost_basis=row["cost_basis"],
        price_id=row["price_id"],
        price_source=row["price_source"],
        price_date=row["price_date"],
        price_note=row["price_note"],
        cost_parts_nanousd=_units(row["cost_parts_json"]) if row["cost_parts_json"] else {},
    )


def units(row: Row) -> dict[str, int]:
    """The row's disjoint counts."""
    return _units(row["units_json"]) if row["units_json"] else {}


def money(account: Account) -> Money:
    """What a price decides, in the order of MONEY, as it is stored."""
    parts = account.cost_parts_nanousd
    return (
        *(account.input_tokens_high, account.output_tokens_high),
        *(account.cost_nanousd, account.cost_low_nanousd, account.cost_high_nanousd, account.cost_basis),
        *(account.price_id, account.price_source, account.price_date, account.price_note),
        _encode(parts).decode() if parts else None,
        _encode(account.by_model).decode() if account.by_model else None,
    )


def _terms(held: Mapping[str, Any]) -> Terms:  # Any: as in `_Pricing`
    shares = tuple(Share(**share) for share in held.get("shares", ()))
    return Terms(**{**held, "shares": shares})
