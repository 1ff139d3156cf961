"""The views: a few columns of the tables each, the newest first, for the questions people begin with. Statements only.

A view over sums is as quick as its sums are few; one over single requests has an end (`LIMIT`) or lets conditions through
to an index. Columns are named as in the tables; what they mean stands in `meanings.py`. Called by `schema.py`, where a
change needs a new number, and by whoever wants their names.
"""

from __future__ import annotations

from typing import Final

NEWEST: Final = 10_000
"""Requests in `recent_requests`: few enough to be told apart by any column in some 20 ms."""
NEWEST_ERRORS: Final = 1_000

FAILED: Final = ("provider_error", "upstream_failed", "lectr_refused", "interrupted", "gateway_shutdown")
"""Outcomes that are errors."""

_MODEL: Final = "coalesce(model_actual, model_sent, model_requested) AS model"

_LOOKED_AT: Final = f"""started_at, feature, provider, {_MODEL}, outcome, status, duration_ms, ttft_ms, input_tokens,
    output_tokens, tokens_source, cost_usd, cost_basis, org, task, rule, error_category, id"""

_OF_ERRORS: Final = f"""started_at, feature, provider, {_MODEL}, outcome, status, error_source, error_category, error_code,
    attempts, duration_ms, cost_usd, org, task, rule, id"""

# An index leads to the newest of each outcome; over all failures together there is none.
_FAILED_EACH: Final = "\n    UNION ALL ".join(
    f"SELECT * FROM (SELECT {_OF_ERRORS} FROM requests WHERE outcome = '{outcome}' "
    f"ORDER BY started_at DESC LIMIT {NEWEST_ERRORS})"
    for outcome in FAILED
)

_COUNTS: Final = "sum(requests) AS requests, sum(errors) AS errors"
_TOKENS: Final = "sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens"
# A sum never pretends: where one request has no upper bound, the sum has none.
_COSTS: Final = """sum(cost_nanousd) / 1e9 AS cost_usd, sum(cost_low_nanousd) / 1e9 AS cost_low_usd,
    CASE WHEN sum(cost_unknown + cost_unbounded) = 0 THEN sum(cost_high_nanousd) / 1e9 END AS cost_high_usd,
    sum(cost_unknown) AS cost_unknown, sum(cost_nanousd) AS cost_nanousd"""


def _spend(by: str, order: str) -> str:
    return f"""SELECT {by}, {_COUNTS}, {_TOKENS},
    {_COSTS}
FROM usage_daily GROUP BY {by} ORDER BY {order}"""


VIEWS: Final = {
    "recent_requests": f"SELECT {_LOOKED_AT}\nFROM requests ORDER BY started_at DESC LIMIT {NEWEST}",
    # Without an order of its own: so conditions, orders and counts from outside reach the indexes.
    "all_requests": f"SELECT {_LOOKED_AT}\nFROM requests",
    "recent_errors": f"SELECT * FROM (\n    {_FAILED_EACH}\n) ORDER BY started_at DESC LIMIT {NEWEST_ERRORS}",
    "in_flight_now": """SELECT started_at, open_ms, feature, provider, model, endpoint, streamed, org, task, id
FROM in_flight WHERE as_of >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-10 seconds') ORDER BY started_at DESC""",
    "spend_by_day": _spend("day", "day DESC"),
    "spend_by_hour": f"""SELECT hour, {_COUNTS}, {_TOKENS},
    {_COSTS}
FROM usage_hourly WHERE hour >= strftime('%Y-%m-%dT%H:00:00Z', 'now', '-7 days') GROUP BY hour ORDER BY hour DESC""",
    "spend_by_feature_day": _spend("day, feature", "day DESC, cost_nanousd DESC"),
    "spend_by_model_day": _spend("day, provider, model", "day DESC, cost_nanousd DESC"),
    "spend_by_org_day": _spend("day, org", "day DESC, cost_nanousd DESC"),
    "errors_by_model_day": """SELECT day, provider, model, outcome, error_category, sum(errors) AS errors,
    sum(attempts) AS attempts
FROM usage_daily WHERE errors > 0
GROUP BY day, provider, model, outcome, error_category ORDER BY day DESC, errors DESC""",
    "speed_by_model_day": """SELECT day, provider, model, sum(requests) AS requests,
    sum(duration_sum_ms) / sum(requests) AS duration_mean_ms, sum(ttft_sum_ms) / sum(ttft_requests) AS ttft_mean_ms,
    sum(gateway_sum_ms) / sum(requests) AS gateway_mean_ms
FROM usage_daily WHERE outcome = 'ok' GROUP BY day, provider, model ORDER BY day DESC, requests DESC""",
    "cache_by_feature_day": """SELECT day, feature, provider, model, sum(requests) AS requests,
    sum(input_tokens) AS input_tokens, sum(cached_input_tokens) AS cached_input_tokens,
    sum(cache_write_tokens) AS cache_write_tokens,
    sum(cached_input_tokens) * 1.0 / sum(input_tokens) AS cached_share
FROM usage_daily WHERE input_tokens > 0
GROUP BY day, feature, provider, model ORDER BY day DESC, input_tokens DESC""",
    "certainty_by_model_day": f"""SELECT day, provider, model, sum(requests) AS requests,
    sum(tokens_reported) AS tokens_reported, sum(tokens_measured) AS tokens_measured,
    sum(tokens_estimated) AS tokens_estimated, sum(tokens_unknown) AS tokens_unknown,
    sum(tokens_reported) * 1.0 / sum(requests) AS reported_share,
    {_COSTS}
FROM usage_daily GROUP BY day, provider, model ORDER BY day DESC, requests DESC""",
}
"""By name; what follows `CREATE VIEW … AS`."""


def create_view(name: str) -> str:
    """`CREATE VIEW`."""
    return f"CREATE VIEW {name} AS\n{VIEWS[name]}"
