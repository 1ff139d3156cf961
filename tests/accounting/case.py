"""One answer and what it must come to: tokens, and a cost worked out by hand from the published rates.

A table's line has the arithmetic in it, counts times USD for a million, and the sum in nano-dollars as a person adds it up
(a count times a rate for a million, times 1,000). The tables: `of_openai.py`, `of_anthropic.py`, `of_gemini.py`,
`of_others.py`. Rates as of 20 November 2026, genai-prices 0.2.3. Checked by `test_by_hand.py`, and sent through a real
gateway by `tests/whole/test_sdk_costs.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import attrs

Document = dict[str, Any]  # Any: JSON


@attrs.frozen(kw_only=True)
class Case:
    """One request to one provider."""

    provider: str
    path: str
    model: str | None
    """As it was sent."""
    body: bytes
    """The provider's answer."""
    tokens: tuple[int, int]
    """Input and output in OpenTelemetry's sense: with cached ones, with reasoning."""
    rates: Sequence[tuple[int, str]]
    """Counts, and USD for a million of them."""
    nanousd: int
    """What they come to."""
    method: str = "POST"
    media_type: str = "application/json"
    basis: str = "exact"
    is_bounded: bool = True
    """Whether the cost is the whole one: something may be billed beside it that no answer tells."""
    check: bool | None = True
    """Whether the parts sum to the provider's own totals; None: it gives none."""

    @property
    def by_rates(self) -> Fraction:
        """The sum of the arithmetic, in nano-dollars."""
        return sum((count * Fraction(rate) * 1_000 for count, rate in self.rates), Fraction(0))


def whole(document: Document) -> bytes:
    """An answer in one piece."""
    return json.dumps(document).encode()


def events(*documents: Document, done: bool = False) -> bytes:
    """Server-sent events; those with a type are named after it."""
    named = [f"event: {one['type']}\n" if "type" in one else "" for one in documents]
    text = "".join(f"{name}data: {json.dumps(one)}\n\n" for name, one in zip(named, documents, strict=True))
    return (text + ("data: [DONE]\n\n" if done else "")).encode()


def lines(*documents: Document) -> bytes:
    """Lines of JSON."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in documents)


SSE = "text/event-stream"
