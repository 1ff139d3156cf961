"""The record of one request: what the journal keeps, and what a sink gets.

`Begun` is written before the first byte goes upstream, `Ended` after the exchange is over, `Record` is what the cold
side makes of it. No field can hold content, a key or a query string.
"""

from __future__ import annotations

from typing import Final, Literal

import attrs

from lectr_core.model.reading import Reading
from lectr_core.model.units import Units
from lectr_core.model.value import value

Outcome = Literal[
    "ok", "provider_error", "lectr_refused", "client_disconnected", "upstream_failed", "interrupted", "gateway_shutdown"
]
EndedBy = Literal["completed", "client_gone", "provider_failed", "gateway_timeout", "gateway_shutdown", "crash"]
TokensSource = Literal["reported", "measured", "estimated", "unknown"]
CostBasis = Literal["exact", "variant", "fallback", "override", "provisioned", "reported", "unknown"]


@value
class Bulk:
    """What of a request's body is no text: counted, never kept."""

    tool_bytes: int = 0
    """Of the declarations of tools, as JSON."""
    images: int = 0
    """How many images there are, as far as they can be told."""
    coded_bytes: int = 0
    """Of long runs of base64: images, files, audio."""


@value(kw_only=True)
class Begun:
    """What is known of a request when it goes upstream (or is refused)."""

    seq: int
    """1, 2, 3 … within one worker's life; a gap is a record that was lost."""
    id: str
    """UUIDv7, as text."""
    started_ns: int
    """Wall clock, UTC, nanoseconds since 1970: when the head was complete."""
    config_version: str
    """Which configuration decided."""
    method: str
    endpoint: str
    """The route without ids or query."""
    org: str | None = None
    """None where the key was missing or unknown."""
    key_id: str | None = None
    feature: str = "untagged"
    feature_cut: bool = False
    """Whether the feature was longer than is kept."""
    task: str | None = None
    provider: str | None = None
    """Where the request goes, after any route."""
    provider_unknown: bool = False
    """Nothing spoke for a provider: the default was used."""
    provider_detected: str | None = None
    """As detected, where a route sent the request elsewhere."""
    model_requested: str | None = None
    model_sent: str | None = None
    streamed: bool = False
    max_tokens: int | None = None
    request_bytes: int = 0
    """Of the body as far as it is known now."""
    rule: str | None = None
    """Which rule, limit or budget acted."""
    policy_fault: str | None = None
    """Why a route could not be followed, or which policy failed; the request then went through unchanged."""
    connection: str | None = None
    """Of a turn within a connection that became a tunnel: the id of the connection's own record."""
    usage_asked: bool = False
    """The request was changed to ask for usage in its stream, as a rule says."""
    choices: int | None = 1
    """How many answers were asked for at most (`n`, `best_of`, `candidateCount`). None: not known."""
    bulk: Bulk | None = None
    """None where the body is text alone, or was not read."""


@value(kw_only=True)
class Attempt:
    """One try at one provider."""

    provider: str
    model: str | None
    status: int | None
    category: str | None
    """An `ErrorCategory`, or None where it succeeded."""
    duration_ns: int


@value(kw_only=True)
class Ended:
    """One finished exchange. Holds its `Begun` again, so that this line alone makes a whole record."""

    begun: Begun
    outcome: Outcome
    ended_by: EndedBy
    status: int | None = None
    """Of the response the client got; None where it got none."""
    error_source: Literal["provider", "lectr", "client", "network"] | None = None
    error_category: str | None = None
    """An `ErrorCategory`, or of the way to the provider: `dns`, `refused`, `proxy`, `tls`, `connect_timeout`,
    `head_timeout`, `silence_timeout`, `stale`."""
    error_code: str | None = None
    """Lectr's own code (`invalid_lectr_key`); a provider's error text is never kept."""
    duration_ns: int = 0
    """Monotonic: from the complete head to the last byte sent."""
    ttfb_ns: int | None = None
    """To the first byte of the provider's response head."""
    ttft_ns: int | None = None
    """To the first piece of output in a stream, or to the body of a whole answer."""
    gateway_ns: int = 0
    """Lectr's own share of the time before the first byte: neither waiting for the client nor for the provider."""
    request_bytes: int = 0
    """Of the body, as received."""
    response_bytes: int = 0
    """Of the body, as sent to the client, without transfer framing."""
    response_digest: str | None = None
    """SHA-256 (hex) over those bytes; None where there was no body."""
    faithful: bool | None = None
    """Whether the body received from the provider and the one handed to the client are the same, byte by byte. None where
    there was no answer of a provider's, or the client did not take all of it."""
    client_retry: int | None = None
    """`x-stainless-retry-count`, where the client's SDK sends it."""
    provider_request_id: str | None = None
    reading: Reading = attrs.field(factory=Reading)
    attempts: tuple[Attempt, ...] = ()
    headroom: dict[str, str] = attrs.field(factory=dict)
    """The provider's rate-limit headers by name, values as sent (numbers and durations)."""


@value(kw_only=True)
class ModelCost:
    """What one model of several took of an answer, and what that cost."""

    model: str | None
    variant: str | None
    units: Units
    cost_nanousd: int | None
    cost_basis: CostBasis
    price_id: str | None


@value(kw_only=True)
class Account:
    """Counts and money of one record, each with its source and bounds. None is unknown, never 0."""

    units: Units = attrs.field(factory=dict)
    tokens_source: TokensSource = "unknown"
    tokens_note: str | None = None
    """How tokens that nobody reported were worked out, so that it can be done again."""
    input_tokens: int | None = None
    """All of the prompt: uncached, cached, cache-write, audio, image (OpenTelemetry `gen_ai.usage.input_tokens`)."""
    input_tokens_low: int | None = None
    input_tokens_high: int | None = None
    output_tokens: int | None = None
    """Reasoning included."""
    output_tokens_low: int | None = None
    output_tokens_high: int | None = None
    input_tokens_high_uncut: int | None = None
    """Where a prompt that nobody counted has a measured upper end: that end before the model's own limit cut it."""
    output_tokens_high_uncut: int | None = None
    """Where the answer was estimated: the upper end before the model's own limit cut it, so that it can be cut again."""
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_nanousd: int | None = None
    cost_low_nanousd: int | None = None
    cost_high_nanousd: int | None = None
    cost_parts_nanousd: dict[str, int] = attrs.field(factory=dict)
    """By unit; they sum to the cost up to one rounding each."""
    cost_basis: CostBasis = "unknown"
    price_id: str | None = None
    price_source: str | None = None
    """`genai-prices 0.2.3`, `lectr.toml`."""
    price_date: str | None = None
    """ISO date from which the price holds, or on which the source was issued."""
    price_note: str | None = None
    """What the price could not say, e.g. `no rate for cache_read: input rate used`."""
    closes: tuple[str, ...] = ()
    """Ids of earlier records that were `open`: what they began is counted with this one, so that they cost nothing more."""
    by_model: tuple[ModelCost, ...] = ()
    """Where several models, tiers or prompts were priced apart: each of them. They sum to the rest of the account."""


NOTHING: Final = Account(
    tokens_source="reported",
    input_tokens=0,
    input_tokens_low=0,
    input_tokens_high=0,
    output_tokens=0,
    output_tokens_low=0,
    output_tokens_high=0,
    cached_input_tokens=0,
    cache_write_tokens=0,
    reasoning_tokens=0,
    cost_nanousd=0,
    cost_low_nanousd=0,
    cost_high_nanousd=0,
    cost_basis="exact",
)
"""A request that used nothing; the note says why."""

CLOSED: Final = attrs.evolve(NOTHING, price_note="closed: counted with the request that told its result")
"""What a record that was `open` becomes in a store, once the record that counts it names it in `closes`."""


@value(kw_only=True)
class Record:
    """What a sink stores: one row a request."""

    stream: str
    """Whose life the sequence number counts in; (stream, begun.seq) is unique, as is the id."""
    ended: Ended
    account: Account
