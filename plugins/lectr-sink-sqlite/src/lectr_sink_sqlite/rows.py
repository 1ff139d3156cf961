"""A record as a row of `requests`. Pure: no database, no clock. Called by `store.py` for every record of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

import msgspec

from lectr_core import Record
from lectr_sink_sqlite.stored import pricing

MS_NS = 1_000_000
DAY_NS = 86_400_000_000_000
_EPOCH = date(1970, 1, 1).toordinal()

# SQLite's integers. A client may ask for any `max_tokens` it likes; one that does not fit must not stop the batch.
MOST = 2**63 - 1

COLUMNS = (
    *("id", "started_at", "org", "feature", "task", "provider", "model_requested", "model_sent", "model_actual"),
    *("endpoint", "method", "status", "outcome", "ended_by", "error_source", "error_category", "error_code"),
    *("finish_reason", "streamed", "attempts", "duration_ms", "ttfb_ms", "ttft_ms", "gateway_ms"),
    *("input_tokens", "input_tokens_low", "input_tokens_high"),
    *("output_tokens", "output_tokens_low", "output_tokens_high"),
    *("cached_input_tokens", "cache_write_tokens", "reasoning_tokens", "tokens_source"),
    *("cost_basis", "variant", "price_id", "price_source", "price_date", "price_note"),
    *("rule", "policy_fault", "provider_detected", "provider_unknown", "provider_request_id", "answer_id", "max_tokens"),
    *("request_bytes", "response_bytes", "response_digest", "faithful", "client_retry", "feature_cut", "key_id"),
    *("config_version", "usage_state", "usage_check", "deltas", "delta_chars"),
    *("cost_nanousd", "cost_low_nanousd", "cost_high_nanousd"),
    *("cost_parts_json", "units_json", "usage_json", "attempts_json", "headroom_json", "stream", "seq"),
    "connection",
    "by_model_json",
    "tokens_note",
    "usage_asked",
    "pricing_json",
)
"""The columns that are written, in the order of `row`; the others of the table are generated from these."""

INSERT = f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT DO NOTHING"

Value = str | int | float | None
Row = tuple[Value, ...]

_json = msgspec.json.Encoder(decimal_format="string").encode


def row(record: Record) -> Row:
    """The values of COLUMNS for one record."""
    ended = record.ended
    begun = ended.begun
    reading = ended.reading
    usage = reading.usage
    account = record.account
    return (
        *(begun.id, timestamp(begun.started_ns), begun.org, begun.feature, begun.task, begun.provider),
        *(begun.model_requested, begun.model_sent, reading.model),
        *(begun.endpoint, begun.method, ended.status, ended.outcome, ended.ended_by),
        *(ended.error_source, ended.error_category or reading.error_category, ended.error_code),
        *(reading.finish_reason, begun.streamed, len(ended.attempts)),
        *(ended.duration_ns / MS_NS, _ms(ended.ttfb_ns), _ms(ended.ttft_ns), ended.gateway_ns / MS_NS),
        *(account.input_tokens, account.input_tokens_low, account.input_tokens_high),
        *(account.output_tokens, account.output_tokens_low, account.output_tokens_high),
        *(account.cached_input_tokens, account.cache_write_tokens, account.reasoning_tokens, account.tokens_source),
        *(account.cost_basis, reading.variant),
        *(account.price_id, account.price_source, account.price_date, account.price_note),
        *(begun.rule, begun.policy_fault, begun.provider_detected, begun.provider_unknown),
        *(ended.provider_request_id, reading.answer_id, _fitting(begun.max_tokens)),
        *(max(ended.request_bytes, begun.request_bytes), ended.response_bytes, ended.response_digest, ended.faithful),
        *(_fitting(ended.client_retry), begun.feature_cut, begun.key_id, begun.config_version),
        *(reading.state, usage.adds_up if usage else None, reading.deltas, reading.delta_chars),
        *(account.cost_nanousd, account.cost_low_nanousd, account.cost_high_nanousd),
        *(_tree(account.cost_parts_nanousd), _tree(account.units), _tree(usage.raw) if usage else None),
        *(_json(ended.attempts).decode() if ended.attempts else None, _tree(ended.headroom)),
        *(record.stream, begun.seq, begun.connection),
        _json(account.by_model).decode() if account.by_model else None,
        account.tokens_note,
        begun.usage_asked,
        pricing(ended, account),
    )


def tame(values: Row) -> Row:
    """The same row without what SQLite cannot keep: integers over 64 bits become NULL, half characters become `?`.

    Used only after a batch was refused, so that one odd value can never hold up the records behind it.
    """
    return tuple(_tame(value) for value in values)


def _tame(value: Value) -> Value:
    if isinstance(value, int):
        return _fitting(value)
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return value


def timestamp(started_ns: int) -> str:
    """ISO 8601, UTC, milliseconds (cut, not rounded), `Z`. Units: nanoseconds since 1970, wall clock."""
    days, rest = divmod(started_ns, DAY_NS)
    minutes, rest = divmod(rest // MS_NS, 60_000)
    return f"{_day(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}Z"


@lru_cache(maxsize=64)
def _day(days: int) -> str:
    return date.fromordinal(_EPOCH + days).isoformat()


def _ms(span_ns: int | None) -> float | None:
    return None if span_ns is None else span_ns / MS_NS


def _fitting(number: int | None) -> int | None:
    return number if number is None or -MOST <= number <= MOST else None


def _tree(tree: Mapping[str, Any]) -> str | None:  # Any: a usage tree is recursive
    return _json(tree).decode() if tree else None
