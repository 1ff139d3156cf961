"""Questions to the table `requests`: single requests, and small samples of the newest. SQL only.

Each is bounded by an index and a limit, so that it is as quick over ten million rows as over ten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from lectr_datasette.asking.query import Query
from lectr_datasette.asking.scope import Scope

MODEL: Final = "coalesce(model_actual, model_sent, model_requested, '')"
FAILED: Final = ("provider_error", "upstream_failed", "lectr_refused", "interrupted", "gateway_shutdown")
_SHOWN: Final = f"""id, started_at, feature, org, coalesce(provider, '') as provider, {MODEL} as model, outcome, status,
  error_category, error_code, streamed, duration_ms, ttft_ms, input_tokens, output_tokens, tokens_source, cost_nanousd,
  cost_low_nanousd, cost_high_nanousd, client_retry, attempts"""
_AND: Final = "\n  and "
_A_SAMPLE: Final = 24
MOST_LOOKED_AT: Final = 2_000


def one(id: str) -> Query:
    """Every column of one request."""
    return Query("select * from requests where id = :id", {"id": id})


def newest(scope: Scope | None, most: int, *, failed: bool = False) -> Query:
    """The newest requests, of a scope or of all; *failed*: only those that failed.

    Which index answers is not left to chance: a plus in front of a column keeps its index out.
    """
    if scope is None:
        return Query(f"select {_SHOWN}\nfrom requests order by started_at desc limit {most}")
    only = dict(scope.only)
    since, until = (_stamp(end) for end in (scope.period.since, scope.period.until))
    time = f"started_at >= '{since}' and started_at < '{until}'"
    if "error_category" in only:
        # What failed has an index by kind. In an older database, which lacks it, the time leads.
        rest = [f"+{_column(name)} = :{name}" for name in only if name != "error_category"]
        cases = [["error_category = :error_category", time, *rest]]
    elif failed and "outcome" not in only:
        # Of each outcome that is a failure the newest will do.
        also = [f"+{_column(name)} = :{name}" for name in only]
        cases = [[f"outcome = '{outcome}'", time, *also] for outcome in FAILED]
    elif {"provider", "model"} <= set(only) and not {"feature", "org"} & set(only):
        # The model as reported has an index. Of a failed request it is not known, so those are looked for apart, among the
        # provider's newest: of a model that is only ever reported there are none, however far back one looks.
        rest = [f"+{name} = :{name}" for name in only if name not in {"provider", "model"}]
        failures = f"provider = :provider and model_actual is null and {time}"
        newest_ones = f"select rowid from requests where {failures} order by started_at desc limit {MOST_LOOKED_AT}"
        unknown = [f"rowid in ({newest_ones})", f"{MODEL} = :model", *rest]
        cases = [["provider = :provider", "model_actual = :model", time, *rest], unknown]
    else:
        # By feature, org or outcome where there is one of them, else by time: most providers are seen often.
        plain = {"feature", "org", "outcome"}
        cases = [[time, *(f"{'' if name in plain else '+'}{_column(name)} = :{name}" for name in only)]]
    selects = [
        f"select {_SHOWN}\nfrom requests\nwhere {_AND.join(case)}\norder by started_at desc limit {most}" for case in cases
    ]
    if len(selects) == 1:
        return Query(selects[0], only)
    all_of = "\nunion all\n".join(f"select * from (\n{each}\n)" for each in selects)
    return Query(f"{all_of}\norder by started_at desc limit {most}", only)


def _column(name: str) -> str:
    return MODEL if name == "model" else name


def headroom(provider: str | None) -> Query:
    """The rate-limit headers of the newest requests."""
    also = " and provider = :provider" if provider else ""
    return Query(
        f"""select provider, started_at, headroom_json from (
  select provider, started_at, headroom_json from requests order by started_at desc limit {MOST_LOOKED_AT}
) where headroom_json is not null{also} order by started_at desc""",
        {"provider": provider} if provider else {},
    )


def prices(models: Sequence[tuple[str, str]], since: datetime, until: datetime) -> Query:
    """Units and their costs of some requests of each (provider, model), to read prices from."""
    parameters: dict[str, str] = {}
    selects = []
    for at, (provider, model) in enumerate(models):
        parameters |= {f"provider{at}": provider, f"model{at}": model}
        selects.append(
            f"""select * from (
  select provider, model_actual as model, units_json, cost_parts_json from requests
  where provider = :provider{at} and model_actual = :model{at} and started_at >= '{_stamp(since)}'
    and started_at < '{_stamp(until)}' order by started_at desc limit {_A_SAMPLE})"""
        )
    return Query("\nunion all\n".join(selects), parameters)


def ceilings(features: Sequence[str], since: datetime, until: datetime, most: int) -> Query:
    """What the newest requests of each feature allowed for their answers, and what they took."""
    parameters = {f"feature{at}": name for at, name in enumerate(features)}
    selects = [
        f"""select * from (
  select feature, {MODEL} as model, outcome, max_tokens, output_tokens, finish_reason from requests
  where feature = :feature{at} and started_at >= '{_stamp(since)}' and started_at < '{_stamp(until)}'
  order by started_at desc limit {most})"""
        for at in range(len(features))
    ]
    return Query("\nunion all\n".join(selects), parameters)


def cursors() -> Query:
    """How far each stream is stored, and what is known to be lost."""
    return Query("select cursor from cursors")


def knows_flights() -> Query:
    """Whether the database tells what is in flight: an older one does not."""
    return Query("select count(*) as tables from sqlite_master where type = 'table' and name = 'in_flight'")


def in_flight(most: int) -> Query:
    """Requests that have begun and are not over, the newest first; none where no gateway has told for some seconds."""
    return Query(
        f"""select id, started_at, feature, coalesce(provider, '') as provider, coalesce(model, '') as model, open_ms,
  count(*) over () as all_of
from in_flight where as_of >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-10 seconds')
order by started_at desc limit {most}"""
    )


def newest_mark() -> Query:
    """A number that grows with every stored request."""
    return Query("select coalesce(max(rowid), 0) as mark from requests")


def around(row: Mapping[str, object]) -> Query:
    """The requests of the same feature just before and after one, to leaf through."""
    parameters = {"feature": str(row["feature"]), "at": str(row["started_at"]), "id": str(row["id"])}
    earlier = "feature = :feature and (started_at, id) < (:at, :id) order by started_at desc, id desc limit 1"
    later = "feature = :feature and (started_at, id) > (:at, :id) order by started_at, id limit 1"
    return Query(
        f"select * from (select 'before' as side, id from requests where {earlier})\n"
        f"union all select * from (select 'after' as side, id from requests where {later})",
        parameters,
    )


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
