"""Questions to the sums by minute, hour and day: totals, groups, steps of a chart, percentiles. SQL only.

Times stand in the SQL as they are, since they are made here; names that came with an address are parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from lectr_datasette.asking.cover import DAILY, HOURLY, MINUTELY, Grain, Piece, cover, of_grain
from lectr_datasette.asking.period import DAY, HOUR, Period
from lectr_datasette.asking.query import Query
from lectr_datasette.asking.scope import WHO, Scope

# What a provider or Lectr itself answered with an error: as a rule nothing is billed for it, but nobody says so.
TURNED_AWAY: Final = "outcome in ('provider_error', 'lectr_refused')"
_PLAIN: Final = (
    *("requests", "errors", "streamed", "attempts", "client_retries", "input_tokens", "output_tokens"),
    *("cached_input_tokens", "cache_write_tokens", "reasoning_tokens", "tokens_reported", "tokens_measured"),
    *("tokens_estimated", "tokens_unknown", "cost_nanousd", "cost_low_nanousd", "cost_high_nanousd"),
    *("cost_unbounded", "cost_unknown"),
)
_OF_THOSE: Final = "cost_unknown_turned_away"
SUMMED: Final = (*_PLAIN, _OF_THOSE)
"""Names of all sums, as `reckoning.sums.Sums` has them."""


def _sum(name: str) -> str:
    if name == _OF_THOSE:
        return f"sum(case when {TURNED_AWAY} then cost_unknown else 0 end) as {name}"
    return f"sum({name}) as {name}"


_SUMS: Final = ",\n  ".join(_sum(name) for name in SUMMED)


def pieces(period: Period, minutes_since: datetime | None) -> list[Piece]:
    """What answers for a period."""
    return cover(period.since, period.until, minutes_since)


def totals(parts: Sequence[Piece], only: Mapping[str, str], by: Sequence[str] = ()) -> Query:
    """All sums, by the dimensions *by*."""
    names = ", ".join(by)
    group = f"\ngroup by {names}" if by else ""
    lead = f"{names},\n  " if by else ""
    columns = (*by, *_PLAIN, "outcome")
    return Query(f"select {lead}{_SUMS}\nfrom {_parts('usage', parts, only, columns)}{group}", only)


def steps(period: Period, only: Mapping[str, str], by: str | None, columns: Sequence[str]) -> Query:
    """The sums *columns* by step (or finer) and by the dimension *by*; `at` is the beginning."""
    piece = step_piece(period)
    lead = f", {by} as name" if by else ""
    sums = ", ".join(_sum(name) for name in columns)
    where, also = _where(piece, only)
    return Query(
        f"select {piece.grain.at} as at{lead},\n  {sums}\nfrom usage_{piece.grain.name}\nwhere {where}\n"
        f"group by at{', name' if by else ''}",
        also,
    )


def step_piece(period: Period) -> Piece:
    """The sums that a chart of this period is made of."""
    return of_grain(period.since, period.until, step_grain(period))


def step_grain(period: Period) -> Grain:
    """The coarsest sums that its steps can be added up from."""
    # Any of them: where clocks are moved by half an hour, all that come after it are off.
    if any(start.minute for start in period.starts[1:]):
        return MINUTELY
    first = period.starts[-1] - period.starts[-2] if len(period.starts) > 1 else period.full - period.since
    if first < HOUR or period.since.minute:
        return MINUTELY
    midnights = all(not (start.hour or start.minute) for start in period.starts)
    return DAILY if first >= DAY and midnights else HOURLY


def speeds(parts: Sequence[Piece], only: Mapping[str, str], by: Sequence[str] = ()) -> Query:
    """p50 and p95 of all time and of the time to the first token, over everything and by each dimension of *by* alone."""
    held = _parts("latency", parts, only, (*by, "duration_json", "ttft_json"))
    group = f"\n  group by {', '.join(by)}" if by else ""
    lead = f"{', '.join(by)}, " if by else ""
    found = [("", "", "")]
    found += [(name, name, ", provider" if name == "model" else "") for name in by]
    selects = "\nunion all\n".join(_speed(kind, column, more) for kind, column, more in found)
    return Query(
        f"with held as materialized (\n  select {lead}histogram_sum(duration_json) as duration, "
        f"histogram_sum(ttft_json) as first\n  from {held}{group}\n)\n{selects}",
        only,
    )


def _speed(kind: str, column: str, more: str) -> str:
    name = column or "''"
    provider = "provider" if more else "''"
    group = f" group by {column}{more}" if column else ""
    return f"""select '{kind}' as kind, {name} as name, {provider} as of_provider,
  histogram_percentile(duration, 0.5) as p50_ms, histogram_percentile(duration, 0.95) as p95_ms,
  histogram_percentile(first, 0.5) as first_p50_ms, histogram_percentile(first, 0.95) as first_p95_ms
from (select {column + "," if column else ""} {provider + "," if more else ""} histogram_sum(duration) as duration,
  histogram_sum(first) as first from held{group})"""


def speed_steps(period: Period, only: Mapping[str, str]) -> Query:
    """p50 and p95 by the rows of the sums that a chart's steps are made of."""
    piece = step_piece(period)
    where, also = _where(piece, only)
    return Query(
        f"""select {piece.grain.at} as at, histogram_sum(duration_json) as duration, histogram_sum(ttft_json) as first
from latency_{piece.grain.name}
where {where}
group by at""",
        also,
    )


def minutes_since() -> Query:
    """From when on there are sums by the minute."""
    return Query("select min(minute) as at from usage_minutely")


def begins() -> Query:
    """From when on anything is recorded: the first day, and the first hour that is kept."""
    return Query("select (select min(day) from usage_daily) as day, (select min(hour) from usage_hourly) as hour")


def names(scope: Scope) -> Query:
    """Every value of the dimensions that people filter by, with its requests, in the days the period touches."""
    piece = of_grain(scope.period.since, scope.period.until, DAILY)
    where, _ = _where(piece, {})
    selects = [
        f"select '{name}' as kind, {name} as name, sum(requests) as requests from usage_daily where {where} group by {name}"
        for name in (*WHO, "outcome", "error_category")
    ]
    return Query("\nunion all\n".join(selects) + "\norder by kind, requests desc")


def _where(piece: Piece, only: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    grain = piece.grain
    also = "".join(f" and {name} = :{name}" for name in only)
    return f"{grain.at} >= '{grain.text(piece.since)}' and {grain.at} < '{grain.text(piece.until)}'{also}", only


def _parts(kind: str, parts: Sequence[Piece], only: Mapping[str, str], columns: Sequence[str]) -> str:
    """A sub-select of *columns* over all pieces."""
    wanted = ", ".join(dict.fromkeys(columns))
    selects = [f"select {wanted} from {kind}_{piece.grain.name} where {_where(piece, only)[0]}" for piece in parts]
    return "(\n  " + "\n  union all ".join(selects) + "\n)"
