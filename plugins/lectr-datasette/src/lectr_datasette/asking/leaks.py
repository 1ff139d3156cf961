"""Questions of the page on leaks and of the one on changes: caches over time, uses by feature and model. SQL only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from lectr_datasette.asking.cover import DAILY, HOURLY, Grain, Piece, of_grain
from lectr_datasette.asking.query import Query

LEAST_CACHED: Final = 0.02
"""Share of its prompts that a feature must have had from a cache, to be one that caches."""


def cache_points(since: datetime, until: datetime, grain: Grain, only: Mapping[str, str]) -> Query:
    """Prompt tokens and those from a cache, over time, of every feature and model that caches at all."""
    piece = of_grain(since, until, grain)
    where = _where(piece, only)
    # Over days of hours, which features cache at all is asked of the days: a tenth of the rows.
    judged = of_grain(since, until, DAILY) if grain is HOURLY and until - since > timedelta(days=2) else piece
    return Query(
        f"""select {grain.at} as at, feature, provider, model,
  sum(input_tokens) as input_tokens, sum(cached_input_tokens) as cached_tokens
from usage_{grain.name}
where {where}
  and (feature, provider, model) in (
    select feature, provider, model from usage_{judged.grain.name} where {_where(judged, only)}
    group by feature, provider, model
    having sum(cached_input_tokens) > {LEAST_CACHED} * sum(input_tokens))
group by at, feature, provider, model
order by at""",
        only,
    )


def uses(parts: Sequence[Piece], only: Mapping[str, str]) -> Query:
    """What each feature took of each model, of requests whose cost is known in part or whole."""
    selects = "\n  union all ".join(
        "select feature, provider, model, requests, client_retries, input_tokens, cached_input_tokens, cache_write_tokens, "
        f"output_tokens, cost_nanousd, cost_unknown from usage_{piece.grain.name} where {_where(piece, only)}"
        for piece in parts
    )
    return Query(
        f"""select feature, provider, model, sum(requests - cost_unknown) as requests,
  sum(case when requests > cost_unknown then client_retries else 0 end) as retries, sum(input_tokens) as input_tokens,
  sum(cached_input_tokens) as cached_tokens, sum(cache_write_tokens) as written_tokens, sum(output_tokens) as output_tokens,
  sum(cost_nanousd) as cost_nanousd, sum(cost_unknown) as cost_unknown
from (
  {selects}
)
group by feature, provider, model""",
        only,
    )


def _where(piece: Piece, only: Mapping[str, str]) -> str:
    grain = piece.grain
    also = "".join(f" and {name} = :{name}" for name in only)
    return f"{grain.at} >= '{grain.text(piece.since)}' and {grain.at} < '{grain.text(piece.until)}'{also}"
