"""What Datasette is told of the database: titles, units, order, facets, canned queries. Made at start.

Column descriptions come from the database's own table `about_columns` where it is there already, else from here.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import attrs

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
    "override: from lectr.toml. provisioned: paid by the hour. unknown: no price.",
    "price_source": "Where the price comes from, with its version.",
    "price_date": "From when the price holds, or when its source was issued (ISO date).",
    "rule": "Which rule, limit or budget acted.",
    "provider_unknown": "1 where nothing spoke for a provider and the default was used.",
    "config_version": "Which version of the settings decided.",
    "provider_request_id": "The provider's own id of the request.",
    "response_digest": "SHA-256 (hex) over the body the client got.",
}

# On the newest 10,000 requests only: each takes some 15 ms there, and seconds over ten million.
FACETS: Final = ("feature", "model", "provider", "outcome")

_SUMS_WORDS: Final = (
    "the sums of all requests by org, feature, provider, model, outcome and kind of error. Ask these rather than the "
    "requests themselves: they are few and stay when old requests are removed."
)
_LATENCY_WORDS: Final = (
    "how many answered requests took how long, as histograms. histogram_percentile(histogram_sum(duration_json), 0.95) "
    "reads the 95th percentile of any of them together, in milliseconds."
)
_DAY_WORDS: Final = "The newest days (UTC) first; from the sums by day."
_INTERVAL_WORDS: Final = (
    "cost_low_usd and cost_high_usd are the bounds of the cost; no upper bound where one request has none. cost_unknown "
    "requests add nothing to it."
)


@attrs.frozen
class Shown:
    """How Datasette shows a table or view."""

    title: str
    says: str
    newest: str | None = None
    """By which column it comes, the newest first; None: as the view has it."""
    facets: tuple[str, ...] = ()
    size: int = 100
    """Rows a page."""


TABLES: Final = {
    "recent_requests": Shown(
        "Recent requests",
        "The newest 10,000 requests, the columns people look at, with facets. For older ones: all_requests.",
        facets=FACETS,
    ),
    "all_requests": Shown(
        "All requests",
        "Every request, the columns people look at, the newest first. Filter by feature, org, outcome or started_at: each "
        "has an index. Every column of it is in requests.",
        "started_at",
    ),
    "recent_errors": Shown(
        "Recent errors",
        "The newest 1,000 requests that failed: where, why, and after how many attempts.",
        facets=("error_category", "provider", "feature", "outcome"),
    ),
    "in_flight_now": Shown("In flight now", "Requests that are not over. Empty where no gateway runs."),
    "spend_by_day": Shown("Spend by day", f"{_DAY_WORDS} {_INTERVAL_WORDS}"),
    "spend_by_hour": Shown("Spend by hour", f"The last 7 days, the newest hours (UTC) first. {_INTERVAL_WORDS}"),
    "spend_by_feature_day": Shown("Spend by feature and day", f"{_DAY_WORDS} {_INTERVAL_WORDS}", facets=("feature",)),
    "spend_by_model_day": Shown("Spend by model and day", f"{_DAY_WORDS} {_INTERVAL_WORDS}", facets=("provider", "model")),
    "spend_by_org_day": Shown("Spend by org and day", f"{_DAY_WORDS} {_INTERVAL_WORDS}", facets=("org",)),
    "errors_by_model_day": Shown(
        "Errors by model and day", _DAY_WORDS, facets=("provider", "model", "outcome", "error_category")
    ),
    "speed_by_model_day": Shown(
        "Speed by model and day",
        f"{_DAY_WORDS} Means of answered requests; percentiles are in latency_daily and in the question speed_by_model.",
        facets=("provider", "model"),
    ),
    "cache_by_feature_day": Shown(
        "Prompt caches by feature and day",
        f"{_DAY_WORDS} cached_share is how much of the prompts came from the provider's cache.",
        facets=("feature", "model"),
    ),
    "certainty_by_model_day": Shown(
        "How sure, by model and day",
        f"{_DAY_WORDS} Where the counts of tokens come from: reported_share is of the requests. {_INTERVAL_WORDS}",
        facets=("provider", "model"),
    ),
    "requests": Shown(
        "Requests",
        "One row a request with every column, the newest first. No prompt, no answer, no key is ever stored. Fewer columns, "
        "and facets: recent_requests.",
        "started_at",
        size=50,
    ),
    "usage_minutely": Shown("Sums by the minute", f"By the minute, {_SUMS_WORDS}", "minute"),
    "usage_hourly": Shown("Sums by the hour", f"By the hour, {_SUMS_WORDS}", "hour"),
    "usage_daily": Shown("Sums by the day", f"By the day, {_SUMS_WORDS}", "day"),
    "latency_minutely": Shown("Latencies by the minute", f"By the minute, {_LATENCY_WORDS}", "minute"),
    "latency_hourly": Shown("Latencies by the hour", f"By the hour, {_LATENCY_WORDS}", "hour"),
    "latency_daily": Shown("Latencies by the day", f"By the day, {_LATENCY_WORDS}", "day"),
    "in_flight": Shown("In flight", "As a running gateway told it last; as_of says when."),
    "prices": Shown("Prices", "Every price that a request was priced with, as its source said it then.", "first_used_at"),
    "token_accuracy": Shown("How well tokens are predicted", "On requests that did report."),
    "repricings": Shown("Repricings", "What lectr reprice --apply restated, the newest run first.", "applied_at"),
    "about_columns": Shown("What each column means", "In words and with its unit."),
}
"""Views first, since that is where people begin."""
# In the order in which the columns stand.
_ABOUT: Final = """select about.in_table, about.name, about.unit, about.meaning
from about_columns as about left join pragma_table_xinfo(about.in_table) as info on info.name = about.name
order by about.in_table, info.cid"""
_HIDDEN: Final = ("cursors", "removed", "latency_steps", "_sqlite_migrations")


def metadata_of(database: Path) -> Tree:
    """Metadata for Datasette; *database* need not exist yet. The database is known there by the name of its file."""
    described = _described(database)
    described["requests"] = {**_COLUMNS, **described.get("requests", {})}
    tables: Tree = {name: {"columns": columns} for name, columns in described.items()}
    for name, shown in TABLES.items():
        said: Tree = {"title": shown.title, "description": shown.says, "size": shown.size}
        if shown.newest is not None:
            said["sort_desc"] = shown.newest
        if shown.facets:
            said["facets"] = list(shown.facets)
        tables[name] = {**tables.get(name, {}), **said}
    tables["requests"]["label_column"] = "id"
    for name in _HIDDEN:
        tables[name] = {**tables.get(name, {}), "hidden": True}
    queries: Tree = {}
    for query in CANNED:
        # The SQL is shown: it teaches the tables.
        words = {"title": query.title, "description": plain(query.explains), "params": ["days"]}
        queries[query.name] = {"sql": query.sql, **words}
    about: Tree = {
        "title": "Lectr's database",
        "description": "Every request that went through the gateway. Begin with the views recent_requests, recent_errors "
        "and spend_by_feature_day, or with one of the questions below.",
        "source": "Lectr",
    }
    return {"title": "Lectr", "databases": {database.stem: {**about, "tables": tables, "queries": queries}}}


async def describe(datasette: Any, database: Path) -> bool:  # Any: Datasette is untyped
    """Tell a Datasette at work what the database's columns mean; False where the database does not say so yet.

    A database that is made after the explorer began could not be asked at start.
    """
    described = _described(database)
    if hasattr(datasette, "set_column_metadata"):
        for table, columns in described.items():
            for name, text in columns.items():
                await datasette.set_column_metadata(database.stem, table, name, "description", text)
    else:
        tables = datasette._metadata_local.setdefault("databases", {}).setdefault(database.stem, {}).setdefault("tables", {})
        for table, columns in described.items():
            known = tables.setdefault(table, {})
            known["columns"] = {**known.get("columns", {}), **columns}
    return bool(described)


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
            for table, name, unit, meaning in store.execute(_ABOUT):
                text = plain(meaning).rstrip(".")
                found.setdefault(table, {})[name] = f"{text} ({unit})." if unit != "text" else f"{text}."
    except sqlite3.Error:
        return {}
    return found
