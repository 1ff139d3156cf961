"""What an answer has said so far, and how raw JSON values are taken: as a short word, as numbers, as a length.

Shared by the dialects; provider plugins use it for readers of their own. Nothing here takes text that could be content: a
longer string is a length.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from lectr_core.dialects.usage import are_known, numbers
from lectr_core.model.reading import Reading, Tree, Usage
from lectr_core.model.units import MAX_COUNT
from lectr_core.wire.body import BAD_INPUT

ABSENT: Final = msgspec.Raw()
"""Default of a raw field."""

MAX_USAGE_BYTES: Final = 64 * 1024
"""A longer usage object is none. The longest known has 2 KiB."""

_MAX_WORD_BYTES: Final = 256
"""A longer id, model or reason is none."""

USUAL_TIERS: Final = frozenset({"default", "auto", "standard", "on_demand"})
"""Service tiers that change no price."""

_QUOTE: Final = 0x22

_FEW_BYTES: Final = 4 * 1024
"""Too short for more members than are kept."""

_text = msgspec.json.Decoder(str)
_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
_counts = msgspec.json.Decoder(dict[str, _Count | dict[str, _Count]])


def raw_word(raw: msgspec.Raw) -> str | None:
    """A short JSON string as text; None for everything else, the empty one included."""
    if not 2 < len(raw) <= _MAX_WORD_BYTES or memoryview(raw)[0] != _QUOTE:
        return None
    try:
        return _text.decode(raw)
    except BAD_INPUT:
        return None


def raw_tree(raw: msgspec.Raw) -> Tree:
    """A usage object as numbers; empty for everything else."""
    if not 2 < len(raw) <= MAX_USAGE_BYTES:
        return {}
    try:
        if len(raw) <= _FEW_BYTES and (tree := _plain_tree(raw)) is not None:
            return tree
        return numbers(msgspec.json.decode(raw))
    except BAD_INPUT:
        return {}


def _plain_tree(raw: msgspec.Raw) -> Tree | None:
    """A usage object of counts, and of objects of counts, under names seen before: nearly every one, checked by the parser
    alone (a twentieth of all Python steps of a request otherwise). None: it is to be looked through."""
    try:
        tree = _counts.decode(raw)
    except msgspec.ValidationError:
        return None
    known = are_known(tree) and all(are_known(part) for part in tree.values() if type(part) is dict)
    return tree if known else None


def raw_chars(raw: msgspec.Raw) -> int:
    """Length of a JSON string as sent, without its quotes; 0 for everything else."""
    return len(raw) - 2 if len(raw) > 2 and memoryview(raw)[0] == _QUOTE else 0


def variant_of(tier: str | None) -> str | None:
    """A service tier as what changes the price: None for the usual ones."""
    return None if tier is None or tier in USUAL_TIERS else tier


def adds_up(prompt: int | None, completion: int | None, total: int | None, *, fits: bool) -> bool | None:
    """Whether parts and totals agree; None where there is no total to agree with."""
    if not fits:
        return False
    if total is None:
        return None
    return (prompt or 0) + (completion or 0) == total


class Findings:
    """What one answer has said so far; a dialect adds how it learns that."""

    def __init__(self) -> None:
        self.model: str | None = None
        self.answer_id: str | None = None
        self.tier: str | None = None
        """Service tier as reported."""
        self.finish_reason: str | None = None
        self.error_category: str | None = None

    def reading(self, usage: Usage | None, *, deltas: int = 0, delta_chars: int = 0) -> Reading:
        """All of it. An object that holds neither counts nor a total is no usage."""
        if usage is not None and not usage.units and usage.adds_up is None:
            usage = None
        return Reading(
            state="absent" if usage is None else "reported",
            usage=usage,
            model=self.model,
            variant=variant_of(self.tier),
            answer_id=self.answer_id,
            finish_reason=self.finish_reason,
            error_category=self.error_category,
            deltas=deltas,
            delta_chars=delta_chars,
        )
