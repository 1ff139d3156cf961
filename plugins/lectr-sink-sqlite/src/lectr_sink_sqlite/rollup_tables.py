"""The tables of sums and latencies by the minute, the hour and the day, and the views on them: statements and nothing else.

What keeps them true stands in `rollups.py`, what a column means in `meanings.py`. Called by `schema.py` and `rollups.py`.
"""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Grain:
    """One size of a stretch of time."""

    name: str
    """Ends the tables' names: `usage_hourly`."""
    at: str
    """The column that says when it begins."""
    cut: str
    """SQL that makes it of `minute`."""

    @property
    def usage(self) -> str:
        return f"usage_{self.name}"

    @property
    def latency(self) -> str:
        return f"latency_{self.name}"


MINUTE: Final = Grain("minutely", "minute", "minute")
HOUR: Final = Grain("hourly", "hour", "substr(minute, 1, 13) || ':00:00Z'")
DAY: Final = Grain("daily", "day", "substr(minute, 1, 10)")
GRAINS: Final = (MINUTE, HOUR, DAY)

WHO: Final = ("org", "feature", "provider", "model")
"""Whose requests: what both kinds of tables are grouped by."""
WHAT: Final = ("outcome", "error_category")
"""What became of them: sums are grouped by this too."""

# Each sum, as SQL over rows of `requests`.
SUMS: Final = {
    "requests": "count(*)",
    "errors": "sum(outcome NOT IN ('ok', 'client_disconnected'))",
    "streamed": "sum(streamed)",
    "attempts": "sum(attempts)",
    "client_retries": "sum(coalesce(client_retry, 0) > 0)",
    "input_tokens": "coalesce(sum(input_tokens), 0)",
    "input_tokens_low": "coalesce(sum(coalesce(input_tokens_low, input_tokens)), 0)",
    "input_tokens_high": "coalesce(sum(coalesce(input_tokens_high, input_tokens)), 0)",
    "output_tokens": "coalesce(sum(output_tokens), 0)",
    "output_tokens_low": "coalesce(sum(coalesce(output_tokens_low, output_tokens)), 0)",
    "output_tokens_high": "coalesce(sum(coalesce(output_tokens_high, output_tokens)), 0)",
    "cached_input_tokens": "coalesce(sum(cached_input_tokens), 0)",
    "cache_write_tokens": "coalesce(sum(cache_write_tokens), 0)",
    "reasoning_tokens": "coalesce(sum(reasoning_tokens), 0)",
    "tokens_reported": "sum(tokens_source = 'reported')",
    "tokens_measured": "sum(tokens_source = 'measured')",
    "tokens_estimated": "sum(tokens_source = 'estimated')",
    "tokens_unknown": "sum(tokens_source = 'unknown')",
    "tokens_unbounded": "sum(tokens_source != 'unknown' AND (input_tokens_high IS NULL OR output_tokens_high IS NULL))",
    "cost_nanousd": "coalesce(sum(cost_nanousd), 0)",
    "cost_low_nanousd": "coalesce(sum(coalesce(cost_low_nanousd, cost_nanousd)), 0)",
    "cost_high_nanousd": "coalesce(sum(coalesce(cost_high_nanousd, cost_nanousd)), 0)",
    "cost_reported_nanousd": "coalesce(sum(CASE WHEN tokens_source = 'reported' THEN cost_nanousd END), 0)",
    "cost_unknown": "sum(cost_nanousd IS NULL)",
    "cost_unbounded": "sum(cost_nanousd IS NOT NULL AND cost_high_nanousd IS NULL)",
    # A connection that became a tunnel may last for hours; what was waited for are its turns, each a row of its own.
    "duration_sum_ms": "sum(CASE WHEN status IS NOT 101 THEN duration_ms ELSE 0.0 END)",
    "gateway_sum_ms": "sum(gateway_ms)",
    "ttft_sum_ms": "coalesce(sum(CASE WHEN streamed THEN ttft_ms END), 0.0)",
    "ttft_requests": "count(CASE WHEN streamed THEN ttft_ms END)",
    "request_bytes": "sum(request_bytes)",
    "response_bytes": "sum(response_bytes)",
}
MOVED: Final = (
    *(name for name in SUMS if name.startswith("cost_")),
    *("input_tokens_high", "output_tokens_high", "tokens_unbounded"),
)
"""The sums that change when a price does: upper bounds of tokens may be a model's own limits."""

HISTOGRAMS: Final = {
    "duration": "histogram(CASE WHEN status IS NOT 101 THEN duration_ms END)",
    "ttft": "histogram(CASE WHEN streamed THEN ttft_ms END)",
}
"""Of answered requests (outcome `ok`)."""

KEYS: Final = {
    "org": "coalesce(org, '')",
    "feature": "feature",
    "provider": "coalesce(provider, '')",
    "model": "coalesce(model_actual, model_sent, model_requested, '')",
    "outcome": "outcome",
    "error_category": "coalesce(error_category, '')",
}
"""Who and what, as SQL over rows of `requests`."""

BY_MINUTE: Final = f"""
SELECT substr(started_at, 1, 16) || ':00Z' AS minute, {", ".join(f"{sql} AS {name}" for name, sql in KEYS.items())},
    {", ".join(f"{sql} AS {name}" for name, sql in (SUMS | HISTOGRAMS).items())}
FROM requests {{rows}} GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
"""Rows of `requests` by minute; `{rows}` says which."""

BATCH: Final = f"""
CREATE TEMP TABLE batch (minute, {", ".join((*WHO, *WHAT, *SUMS, *HISTOGRAMS))})
"""
"""What a batch adds, between the two steps of adding it."""


def usage_table(grain: Grain) -> str:
    """`CREATE TABLE` for the sums."""
    key = (grain.at, *WHO, *WHAT)
    texts = ",\n    ".join(f"{name} TEXT NOT NULL" for name in key)
    sums = ",\n    ".join(f"{name} {'REAL' if name.endswith('_ms') else 'INTEGER'} NOT NULL" for name in SUMS)
    return f"""
CREATE TABLE {grain.usage} (
    {texts},
    {sums},
    tokens_not_reported INTEGER GENERATED ALWAYS AS (tokens_measured + tokens_estimated) VIRTUAL,
    cost_usd REAL GENERATED ALWAYS AS (cost_nanousd / 1e9) VIRTUAL,
    PRIMARY KEY ({", ".join(key)})
) STRICT, WITHOUT ROWID
"""


def latency_table(grain: Grain) -> str:
    """`CREATE TABLE` for the histograms."""
    key = (grain.at, *WHO)
    texts = ",\n    ".join(f"{name} TEXT NOT NULL" for name in key)
    return f"""
CREATE TABLE {grain.latency} (
    {texts},
    duration_json TEXT,
    ttft_json TEXT,
    PRIMARY KEY ({", ".join(key)})
) STRICT, WITHOUT ROWID
"""


LATENCY_STEPS: Final = """
CREATE TABLE latency_steps (step INTEGER PRIMARY KEY NOT NULL, upto_ms REAL NOT NULL, middle_ms REAL NOT NULL) STRICT
"""


def spend_view(by: str, columns: str) -> str:
    """`CREATE VIEW spend_by_…_day`."""
    sums = ("requests", "errors", "input_tokens", "output_tokens")
    usd = ("cost", "cost_low", "cost_high")
    return f"""
CREATE VIEW spend_by_{by}_day AS
SELECT day, {columns}, {", ".join(f"sum({name}) AS {name}" for name in sums)},
    {", ".join(f"sum({name}_nanousd) / 1e9 AS {name}_usd" for name in usd)}, sum(cost_unknown) AS cost_unknown
FROM usage_daily GROUP BY day, {columns} ORDER BY day DESC, cost_usd DESC
"""
