"""Questions for requests that were sent more than once. SQL only. Called by the pages of one request and of leaks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from lectr_datasette.asking.query import Query
from lectr_datasette.asking.rows import MODEL
from lectr_datasette.asking.scope import Scope

LOOKED_AT: Final = 10_000
"""Requests in which repeats are looked for: the newest. There is no index of them."""
_AROUND: Final = timedelta(minutes=20)
"""An SDK waits ten minutes for an answer, and less than that between two tries."""
_MOST_AROUND: Final = 20_000
_SHOWN: Final = f"""id, started_at, duration_ms, feature, org, key_id, coalesce(provider, '') as provider,
  {MODEL} as model, model_requested, endpoint, request_bytes, streamed, max_tokens, client_retry, outcome,
  error_category, status, cost_nanousd"""


def around(row: Mapping[str, object]) -> Query:
    """What may be the same request, sent before or after *row*: of the same feature, model and size, and near in time."""
    at = datetime.fromisoformat(str(row["started_at"]))
    since, until = (f"{end:%Y-%m-%dT%H:%M:%S}" for end in (at - _AROUND, at + _AROUND))
    same = ("org", "key_id", "endpoint", "model_requested", "request_bytes")
    words = {name: str(row[name]) for name in ("feature", *same) if row[name] is not None}
    also = " and ".join(f"{name} is null" if row[name] is None else f"cast({name} as text) = :{name}" for name in same)
    half = f"feature = :feature and started_at {{}} limit {_MOST_AROUND}"
    before = half.format(f">= '{since}' and started_at <= '{row['started_at']}' order by started_at desc")
    after = half.format(f"> '{row['started_at']}' and started_at < '{until}' order by started_at")
    return Query(
        f"""select {_SHOWN}
from requests
where rowid in (select rowid from requests where {before})
  and {also}
union all
select {_SHOWN}
from requests
where rowid in (select rowid from requests where {after})
  and {also}
order by started_at""",
        words,
    )


def newest(scope: Scope) -> Query:
    """Of the newest requests: those that are repeats, and those that may have been repeated."""
    also = "".join(f" and +{MODEL if name == 'model' else name} = :{name}" for name in scope.only)
    since, until = (f"{end:%Y-%m-%dT%H:%M:%S}" for end in (scope.period.since, scope.period.until))
    return Query(
        f"""select {_SHOWN}
from requests
where rowid in (
    select rowid from requests where started_at >= '{since}' and started_at < '{until}'
    order by started_at desc limit {LOOKED_AT})
  and (client_retry > 0 or outcome <> 'ok'){also}
order by started_at""",
        scope.only,
    )
