"""What Datasette is told of the database: titles, units, order, facets, canned queries. Made at start.

Column descriptions come from the database's own table `about_columns` where it is there already, else from here.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from lectr_datasette.canned import CANNED

Tree = dict[str, Any]  # Any: JSON

_COLUMNS: Final = {
    "id": "The request's id (UUIDv7); sorts by time.",
    "started_at": "When the request's head was complete. UTC, ISO 8601, milliseconds.",
    "org": "Whose key it was; NULL where the key was missing or unknown.",
    "feature": "X-Lectr-Feature; `untagged` where there was none.",
    "task": "X-Lectr-Task, as sent.",
    "provider": "Where the request went, after any rule.",
    "model_requested": "The model the client asked for.",
    "model_sent": "The model that went to the provider, after any rule.",
    "model_actual": "The model as the provider reports it; NULL where it reports none.",
    "endpoint": "The route, without ids and query.",
    "status": "HTTP status the client got; NULL where it got none.",
    "outcome": "ok, provider_error, lectr_refused, client_disconnected, upstream_failed, interrupted, gateway_shutdown.",
    "error_source": "Where the error came from: provider, lectr, client, network; NULL: no error.",
    "error_category": "rate_limit, overload, money, auth, client, server, in_band, timeout, network; on the way to the "
    "provider: dns, refused, proxy, tls, connect_timeout, head_timeout, silence_timeout, stale; NULL: no error.",
    "streamed": "1 where the client asked for a stream.",
    "attempts": "Tries at a provider (count).",
    "duration_ms": "From the complete head to the last byte sent (ms).",
    "ttfb_ms": "To the first byte of the provider's response head (ms).",
    "ttft_ms": "To the first piece of output in a stream, or to the body of a whole answer (ms).",
    "gateway_ms": "Lectr's own share of the time before the first byte (ms).",
    "request_bytes": "Size of the request's body (bytes).",
    "response_bytes": "Size of the body the client got (bytes).",
    "input_tokens": "The whole prompt, cached and cache-write tokens included (tokens); NULL: unknown.",
    "output_tokens": "The whole answer, reasoning included (tokens); NULL: unknown.",
    "cached_input_tokens": "Prompt tokens read from the provider's cache; part of input_tokens.",
    "cache_write_tokens": "Prompt tokens written to the provider's cache; part of input_tokens.",
    "reasoning_tokens": "Answer tokens spent on thinking; part of output_tokens.",
    "tokens_source": "reported by the provider, measured from the stream, estimated, or unknown.",
    "cost_usd": "Cost (USD); NULL: the price or the counts are unknown, never 0.",
    "cost_low_usd": "Lower bound of the cost (USD).",
    "cost_high_usd": "Upper bound of the cost (USD); NULL: no bound is known.",
    "cost_nanousd": "Cost as an exact integer (nano-USD); add these up, not the dollars.",
    "cost_basis": "exact: the usual price. variant: the tier's own. fallback: the usual one for want of the tier's. "
    "override: from lectr.toml. unknown: no price.",
    "price_source": "Where the price comes from, with its version.",
    "price_date": "From when the price holds, or when its source was issued (ISO date).",
    "rule": "Which rule, limit or budget acted.",
    "provider_unknown": "1 where nothing spoke for a provider and the default was used.",
    "config_version": "Which version of the settings decided.",
    "provider_request_id": "The provider's own id of the request.",
    "response_digest": "SHA-256 (hex) over the body the client got.",
}

# Each is the front of an index, so that counting needs no row: 0.15 s of CPU for each million requests.
FACETS: Final = ("feature", "provider", "outcome")

_SUMS_WORDS: Final = (
    "the sums of all requests by org, feature, provider, model, outcome and kind of error. Ask these rather than the "
    "requests themselves: they are few and stay when old requests are removed."
)
_LATENCY_WORDS: Final = (
    "how many answered requests took how long, as histograms. histogram_percentile(histogram_sum(duration_json), 0.95) "
    "reads the 95th percentile of any of them together, in milliseconds."
)
# What Datasette shows over each table: title, description, and by which column it comes, the newest first.
_TABLES: Final = {
    "recent_requests": ("Recent requests", "The columns people look at first, the newest requests first.", None),
    "spend_by_feature_day": (
        "Spend by feature and day",
        "Costs and tokens by day and feature, the newest days first.",
        None,
    ),
    "spend_by_model_day": ("Spend by model and day", "Costs and tokens by day and model, the newest days first.", None),
    "usage_minutely": ("Sums by the minute", f"By the minute, {_SUMS_WORDS}", "minute"),
    "usage_hourly": ("Sums by the hour", f"By the hour, {_SUMS_WORDS}", "hour"),
    "usage_daily": ("Sums by the day", f"By the day, {_SUMS_WORDS}", "day"),
    "latency_minutely": ("Latencies by the minute", f"By the minute, {_LATENCY_WORDS}", "minute"),
    "latency_hourly": ("Latencies by the hour", f"By the hour, {_LATENCY_WORDS}", "hour"),
    "latency_daily": ("Latencies by the day", f"By the day, {_LATENCY_WORDS}", "day"),
    "about_columns": ("What each column means", "In words and with its unit.", None),
}
_HIDDEN: Final = ("cursors", "removed", "latency_steps", "_sqlite_migrations")


def metadata_of(database: Path) -> Tree:
    """Metadata for Datasette; *database* need not exist yet. The database is known there by the name of its file."""
    described = _described(database)
    described["requests"] = {**_COLUMNS, **described.get("requests", {})}
    tables: Tree = {name: {"columns": columns} for name, columns in described.items()}
    tables["requests"] |= {
        "title": "Requests",
        "description": "One row a request, the newest first. No prompt, no answer, no key is ever stored.",
        "sort_desc": "started_at",
        "facets": list(FACETS),
        "size": 50,
        "label_column": "id",
    }
    for name, (title, description, newest) in _TABLES.items():
        order = {} if newest is None else {"sort_desc": newest}
        tables[name] = {**tables.get(name, {}), "title": title, "description": description, "size": 100, **order}
    for name in _HIDDEN:
        tables[name] = {**tables.get(name, {}), "hidden": True}
    queries: Tree = {}
    for query in CANNED:
        # The SQL is shown: it teaches the tables.
        shown = {"title": query.title, "description": plain(query.explains), "params": ["days"]}
        queries[query.name] = {"sql": query.sql, **shown}
    about: Tree = {
        "title": "Lectr's database",
        "description": "Every request that went through the gateway. Begin with the views recent_requests and "
        "spend_by_feature_day, or with one of the questions below.",
        "source": "Lectr",
    }
    return {"title": "Lectr", "databases": {database.stem: {**about, "tables": tables, "queries": queries}}}


def plain(text: str) -> str:
    """Datasette shows descriptions as they are: without the marks of Markdown."""
    return text.replace("`", "")


def _described(database: Path) -> dict[str, dict[str, str]]:
    """Descriptions by table and column, from the database itself; none where it has none."""
    found: dict[str, dict[str, str]] = {}
    if not database.is_file():
        return found
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as store:
            for table, name, unit, meaning in store.execute("select in_table, name, unit, meaning from about_columns"):
                text = plain(meaning).rstrip(".")
                found.setdefault(table, {})[name] = f"{text} ({unit})." if unit != "text" else f"{text}."
    except sqlite3.Error:
        return {}
    return found
