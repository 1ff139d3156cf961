"""Questions of the statement: which price lists costs come from, and what was restated. SQL only."""

from __future__ import annotations

from datetime import datetime

from lectr_datasette.asking.query import Query


def knows(table: str) -> Query:
    """Whether the database has a table: an older one may not."""
    return Query("select count(*) as tables from sqlite_master where type = 'table' and name = :name", {"name": table})


def prices(until: datetime) -> Query:
    """The price lists in use before *until*: of each source the newest date, and how many prices."""
    return Query(
        """select source, max(dated) as dated, count(*) as prices from prices
where first_used_at < :until group by source order by prices desc""",
        {"until": _stamp(until)},
    )


def restated(since: datetime, until: datetime) -> Query:
    """Every run that restated costs of that time, the newest first."""
    return Query(
        """select run, applied_at, since, until, sum(requests) as requests, sum(old_cost_nanousd) as old_nanousd,
  sum(new_cost_nanousd) as new_nanousd, max(price_source) as price_source
from repricings where since < :until and until > :since
group by run, applied_at, since, until order by applied_at desc limit 20""",
        {"since": _stamp(since), "until": _stamp(until)},
    )


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
