"""Rate-limit headers over time: a sample from each of many short stretches. SQL only. Called by the provider's page."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final

from lectr_datasette.asking.query import Query

SLOTS: Final = 96
A_SLOT: Final = 24
"""Requests looked at in each stretch, of any provider: so the question takes the same time over ten million rows. They are
the last ones stored of those that began in it: rows are numbered as they are stored."""


def slots(since: datetime, until: datetime) -> list[datetime]:
    """Where each stretch begins, and where the last one ends."""
    each = max((until - since) / SLOTS, timedelta(minutes=1))
    count = min(SLOTS, max(1, round((until - since) / each)))
    return [since + (until - since) / count * at for at in range(count + 1)]


def sample(provider: str, ends: list[datetime]) -> Query:
    """The headers of the last requests of each stretch, oldest first; `slot` counts from 0."""
    stamps = json.dumps([end.strftime("%Y-%m-%dT%H:%M:%S") for end in ends])
    return Query(
        f"""select slots.slot, requests.provider, requests.started_at, requests.headroom_json
from (
  select slot, since, (select rowid from requests where started_at < until order by started_at desc limit 1) as newest
  from (select key as slot, value as since, lead(value) over (order by key) as until from json_each(:slots))
  where until is not null
) as slots
cross join requests on requests.rowid between slots.newest - {A_SLOT - 1} and slots.newest
where requests.started_at >= slots.since and +requests.provider = :provider and requests.headroom_json is not null
order by slots.slot""",
        {"slots": stamps, "provider": provider},
    )
