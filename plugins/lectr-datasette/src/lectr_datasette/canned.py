"""The canned queries: questions people ask, each with what it tells; to run, to read and to change. Data only.

Every query takes `:days` (7 where it is left empty), is read-only and begins with the time, which has an index. What sums
can answer asks the sums by day or hour, so that it is quick however many requests there are.
"""

from __future__ import annotations

from typing import Final

import attrs

_SINCE: Final = "started_at >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || coalesce(nullif(:days, ''), 7) || ' days')"
_DAYS: Final = "day >= date('now', '-' || coalesce(nullif(:days, ''), 7) || ' days')"
_HOURS: Final = "hour >= strftime('%Y-%m-%dT%H:00:00Z', 'now', '-' || coalesce(nullif(:days, ''), 7) || ' days')"
_MODEL: Final = "coalesce(model_actual, model_sent, model_requested)"
_NEWEST: Final = 50_000
"""What a question to the rows themselves looks at: enough to learn from, few enough to answer at once."""
_NEWEST_ONLY: Final = f"Of the newest {_NEWEST:,} requests."


def _newest(columns: str, where: str = "") -> str:
    return f"(select {columns} from requests where {_SINCE}{where} order by started_at desc limit {_NEWEST})"


@attrs.frozen
class Canned:
    """One question."""

    name: str
    title: str
    explains: str
    sql: str


def _speed_by(columns: str) -> str:
    """p50 and p95 from the stored histograms, by *columns*."""
    return f"""
select {columns}, histogram_count(histogram_sum(duration_json)) as answered,
  round(histogram_percentile(histogram_sum(duration_json), 0.5)) as p50_ms,
  round(histogram_percentile(histogram_sum(duration_json), 0.95)) as p95_ms,
  round(histogram_percentile(histogram_sum(ttft_json), 0.5)) as first_token_p50_ms
from latency_daily where {_DAYS} group by {columns} order by p95_ms desc"""


_ALL: Final = (
    Canned(
        "cost_by_feature",
        "Cost by feature",
        "What each feature cost, with the share of requests that failed. `without_cost` requests have no known price or "
        "count: the cost is then a lower bound.",
        f"""
select feature, sum(requests) as requests, round(sum(cost_nanousd) / 1e9, 6) as cost_usd,
  round(sum(cost_low_nanousd) / 1e9, 6) as cost_low_usd, round(sum(cost_nanousd) / 1e9 / sum(requests), 6) as usd_a_request,
  sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
  round(100.0 * sum(errors) / sum(requests), 1) as failed_percent, sum(cost_unknown) as without_cost
from usage_daily where {_DAYS} group by feature order by cost_usd desc""",
    ),
    Canned(
        "cost_by_model",
        "Cost by provider and model",
        "What each model cost, and what a thousand answers of it cost on average: the figure to compare models by.",
        f"""
select provider, model, sum(requests) as requests, round(sum(cost_nanousd) / 1e9, 6) as cost_usd,
  round(sum(cost_nanousd) / 1e6 / nullif(sum(requests - cost_unknown), 0), 4) as usd_a_thousand,
  sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens, sum(cost_unknown) as without_cost
from usage_daily where {_DAYS} group by provider, model order by cost_usd desc""",
    ),
    Canned(
        "cost_by_day",
        "Cost by day",
        "Requests, tokens and cost of each day (UTC).",
        f"""
select day, sum(requests) as requests, round(sum(cost_nanousd) / 1e9, 6) as cost_usd,
  sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens
from usage_daily where {_DAYS} group by day order by day desc""",
    ),
    Canned(
        "speed_by_model",
        "Speed by model",
        "How long answers took: half of them at most `p50_ms`, 95 of 100 at most `p95_ms`. Answered requests only; from "
        "histograms, so at most 2 % off.",
        _speed_by("provider, model"),
    ),
    Canned("speed_by_feature", "Speed by feature", "The same by feature.", _speed_by("feature")),
    Canned(
        "failures",
        "What fails, and why",
        "Failed requests by provider and reason. `rate_limit`: slow down or ask for more; `overload`: the provider's "
        "trouble; `money`: its quota is spent; `network`, `timeout`: between you and it. From `errors_by_model_day`.",
        f"""
select provider, outcome, error_category, sum(errors) as errors, count(distinct model) as models, max(day) as last_day
from errors_by_model_day where {_DAYS}
group by provider, outcome, error_category order by errors desc""",
    ),
    Canned(
        "newest_failures",
        "What the newest failures have in common",
        "The newest 1,000 failed requests by where, why, status and Lectr's own code. From the view `recent_errors`.",
        f"""
select provider, model, error_category, error_code, status, count(*) as requests, round(avg(attempts), 1) as mean_attempts,
  max(started_at) as last_seen
from recent_errors where {_SINCE}
group by provider, model, error_category, error_code, status order by requests desc""",
    ),
    Canned(
        "slowest_requests",
        "The slowest of the newest requests",
        "Of the newest 10,000, which took longest, and whether the first token came late or the answer was long. From the "
        "view `recent_requests`.",
        f"""
select started_at, feature, provider, model, round(duration_ms) as duration_ms, round(ttft_ms) as ttft_ms, output_tokens,
  round(output_tokens * 1000.0 / nullif(duration_ms - ttft_ms, 0)) as tokens_a_second, id
from recent_requests where {_SINCE} and outcome = 'ok' order by duration_ms desc limit 50""",
    ),
    Canned(
        "cost_by_org",
        "Cost by org",
        "What each org cost, and its share of the whole. From the view `spend_by_org_day`.",
        f"""
select org, sum(requests) as requests, sum(errors) as errors, round(sum(cost_nanousd) / 1e9, 6) as cost_usd,
  round(100.0 * sum(cost_nanousd) / nullif(sum(sum(cost_nanousd)) over (), 0), 1) as percent,
  sum(cost_unknown) as without_cost
from spend_by_org_day where {_DAYS} group by org order by cost_usd desc""",
    ),
    Canned(
        "how_sure",
        "How sure the cost is",
        "Where counts of tokens come from, and between which bounds the cost lies, by model. `cost_high_usd` is empty where "
        "a request has no upper bound. From the view `certainty_by_model_day`.",
        f"""
select provider, model, sum(requests) as requests,
  round(100.0 * sum(tokens_reported) / sum(requests), 1) as reported_percent,
  sum(tokens_measured + tokens_estimated) as not_reported, sum(tokens_unknown) as unknown,
  round(sum(cost_low_usd), 6) as cost_low_usd, round(sum(cost_nanousd) / 1e9, 6) as cost_usd,
  case when count(*) = count(cost_high_usd) then round(sum(cost_high_usd), 6) end as cost_high_usd
from certainty_by_model_day where {_DAYS} group by provider, model order by cost_usd desc""",
    ),
    Canned(
        "unknown_prices",
        "Requests without a known cost",
        "Answers that no price could be found for, or whose usage could not be read, by model. A price of your own goes "
        f"into `lectr.toml`. {_NEWEST_ONLY}",
        f"""
select provider, model, endpoint, tokens_source, price_note, count(*) as requests, max(started_at) as last_seen
from {_newest(f"provider, {_MODEL} as model, endpoint, tokens_source, price_note, started_at, cost_nanousd, outcome")}
where cost_nanousd is null and outcome not in ('provider_error', 'lectr_refused')
group by provider, model, endpoint, tokens_source, price_note order by requests desc""",
    ),
    Canned(
        "unread_usage",
        "Answers whose usage is not known exactly",
        "`absent`: the answer reported none (a chat stream without `stream_options.include_usage`). `partial`: it broke "
        f"off. `unreadable`: it could not be read. {_NEWEST_ONLY}",
        f"""
select provider, model, endpoint, streamed, usage_state, tokens_source, count(*) as requests
from {_newest(f"provider, {_MODEL} as model, endpoint, streamed, usage_state, tokens_source, outcome")}
where usage_state not in ('reported', 'unbilled', 'closed', 'in_turns')
  and outcome not in ('provider_error', 'lectr_refused')
group by provider, model, endpoint, streamed, usage_state, tokens_source order by requests desc""",
    ),
    Canned(
        "cached_share",
        "How much of the prompts came from a cache",
        "Cached tokens cost a fraction. Long prompts with a low share are worth a look: is what never changes at the front?",
        f"""
select feature, provider, model, sum(requests) as requests, sum(input_tokens) / sum(requests) as mean_input_tokens,
  round(100.0 * sum(cached_input_tokens) / sum(input_tokens), 1) as cached_percent,
  round(1.0 * sum(cached_input_tokens) / nullif(sum(cache_write_tokens), 0), 1) as reads_a_write
from usage_daily where {_DAYS} and input_tokens > 0
group by feature, provider, model having mean_input_tokens > 1000 order by sum(input_tokens) desc""",
    ),
    Canned(
        "short_answers",
        "Short answers from costly models",
        f"Where answers have at most 20 tokens, a smaller model often says the same. The costliest first. {_NEWEST_ONLY}",
        f"""
select feature, task, model, count(*) as requests, round(avg(output_tokens), 1) as mean_output_tokens,
  round(sum(cost_nanousd) / 1e9, 6) as cost_usd, round(avg(cost_nanousd) / 1e6, 4) as usd_a_thousand
from {_newest(f"feature, task, {_MODEL} as model, output_tokens, cost_nanousd, outcome")}
where outcome = 'ok' and output_tokens between 1 and 20
group by feature, task, model having requests >= 3 order by cost_usd desc""",
    ),
    Canned(
        "costliest_requests",
        "The costliest single requests",
        f"One row a request, the dearest first. {_NEWEST_ONLY}",
        f"""
select started_at, feature, provider, model, round(cost_nanousd / 1e9, 6) as cost_usd, input_tokens, cached_input_tokens,
  output_tokens, reasoning_tokens, round(duration_ms) as duration_ms, id
from {
            _newest(
                f"started_at, feature, provider, {_MODEL} as model, cost_nanousd, input_tokens, cached_input_tokens, "
                "output_tokens, reasoning_tokens, duration_ms, id"
            )
        }
where cost_nanousd is not null order by cost_nanousd desc limit 100""",
    ),
    Canned(
        "left_early",
        "Answers nobody waited for",
        "The client went away before the end; what was made until then is paid for. `waited_ms` is how long it did wait.",
        f"""
select feature, provider, model, sum(requests) as requests, round(sum(duration_sum_ms) / sum(requests)) as waited_ms,
  round(sum(cost_nanousd) / 1e9, 6) as cost_usd, sum(cost_unknown) as without_cost
from usage_daily where {_DAYS} and outcome = 'client_disconnected'
group by feature, provider, model order by requests desc""",
    ),
    Canned(
        "gateway_share",
        "How much time Lectr itself takes",
        "Lectr's own share of the time before the first byte, in milliseconds, on average by hour.",
        f"""
select hour, sum(requests) as requests, round(sum(gateway_sum_ms) / sum(requests), 3) as mean_ms
from usage_hourly where {_HOURS} group by hour order by hour desc""",
    ),
    Canned(
        "rules_at_work",
        "What rules did",
        f"Requests that a rule refused or sent elsewhere, and from where to where. {_NEWEST_ONLY}",
        f"""
select rule, outcome, provider_detected, model_requested, provider, model_sent, count(*) as requests
from {_newest("rule, outcome, provider_detected, model_requested, provider, model_sent")}
where rule is not null
group by rule, outcome, provider_detected, model_requested, provider, model_sent order by requests desc""",
    ),
)

CANNED: Final = tuple(
    attrs.evolve(query, sql=query.sql.strip(), explains=f"{query.explains} Field days: how many days back; 7 if left empty.")
    for query in _ALL
)
"""In the order in which they are offered."""
