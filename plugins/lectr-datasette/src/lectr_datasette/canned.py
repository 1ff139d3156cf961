"""The canned queries: questions people ask of the table `requests`, each with what it tells. Data only.

Every query takes `:days` (7 where it is left empty), is read-only and begins with the time, which has an index.
"""

from __future__ import annotations

from typing import Final

import attrs

_SINCE: Final = "started_at >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || coalesce(nullif(:days, ''), 7) || ' days')"
_MODEL: Final = "coalesce(model_actual, model_sent, model_requested)"


@attrs.frozen
class Canned:
    """One question."""

    name: str
    title: str
    explains: str
    sql: str


def _speed_by(columns: str) -> str:
    """p50 and p95 (nearest rank) of the newest 100,000 answered requests, by *columns*."""
    return f"""
with answered as (
  select feature, provider, {_MODEL} as model, duration_ms, ttft_ms
  from requests where {_SINCE} and outcome = 'ok' and status is not 101 order by started_at desc limit 100000
), ranked as (
  select *, count(*) over (partition by {columns}) as n,
    row_number() over (partition by {columns} order by duration_ms) as place
  from answered
)
select {columns}, n as requests,
  round(min(case when place >= n * 0.5 then duration_ms end)) as p50_ms,
  round(min(case when place >= n * 0.95 then duration_ms end)) as p95_ms,
  round(max(duration_ms)) as longest_ms, round(avg(ttft_ms)) as mean_first_token_ms
from ranked group by {columns} order by p95_ms desc"""


_ALL: Final = (
    Canned(
        "cost_by_feature",
        "Cost by feature",
        "What each feature cost, with the share of requests that failed. `without_cost` requests have no known price or "
        "count: the cost is then a lower bound.",
        f"""
select feature, count(*) as requests, round(sum(cost_nanousd) / 1e9, 6) as cost_usd,
  round(sum(cost_nanousd) / 1e9 / count(*), 6) as usd_a_request,
  sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
  round(100.0 * sum(outcome not in ('ok', 'client_disconnected')) / count(*), 1) as failed_percent,
  sum(cost_nanousd is null) as without_cost
from requests where {_SINCE} group by feature order by cost_usd desc""",
    ),
    Canned(
        "cost_by_model",
        "Cost by provider and model",
        "What each model cost, and what a thousand answers of it cost on average: the figure to compare models by.",
        f"""
select provider, {_MODEL} as model, count(*) as requests, round(sum(cost_nanousd) / 1e9, 6) as cost_usd,
  round(avg(cost_nanousd) / 1e6, 4) as usd_a_thousand, sum(input_tokens) as input_tokens,
  sum(output_tokens) as output_tokens, group_concat(distinct cost_basis) as cost_basis
from requests where {_SINCE} group by provider, model order by cost_usd desc""",
    ),
    Canned(
        "cost_by_day",
        "Cost by day",
        "Requests, tokens and cost of each day (UTC).",
        f"""
select substr(started_at, 1, 10) as day, count(*) as requests, round(sum(cost_nanousd) / 1e9, 6) as cost_usd,
  sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens
from requests where {_SINCE} group by day order by day desc""",
    ),
    Canned(
        "speed_by_model",
        "Speed by model",
        "How long answers took: half of them at most `p50_ms`, 95 of 100 at most `p95_ms`. Answered requests only, the "
        "newest 100,000.",
        _speed_by("provider, model"),
    ),
    Canned("speed_by_feature", "Speed by feature", "The same by feature.", _speed_by("feature")),
    Canned(
        "failures",
        "What fails, and why",
        "Failed requests by provider, reason and status. `rate_limit`: slow down or ask for more; `overload`: the "
        "provider's trouble; `money`: its quota is spent; `network`, `timeout`: between you and it.",
        f"""
select provider, outcome, error_category, error_code, status, count(*) as requests, max(started_at) as last_seen
from requests where {_SINCE} and outcome != 'ok'
group by provider, outcome, error_category, error_code, status order by requests desc""",
    ),
    Canned(
        "unknown_prices",
        "Requests without a known cost",
        "Answers that no price could be found for, or whose usage could not be read, by model. A price of your own goes "
        "into `lectr.toml`.",
        f"""
select provider, {_MODEL} as model, endpoint, tokens_source, price_note, count(*) as requests, max(started_at) as last_seen
from requests where {_SINCE} and cost_nanousd is null and outcome not in ('provider_error', 'lectr_refused')
group by provider, model, endpoint, tokens_source, price_note order by requests desc""",
    ),
    Canned(
        "unread_usage",
        "Answers whose usage is not known exactly",
        "`absent`: the answer reported none (a chat stream without `stream_options.include_usage`). `partial`: it broke "
        "off. `unreadable`: it could not be read.",
        f"""
select provider, {_MODEL} as model, endpoint, streamed, usage_state, tokens_source, count(*) as requests
from requests where {_SINCE} and usage_state not in ('reported', 'in_turns', 'unbilled')
  and outcome not in ('provider_error', 'lectr_refused')
group by provider, model, endpoint, streamed, usage_state, tokens_source order by requests desc""",
    ),
    Canned(
        "cached_share",
        "How much of the prompts came from a cache",
        "Cached tokens cost a fraction. Long prompts with a low share are worth a look: is what never changes at the front?",
        f"""
select feature, {_MODEL} as model, count(*) as requests, round(avg(input_tokens)) as mean_input_tokens,
  round(100.0 * sum(cached_input_tokens) / sum(input_tokens), 1) as cached_percent
from requests where {_SINCE} and input_tokens > 0
group by feature, model having mean_input_tokens > 1000 order by sum(input_tokens) desc""",
    ),
    Canned(
        "short_answers",
        "Short answers from costly models",
        "Where answers have at most 20 tokens, a smaller model often says the same. The costliest first.",
        f"""
select feature, task, {_MODEL} as model, count(*) as requests, round(avg(output_tokens), 1) as mean_output_tokens,
  round(sum(cost_nanousd) / 1e9, 6) as cost_usd, round(avg(cost_nanousd) / 1e6, 4) as usd_a_thousand
from requests where {_SINCE} and outcome = 'ok' and output_tokens between 1 and 20
group by feature, task, model having requests >= 3 order by cost_usd desc""",
    ),
    Canned(
        "costliest_requests",
        "The costliest single requests",
        "One row a request, the dearest first.",
        f"""
select started_at, feature, provider, {_MODEL} as model, round(cost_usd, 6) as cost_usd, input_tokens, cached_input_tokens,
  output_tokens, reasoning_tokens, round(duration_ms) as duration_ms, id
from requests where {_SINCE} and cost_nanousd is not null order by cost_nanousd desc limit 100""",
    ),
    Canned(
        "left_early",
        "Answers nobody waited for",
        "The client went away before the end; what was made until then is paid for. `waited_ms` is how long it did wait.",
        f"""
select feature, {_MODEL} as model, count(*) as requests, round(avg(duration_ms)) as waited_ms,
  round(avg(ttft_ms)) as first_token_ms
from requests where {_SINCE} and outcome = 'client_disconnected' group by feature, model order by requests desc""",
    ),
    Canned(
        "gateway_share",
        "How much time Lectr itself takes",
        "Lectr's own share of the time before the first byte, in milliseconds, by hour.",
        f"""
select substr(started_at, 1, 13) || ':00Z' as hour, count(*) as requests, round(avg(gateway_ms), 3) as mean_ms,
  round(max(gateway_ms), 3) as most_ms
from requests where {_SINCE} group by hour order by hour desc""",
    ),
    Canned(
        "rules_at_work",
        "What rules did",
        "Requests that a rule refused or sent elsewhere, and from where to where.",
        f"""
select rule, outcome, provider_detected, model_requested, provider, model_sent, count(*) as requests
from requests where {_SINCE} and rule is not null
group by rule, outcome, provider_detected, model_requested, provider, model_sent order by requests desc""",
    ),
)

CANNED: Final = tuple(
    attrs.evolve(query, sql=query.sql.strip(), explains=f"{query.explains} Field days: how many days back; 7 if left empty.")
    for query in _ALL
)
"""In the order in which they are offered."""
