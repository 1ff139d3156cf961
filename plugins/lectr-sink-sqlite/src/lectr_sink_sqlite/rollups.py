"""The statements that keep the hourly tables true. They run in the transaction that stores the rows.

Every row of `requests` inserted by a transaction has a rowid above the highest one before it, and no other process can
insert in between; so what stands above that mark is exactly what was really inserted, and is counted exactly once, however
often a batch is handed over. `NOT INDEXED` keeps to that mark: an index on the outcome would lead through all rows.
Called by `store.py`; reads and writes nothing itself.
"""

from __future__ import annotations

MARK = "SELECT coalesce(max(rowid), 0) FROM requests"
"""The highest rowid before a batch; the parameter of the statements below."""

_GROUP = """
    substr(started_at, 1, 13) || ':00:00Z' AS hour, {who}
    coalesce(provider, '') AS provider, coalesce(model_actual, model_sent, model_requested, '') AS model"""

_SUMMED = (
    *("requests", "errors", "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens"),
    *("reasoning_tokens", "tokens_unknown", "tokens_not_reported"),
    *("cost_nanousd", "cost_low_nanousd", "cost_high_nanousd", "cost_unknown", "cost_unbounded"),
    *("duration_sum_ms", "gateway_sum_ms", "ttft_sum_ms", "ttft_requests", "request_bytes", "response_bytes"),
)

ADD_USAGE = f"""
INSERT INTO usage_hourly (hour, org, feature, provider, model, outcome, {", ".join(_SUMMED)})
SELECT {_GROUP.format(who="coalesce(org, '') AS org, feature,")}, outcome,
    count(*),
    sum(outcome NOT IN ('ok', 'client_disconnected')),
    coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
    coalesce(sum(cached_input_tokens), 0), coalesce(sum(cache_write_tokens), 0), coalesce(sum(reasoning_tokens), 0),
    sum(input_tokens IS NULL AND output_tokens IS NULL),
    sum(tokens_source IN ('measured', 'estimated')),
    coalesce(sum(cost_nanousd), 0),
    coalesce(sum(coalesce(cost_low_nanousd, cost_nanousd)), 0), coalesce(sum(coalesce(cost_high_nanousd, cost_nanousd)), 0),
    sum(cost_nanousd IS NULL), sum(cost_nanousd IS NOT NULL AND cost_high_nanousd IS NULL),
    sum(duration_ms), sum(gateway_ms), coalesce(sum(ttft_ms), 0.0), count(ttft_ms),
    sum(request_bytes), sum(response_bytes)
FROM requests NOT INDEXED WHERE rowid > ? GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMMED)}
"""

_STEP = """coalesce((SELECT min(upto_ms) FROM latency_steps WHERE upto_ms >= {measure}),
    (SELECT max(upto_ms) FROM latency_steps))"""


def _add_latency(measure: str, column: str) -> str:
    return f"""
INSERT INTO latency_hourly (hour, provider, model, measure, upto_ms, requests)
SELECT {_GROUP.format(who="")}, '{measure}', {_STEP.format(measure=column)}, count(*)
FROM requests NOT INDEXED WHERE rowid > ? AND outcome = 'ok' AND {column} IS NOT NULL GROUP BY 1, 2, 3, 5
ON CONFLICT DO UPDATE SET requests = requests + excluded.requests
"""


ADD = (ADD_USAGE, _add_latency("duration", "duration_ms"), _add_latency("ttft", "ttft_ms"))
"""Every statement to run after a batch, each with the mark as its one parameter."""
