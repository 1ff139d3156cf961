"""What every table and column means, with its unit. Stands in the file itself too, as table `about_columns`.

The reference page is made from this and tested to be current; a column without a meaning fails a test. Called by
`store.py` at opening and by the script that makes the page.
"""

from __future__ import annotations

import sqlite3
from typing import Final

Column = tuple[str, str]
"""Unit, meaning."""

TEXT: Final = "text"
FLAG: Final = "0 or 1"
TIME: Final = "UTC, ISO 8601"
COUNT: Final = "count"
TOKENS: Final = "tokens"
MS: Final = "ms"
BYTES: Final = "bytes"
USD: Final = "USD"
NANOUSD: Final = "nano-USD"
JSON: Final = "JSON"

TABLES: Final[dict[str, str]] = {
    "requests": "One row a request, whatever became of it.",
    "usage_minutely": "Sums by the minute. Kept up to date in the transaction that stores the rows; the oldest go after "
    "`minutes_days`.",
    "usage_hourly": "The same sums by the hour; retention leaves them.",
    "usage_daily": "The same sums by the day (UTC); retention leaves them.",
    "latency_minutely": "How many answered requests (outcome `ok`) took how long, by the minute: histograms that "
    "add up. They go as the sums of their minute do.",
    "latency_hourly": "The same histograms by the hour.",
    "latency_daily": "The same histograms by the day (UTC).",
    "latency_steps": "Where the steps of the histograms end. One is 4 % above the one before it.",
    "cursors": "How far each stream of the journal is stored. Lectr's own; do not change it.",
    "removed": "How many rows retention has removed, by stream, so that `lectr verify` still counts right.",
    "in_flight": "Requests that have begun and are not over, as of a second ago: told anew while a gateway runs.",
    "prices": "Every price that a record was priced with, as its source said it at that time.",
    "token_accuracy": "How well tokens are predicted: on requests that did report, before their report was looked at.",
    "repricings": "What `lectr reprice --apply` restated: one row a run, provider, model and new price's source.",
    "about_columns": "This page, as a table.",
    "recent_requests": "View: the newest 10,000 requests, the columns people look at.",
    "all_requests": "View: the same columns of every request, in no order. Ask it with a time or a feature: both have "
    "an index.",
    "recent_errors": "View: the newest 1,000 requests that failed, from `requests`; where, why and after how many tries.",
    "in_flight_now": "View: requests that are not over, as far as a running gateway told within the last 10 seconds.",
    "spend_by_day": "View: cost and tokens by day, from `usage_daily`.",
    "spend_by_hour": "View: cost and tokens of the last 7 days by hour, from `usage_hourly`.",
    "spend_by_feature_day": "View: cost and tokens by day and feature, from `usage_daily`.",
    "spend_by_model_day": "View: cost and tokens by day, provider and model, from `usage_daily`.",
    "spend_by_org_day": "View: cost and tokens by day and org, from `usage_daily`.",
    "errors_by_model_day": "View: failed requests by day, provider, model and kind of error, from `usage_daily`.",
    "speed_by_model_day": "View: how long answered requests (outcome `ok`) took on average, by day, provider and model. For "
    "percentiles ask `latency_daily`.",
    "cache_by_feature_day": "View: how much of the prompts came from a provider's cache, by day, feature and model.",
    "certainty_by_model_day": "View: where counts of tokens come from, and the bounds of the cost, by day and model.",
}

REQUESTS: Final[dict[str, Column]] = {
    "id": ("UUIDv7", "The request's id. Sorts by time."),
    "started_at": (TIME, "When the request's head was complete, with milliseconds."),
    "org": (TEXT, "Whose key it was; NULL where the key was missing or unknown."),
    "feature": (TEXT, "`X-Lectr-Feature`; `untagged` where there was none."),
    "task": (TEXT, "`X-Lectr-Task`, as sent."),
    "provider": (TEXT, "Where the request went, after any route."),
    "model_requested": (TEXT, "The model the client asked for."),
    "model_sent": (TEXT, "The model that went to the provider, after any route."),
    "model_actual": (TEXT, "The model as the provider reports it; NULL where it reports none."),
    "endpoint": (TEXT, "The route, without ids and query: `/v1/chat/completions`."),
    "method": (TEXT, "The HTTP method."),
    "status": ("HTTP status", "The status the client got; NULL where it got none."),
    "outcome": (
        TEXT,
        "`ok`, `provider_error`, `lectr_refused`, `client_disconnected`, `upstream_failed`, `interrupted` (by a crash), "
        "`gateway_shutdown`.",
    ),
    "ended_by": (
        TEXT,
        "What ended the exchange: `completed`, `client_gone`, `provider_failed`, `gateway_timeout`, `gateway_shutdown`, "
        "`crash`.",
    ),
    "error_source": (TEXT, "Where the error came from: `provider`, `lectr`, `client`, `network`; NULL: no error."),
    "error_category": (
        TEXT,
        "`rate_limit`, `overload`, `money`, `auth`, `client`, `server`, `in_band`, `timeout`, `network`; of the way to the "
        "provider: `dns`, `refused`, `proxy`, `tls`, `connect_timeout`, `head_timeout` (no answer began), `silence_timeout` "
        "(within one), `stale` (a kept connection was closed as the request came); NULL: no error.",
    ),
    "error_code": (TEXT, "Lectr's own code (`invalid_lectr_key`). A provider's error text is never kept."),
    "finish_reason": (TEXT, "Why the answer ended, in the provider's word."),
    "streamed": (FLAG, "Whether the client asked for a stream."),
    "attempts": (COUNT, "Tries at a provider, the last one included; 0 where Lectr refused."),
    "duration_ms": (MS, "From the complete head to the last byte sent."),
    "ttfb_ms": (MS, "To the first byte of the provider's response head."),
    "ttft_ms": (MS, "To the first piece of output in a stream, or to the body of a whole answer."),
    "gateway_ms": (MS, "Lectr's own share of the time before the first byte."),
    "input_tokens": (TOKENS, "The whole prompt, cached and cache-write tokens included; NULL: unknown, never 0."),
    "input_tokens_low": (TOKENS, "Lower bound of `input_tokens`; equal to it where the provider reported it."),
    "input_tokens_high": (TOKENS, "Upper bound of `input_tokens`; NULL: no bound is known."),
    "output_tokens": (TOKENS, "The whole answer, reasoning included; NULL: unknown, never 0."),
    "output_tokens_low": (TOKENS, "Lower bound of `output_tokens`."),
    "output_tokens_high": (TOKENS, "Upper bound of `output_tokens`; NULL: no bound is known."),
    "cached_input_tokens": (TOKENS, "Prompt tokens read from the provider's cache; part of `input_tokens`."),
    "cache_write_tokens": (TOKENS, "Prompt tokens written to the provider's cache, any lifetime; part of `input_tokens`."),
    "cache_write_5m_tokens": (TOKENS, "Of these, kept for 5 minutes; NULL where counts are not reported."),
    "cache_write_1h_tokens": (TOKENS, "Of these, kept for 1 hour; NULL where counts are not reported."),
    "reasoning_tokens": (TOKENS, "Answer tokens spent on thinking; part of `output_tokens`."),
    "audio_tokens": (TOKENS, "Audio tokens in and out; part of the totals; NULL where counts are not reported."),
    "image_tokens": (TOKENS, "Image tokens in and out, where billed apart; part of the totals; NULL where not reported."),
    "tokens_source": (
        TEXT,
        "`reported` by the provider; `measured`: predicted from sizes, as this model's reported requests tell; `estimated`: "
        "from those of other models, or what is likely of any; `unknown`. Of a stream that broke off, what came until then "
        "is `reported`.",
    ),
    "usage_asked": (FLAG, "A rule had the request changed to ask for usage in its stream."),
    "tokens_note": (TEXT, "How tokens that are `measured` or `estimated` were worked out, with every number it took."),
    "cost_usd": (USD, "`cost_nanousd`, for people; NULL: the price or the counts are unknown, never 0."),
    "cost_low_usd": (USD, "Lower bound of the cost."),
    "cost_high_usd": (USD, "Upper bound of the cost."),
    "cost_basis": (
        TEXT,
        "`exact`: the usual price. `variant`: the tier's own price. `fallback`: a price that may not be "
        "the right one, see `price_note`. `override`: from `lectr.toml`. `provisioned`: paid for by the hour, nothing more "
        "for a request. `reported`: the provider's own account. `unknown`: no price.",
    ),
    "variant": (TEXT, "The service tier or speed that the provider reports; NULL for the usual one."),
    "price_id": (TEXT, "Which price was used: `provider/model@date`, with `:variant` where it is a variant's."),
    "price_source": (TEXT, "Where the price comes from, with its version."),
    "price_date": ("ISO date", "From when the price holds, or when its source was issued."),
    "price_note": (TEXT, "What the price could not say."),
    "rule": (TEXT, "Which rule, limit or budget acted."),
    "policy_fault": (TEXT, "Why a route could not be followed, or which policy failed."),
    "provider_detected": (TEXT, "The provider as detected, where a route sent the request elsewhere."),
    "provider_unknown": (FLAG, "Nothing spoke for a provider: the default was used."),
    "provider_request_id": (TEXT, "The provider's own id of the request."),
    "answer_id": (TEXT, "The provider's id of the answer, from its body."),
    "max_tokens": (TOKENS, "The request's own ceiling for its answer."),
    "request_bytes": (BYTES, "Size of the request's body."),
    "response_bytes": (BYTES, "Size of the body the client got, without transfer framing."),
    "response_digest": ("SHA-256, hex", "Over those bytes; NULL where there was no body."),
    "faithful": (
        FLAG,
        "Whether what came from the provider and what the client was handed are the same bytes; NULL: not compared.",
    ),
    "client_retry": (COUNT, "The client SDK's own retry number, where it sends one."),
    "feature_cut": (FLAG, "Whether the feature's name was longer than is kept."),
    "key_id": (TEXT, "Public name of the Lectr key."),
    "config_version": (TEXT, "Which version of the settings decided."),
    "usage_state": (
        TEXT,
        "What the answer said about usage: `reported`, `partial`, `absent`, `unreadable`, `open`, `closed` (was open; "
        "counted with the request that `tokens_note` names), `unbilled`, `in_turns`.",
    ),
    "usage_check": (FLAG, "Whether the parts add up to the provider's own totals; NULL where it gives none."),
    "deltas": (COUNT, "Pieces of the answer that carried output."),
    "delta_chars": ("characters", "Length of those pieces. The text itself is never kept."),
    "cost_nanousd": (NANOUSD, "The cost, as an exact integer; add these up, not the dollars."),
    "cost_low_nanousd": (NANOUSD, "Lower bound of the cost."),
    "cost_high_nanousd": (NANOUSD, "Upper bound of the cost."),
    "cost_parts_json": (JSON, "The cost by unit, in nano-USD; the parts sum to the cost up to one rounding each."),
    "units_json": (JSON, "Disjoint counts by unit: `input`, `cache_read`, `output`, `reasoning`, …"),
    "usage_json": (JSON, "The provider's own usage object, numbers and short words only."),
    "attempts_json": (JSON, "Every try: provider, model, status, category, duration in ns."),
    "headroom_json": (JSON, "The provider's rate-limit headers, as sent."),
    "pricing_json": (
        JSON,
        "What decided the cost beside the counts, so that `lectr reprice` prices just as the accounting did: `{}` for most; "
        "NULL: stored before this was kept.",
    ),
    "by_model_json": (
        JSON,
        "Where several models, tiers or prompts made the answer: what each took, and what that cost. They sum to the row.",
    ),
    "stream": (TEXT, "Which worker's life the sequence number counts in."),
    "seq": (COUNT, "1, 2, 3 … within the stream; a gap is a record that was lost."),
    "connection": (
        "UUIDv7",
        "Of a turn over a WebSocket: the `id` of the connection's own row, which has status 101 and no counts of its own.",
    ),
}

_KNOWN: Final = "Sum over the requests that know it."

SUMS: Final[dict[str, Column]] = {
    "org": (TEXT, "As in `requests`; empty where it is NULL there."),
    "feature": (TEXT, "As in `requests`."),
    "provider": (TEXT, "As in `requests`; empty where it is NULL there."),
    "model": (TEXT, "The actual model, else the one sent, else the one requested; empty: none."),
    "outcome": (TEXT, "As in `requests`."),
    "error_category": (TEXT, "As in `requests`; empty where it is NULL there."),
    "requests": (COUNT, "Requests."),
    "errors": (COUNT, "Of these, with an outcome that is neither `ok` nor `client_disconnected`."),
    "streamed": (COUNT, "Of these, asked for as a stream."),
    "attempts": (COUNT, "Tries at a provider."),
    "client_retries": (COUNT, "Requests that the client's SDK says are a retry of its own."),
    "input_tokens": (TOKENS, _KNOWN),
    "input_tokens_low": (TOKENS, "Sum of the lower bounds."),
    "input_tokens_high": (
        TOKENS,
        "Sum of the upper bounds; no bound at all while `tokens_unknown` or `tokens_unbounded` is not 0.",
    ),
    "output_tokens": (TOKENS, _KNOWN),
    "output_tokens_low": (TOKENS, "Sum of the lower bounds."),
    "output_tokens_high": (TOKENS, "Sum of the upper bounds; as `input_tokens_high`."),
    "cached_input_tokens": (TOKENS, _KNOWN),
    "cache_write_tokens": (TOKENS, _KNOWN),
    "reasoning_tokens": (TOKENS, _KNOWN),
    "tokens_reported": (COUNT, "Requests whose counts the provider reported. The four by source add up to `requests`."),
    "tokens_measured": (COUNT, "Requests whose counts were measured from the stream."),
    "tokens_estimated": (COUNT, "Requests whose counts were estimated."),
    "tokens_unknown": (COUNT, "Requests that add nothing to the token sums, because their counts are unknown."),
    "tokens_unbounded": (COUNT, "Requests with counts, one of which has no upper bound: it is its own in the sum of them."),
    "tokens_not_reported": (COUNT, "Requests whose counts were measured or estimated, not reported."),
    "cost_usd": (USD, "`cost_nanousd`, for people."),
    "cost_nanousd": (NANOUSD, "Sum over the requests whose cost is known."),
    "cost_low_nanousd": (NANOUSD, "Sum of the lower bounds, also of requests whose cost itself is unknown."),
    "cost_high_nanousd": (
        NANOUSD,
        "Sum of the upper bounds; no bound at all while `cost_unknown` or `cost_unbounded` is not 0.",
    ),
    "cost_reported_nanousd": (NANOUSD, "The part of `cost_nanousd` that comes from counts the provider reported."),
    "cost_unknown": (COUNT, "Requests that add nothing to the cost, because their cost is unknown."),
    "cost_unbounded": (COUNT, "Requests with a cost but without an upper bound: they add their cost to the upper bounds."),
    "duration_sum_ms": (MS, "Sum of `duration_ms`, connections (status 101) left out; divide by `requests`."),
    "gateway_sum_ms": (MS, "Sum of `gateway_ms`; divide by `requests`."),
    "ttft_sum_ms": (MS, "Sum of `ttft_ms` of streams; divide by `ttft_requests`."),
    "ttft_requests": (COUNT, "Streams that have a `ttft_ms`."),
    "request_bytes": (BYTES, "Sum."),
    "response_bytes": (BYTES, "Sum."),
}

LATENCY: Final[dict[str, Column]] = {
    **{name: SUMS[name] for name in ("org", "feature", "provider", "model")},
    "duration_json": (
        JSON,
        "Histogram of `duration_ms`: an array, the first step's number, then the requests in it and in each step after it.",
    ),
    "ttft_json": (JSON, "Histogram of `ttft_ms` of streams; NULL where there was none."),
}

_AT: Final[dict[str, dict[str, Column]]] = {
    "minutely": {"minute": (TIME, "The minute's beginning.")},
    "hourly": {"hour": (TIME, "The hour's beginning.")},
    "daily": {"day": ("UTC, ISO date", "The day.")},
}

_SPEND: Final[dict[str, Column]] = {
    **{name: SUMS[name] for name in ("requests", "errors", "input_tokens", "output_tokens")},
    "cost_usd": (USD, "Sum over the requests whose cost is known; `cost_unknown` says how many are not in it."),
    "cost_low_usd": (USD, "Sum of the lower bounds, also of requests whose cost itself is unknown."),
    "cost_high_usd": (USD, "Sum of the upper bounds; NULL: at least one request has none."),
    **{name: SUMS[name] for name in ("cost_unknown", "cost_nanousd")},
}
_OF_DAY: Final[dict[str, Column]] = {
    **_AT["daily"],
    **{name: SUMS[name] for name in ("feature", "provider", "model", "org")},
}

_IN_FLIGHT: Final[dict[str, Column]] = {
    **{name: REQUESTS[name] for name in ("id", "started_at", "org", "feature", "task", "provider")},
    "model": (TEXT, "The model that was sent, else the one requested."),
    **{name: REQUESTS[name] for name in ("endpoint", "streamed")},
    "open_ms": (MS, "For how long it had been open at `as_of`."),
    "as_of": (TIME, "When this was so. Older than some seconds: no gateway runs on this database now."),
}

VIEWS: Final[dict[str, dict[str, Column]]] = {
    "recent_requests": {**REQUESTS, "model": SUMS["model"]},
    "all_requests": {**REQUESTS, "model": SUMS["model"]},
    "recent_errors": {**REQUESTS, "model": SUMS["model"]},
    "in_flight_now": _IN_FLIGHT,
    "spend_by_day": {**_OF_DAY, **_SPEND},
    "spend_by_hour": {**_AT["hourly"], **_SPEND},
    "spend_by_feature_day": {**_OF_DAY, **_SPEND},
    "spend_by_model_day": {**_OF_DAY, **_SPEND},
    "spend_by_org_day": {**_OF_DAY, **_SPEND},
    "errors_by_model_day": {
        **_OF_DAY,
        **{name: SUMS[name] for name in ("outcome", "error_category", "attempts")},
        "errors": (COUNT, "Requests that failed so."),
    },
    "speed_by_model_day": {
        **_OF_DAY,
        "requests": (COUNT, "Answered requests (outcome `ok`)."),
        "duration_mean_ms": (MS, "Mean of `duration_ms`."),
        "ttft_mean_ms": (MS, "Mean of `ttft_ms` of streams; NULL where there was none."),
        "gateway_mean_ms": (MS, "Mean of `gateway_ms`: Lectr's own share."),
    },
    "cache_by_feature_day": {
        **_OF_DAY,
        "requests": (COUNT, "Requests whose prompt's tokens are known."),
        **{name: SUMS[name] for name in ("input_tokens", "cached_input_tokens", "cache_write_tokens")},
        "cached_share": ("share", "`cached_input_tokens` / `input_tokens`, 0 to 1."),
    },
    "certainty_by_model_day": {
        **_OF_DAY,
        **_SPEND,
        **{f"tokens_{name}": SUMS[f"tokens_{name}"] for name in ("reported", "measured", "estimated", "unknown")},
        "reported_share": ("share", "`tokens_reported` / `requests`, 0 to 1."),
    },
}
"""By view; an entry may explain more columns than its view has."""

COLUMNS: Final[dict[str, dict[str, Column]]] = {
    "requests": REQUESTS,
    **{f"usage_{name}": at | SUMS for name, at in _AT.items()},
    **{f"latency_{name}": at | LATENCY for name, at in _AT.items()},
    "latency_steps": {
        "step": (COUNT, "The step's number, as in the histograms."),
        "upto_ms": (MS, "Upper end of the step; the lower end is the step before it. The last holds all above it too."),
        "middle_ms": (MS, "What stands for every duration in the step: its geometric middle, at most 2 % off."),
    },
    "in_flight": _IN_FLIGHT,
    "prices": {
        "price_id": (TEXT, "As in `requests`."),
        "provider": (TEXT, "Who was asked."),
        "model": (TEXT, "Under which name the price was found."),
        "variant": (TEXT, "For which service tier or speed; empty: the usual one."),
        "source": (TEXT, "Who says so, with its version: the `price_source` of `requests`."),
        "dated": ("ISO date", "The `price_date` of `requests`."),
        "basis": (TEXT, "The `cost_basis` of `requests`."),
        "rates_json": (JSON, "USD for one unit, by unit, as decimal texts: exactly what was counted with."),
        "note": (TEXT, "The price's own part of `price_note`."),
        "first_used_at": (TIME, "When it was first met."),
    },
    "token_accuracy": {
        **{name: REQUESTS[name] for name in ("provider", "endpoint")},
        "model": (TEXT, "The model that was sent."),
        "way": (TEXT, "`input`: tokens of prompts; `output`: of answers."),
        "requests": (COUNT, "Reported requests that were predicted first. Of a kind's later ones, one in sixteen is."),
        "held": (COUNT, "Of these, how many had the true count within the 95 % interval."),
        "coverage": ("share", "`held` / `requests`: should be near 0.95, or above where predictions are exact."),
        "half_width": ("share", "Half the interval by the predicted count; the median."),
        "error": ("share", "How far the predicted count was from the true one, by the true one; the median."),
        "predicted_tokens": (TOKENS, "Sum of the predicted counts."),
        "reported_tokens": (TOKENS, "Sum of the true ones."),
        "as_of": (TIME, "When this was so."),
    },
    "repricings": {
        "run": ("UUID", "One call of the command."),
        "applied_at": (TIME, "When it was made."),
        "since": (TIME, "From when requests were priced again."),
        "until": (TIME, "Until when."),
        "provider": (TEXT, "As in `requests`; empty where it is NULL there."),
        "model": (TEXT, "The actual model, else the one sent, else the one requested; empty: none."),
        "requests": (COUNT, "Requests whose cost, or where it comes from, is another one now."),
        "old_cost_nanousd": (NANOUSD, "What they cost before, as far as it was known."),
        "new_cost_nanousd": (NANOUSD, "What they cost now, as far as it is known."),
        "old_cost_unknown": (COUNT, "Of them, without a known cost before."),
        "new_cost_unknown": (COUNT, "Of them, without a known cost now."),
        "price_source": (TEXT, "Where the new price comes from; empty: there is none."),
        "old_cost_low_nanousd": (NANOUSD, "What they cost at least, as was known before; NULL: restated by an older Lectr."),
        "old_cost_high_nanousd": (NANOUSD, "At most; NULL: of at least one nobody knew it, or as above."),
        "new_cost_low_nanousd": (NANOUSD, "What they cost at least, as is known now; NULL as above."),
        "new_cost_high_nanousd": (NANOUSD, "At most; NULL: of at least one nobody knows it, or as above."),
    },
    "cursors": {"stream": REQUESTS["stream"], "cursor": (JSON, "Segment, offset and what became of the sequence numbers.")},
    "removed": {"stream": REQUESTS["stream"], "requests": (COUNT, "Rows removed.")},
    "about_columns": {
        "in_table": (TEXT, "Table or view."),
        "name": (TEXT, "Column."),
        "unit": (TEXT, "Unit, or kind of text."),
        "meaning": (TEXT, "In words."),
    },
    **VIEWS,
}
"""By table or view; a view's entry may explain more columns than it has."""


def write(connection: sqlite3.Connection) -> None:
    """Bring `about_columns` up to date; writes nothing where it is."""
    known = {
        (table, column, *COLUMNS[table][column])
        for table in COLUMNS
        for (column,) in connection.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
        if column in COLUMNS[table]
    }
    if known == set(connection.execute("SELECT in_table, name, unit, meaning FROM about_columns")):
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM about_columns")
    connection.executemany("INSERT INTO about_columns VALUES (?, ?, ?, ?)", sorted(known))
    connection.execute("COMMIT")
