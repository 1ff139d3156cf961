"""The questions the page asks the database: parameterised, read-only, each bounded by time and by an index on it.

Sums come from the hourly rollups where they are there and the period begins at a full hour, else from the rows themselves.
Speeds come from the newest answered requests, at most so many, so that a busy month does not slow the page. Called by
`pages.py` through *ask*, which knows how to run SQL.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from lectr_datasette.figures import Row, Speed
from lectr_datasette.period import Period

Parameters = Mapping[str, str | int]
Ask = Callable[[str, Parameters], Awaitable[Sequence[Row]]]
"""Runs one query with its parameters."""

MOST_TIMED: Final = 20_000
"""From so many of the newest answered requests speeds are taken."""
NEWEST: Final = 15

# Requests whose cost or counts one would expect to know: not those a provider or Lectr itself turned away.
_TURNED_AWAY: Final = "outcome in ('provider_error', 'lectr_refused')"
_MODEL: Final = "coalesce(model_actual, model_sent, model_requested, '')"
_SUMMED: Final = (
    *("requests", "failed", "cost_nanousd", "cost_unknown", "tokens_unknown", "tokens_not_reported"),
    *("input_tokens", "output_tokens", "cached_tokens"),
)
_SUMS: Final = ", ".join(f"sum({name}) as {name}" for name in _SUMMED)
_HOURLY: Final = f"""
select hour as at, feature, provider, model, requests, errors as failed, cost_nanousd,
  case when {_TURNED_AWAY} then 0 else cost_unknown end as cost_unknown,
  case when {_TURNED_AWAY} then 0 else tokens_unknown end as tokens_unknown,
  tokens_not_reported, input_tokens, output_tokens, cached_input_tokens as cached_tokens
from usage_hourly where hour >= :since"""
_ROWS: Final = f"""
select started_at as at, feature, coalesce(provider, '') as provider, {_MODEL} as model, 1 as requests,
  outcome not in ('ok', 'client_disconnected') as failed, coalesce(cost_nanousd, 0) as cost_nanousd,
  cost_nanousd is null and not {_TURNED_AWAY} as cost_unknown,
  input_tokens is null and output_tokens is null and not {_TURNED_AWAY} as tokens_unknown,
  tokens_source in ('measured', 'estimated') as tokens_not_reported,
  coalesce(input_tokens, 0) as input_tokens, coalesce(output_tokens, 0) as output_tokens,
  coalesce(cached_input_tokens, 0) as cached_tokens
from requests where started_at >= :since"""


def _source(period: Period, has_rollups: bool) -> str:
    return _HOURLY if has_rollups and period.has_hours else _ROWS


async def tables(ask: Ask) -> frozenset[str]:
    """Names of all tables and views."""
    return frozenset(row["name"] for row in await ask("select name from sqlite_master where type in ('table', 'view')", {}))


async def newest(ask: Ask) -> Sequence[Row]:
    """The newest requests."""
    return await ask(
        f"""select id, started_at, feature, provider, {_MODEL} as model, outcome, status, error_category, streamed,
  duration_ms, input_tokens, output_tokens, tokens_source, cost_nanousd, cost_basis
from requests order by started_at desc limit :most""",
        {"most": NEWEST},
    )


async def sums(ask: Ask, period: Period, has_rollups: bool) -> Sequence[Row]:
    """Sums by feature, provider and model."""
    inner = _source(period, has_rollups)
    return await ask(
        f"select feature, provider, model, {_SUMS} from ({inner}) group by feature, provider, model", {"since": period.since}
    )


async def before(ask: Ask, period: Period, has_rollups: bool) -> Sequence[Row]:
    """One row of sums of the stretch before, as far into it as now is into this one."""
    inner = _source(period, has_rollups)
    return await ask(f"select {_SUMS} from ({inner}) where at < :until", {"since": period.before, "until": period.until})


async def bars(ask: Ask, period: Period, has_rollups: bool) -> Sequence[Row]:
    """Cost, requests and failures by bar and feature."""
    return await ask(
        f"""select substr(at, 1, :front) as bar, feature as name, sum(cost_nanousd) as cost_nanousd,
  sum(requests) as requests, sum(failed) as failed
from ({_source(period, has_rollups)}) group by bar, name""",
        {"since": period.since, "front": period.front},
    )


_ANSWERED: Final = f"""
select feature, coalesce(provider, '') as provider, {_MODEL} as model, duration_ms,
  case when streamed then ttft_ms end as ttft_ms
from requests where started_at >= :since and outcome = 'ok' order by started_at desc limit :most"""


async def speeds(ask: Ask, period: Period, by: tuple[str, ...]) -> Mapping[tuple[str, ...], Speed]:
    """p50 and p95 (nearest rank) by the columns *by*; no column: one for all, under ``()``."""
    names = ", ".join(by)
    part = f"partition by {names}" if by else ""
    rows = await ask(
        f"""with answered as ({_ANSWERED}), ranked as (
  select *, count(*) over ({part}) as n, row_number() over ({part} order by duration_ms) as place,
    count(ttft_ms) over ({part}) as first_n,
    row_number() over ({part} order by ttft_ms is null, ttft_ms) as first_place
  from answered)
select {names + "," if by else ""} min(case when place >= n * 0.5 then duration_ms end) as p50_ms,
  min(case when place >= n * 0.95 then duration_ms end) as p95_ms,
  min(case when first_place >= first_n * 0.5 then ttft_ms end) as first_p50_ms
from ranked {"group by " + names if by else ""}""",
        {"since": period.since, "most": MOST_TIMED},
    )
    return {tuple(row[name] for name in by): Speed(row["p50_ms"], row["p95_ms"], row["first_p50_ms"]) for row in rows}


async def answered(ask: Ask, period: Period, has_rollups: bool) -> int:
    """How many requests were answered, to say whether speeds come from all of them."""
    if has_rollups and period.has_hours:
        sql = "select sum(requests) as n from usage_hourly where hour >= :since and outcome = 'ok'"
    else:
        sql = "select count(*) as n from requests where started_at >= :since and outcome = 'ok'"
    rows = await ask(sql, {"since": period.since})
    return int(rows[0]["n"] or 0)
