"""A small database as the SQLite sink makes it, with and without its hourly sums."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

NOW = datetime(2026, 5, 20, 15, 30, 30, tzinfo=UTC)

# The columns that are promised, with the sink's types; all that the page and the canned queries may use.
REQUESTS = """
create table requests (
  id text primary key not null, started_at text not null, org text, feature text not null, task text, provider text,
  provider_unknown integer, provider_detected text, model_requested text, model_sent text, model_actual text, endpoint text,
  method text, status integer, outcome text not null, error_source text, error_category text, error_code text,
  streamed integer not null, attempts integer, rule text, config_version text, duration_ms real not null, ttfb_ms real,
  ttft_ms real, gateway_ms real, input_tokens integer, output_tokens integer, cached_input_tokens integer,
  cache_write_tokens integer, reasoning_tokens integer, tokens_source text not null, usage_state text,
  cost_nanousd integer, cost_usd real generated always as (cost_nanousd / 1e9) virtual, cost_basis text, price_note text
) strict;
create index requests_by_time on requests (started_at);
"""
HOURLY = """
create table usage_hourly as
select substr(started_at, 1, 13) || ':00:00Z' as hour, feature, provider, coalesce(model_actual, model_sent, '') as model,
  outcome, count(*) as requests, sum(outcome not in ('ok', 'client_disconnected')) as errors,
  coalesce(sum(input_tokens), 0) as input_tokens, coalesce(sum(output_tokens), 0) as output_tokens,
  coalesce(sum(cached_input_tokens), 0) as cached_input_tokens,
  sum(input_tokens is null and output_tokens is null) as tokens_unknown,
  sum(tokens_source in ('measured', 'estimated')) as tokens_not_reported,
  coalesce(sum(cost_nanousd), 0) as cost_nanousd, sum(cost_nanousd is null) as cost_unknown
from requests group by hour, feature, provider, model, outcome
"""

# (minutes ago, feature, provider, model, outcome, status, duration ms, tokens in, tokens out, nano-dollars)
Sample = tuple[float, str, str, str, str, int, float, int | None, int | None, int | None]
SAMPLES: list[Sample] = [
    (1, "search", "alpha", "small-1", "ok", 200, 100.0, 100, 10, 1_000_000),
    (2, "search", "alpha", "small-1", "ok", 200, 300.0, 100, 10, 1_000_000),
    (3, "search", "alpha", "small-1", "provider_error", 429, 20.0, None, None, None),
    (30, "chat <b>", "beta", "large/2 & co", "ok", 200, 4000.0, 5000, 200, 20_000_000),
    (50, "chat <b>", "beta", "large/2 & co", "ok", 200, 5000.0, None, None, None),
    (200, "chat <b>", "beta", "unpriced", "ok", 200, 2000.0, 50, 50, None),
    (3 * 1440, "search", "alpha", "small-1", "ok", 200, 200.0, 100, 10, 1_000_000),
    (20 * 1440, "search", "alpha", "small-1", "client_disconnected", 200, 200.0, 100, 1, 500_000),
    (40 * 1440, "search", "alpha", "small-1", "ok", 200, 200.0, 100, 10, 9_000_000),
]


def fill(path: Path, now: datetime, *, hourly: bool) -> None:
    """Make the database at *path*, its rows ending at *now*."""
    with closing(sqlite3.connect(path)) as store:
        store.executescript(REQUESTS)
        for at, sample in enumerate(SAMPLES):
            ago, feature, provider, model, outcome, status, took, taken, given, cost = sample
            started = (now - timedelta(minutes=ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            failed = outcome == "provider_error"
            values = {
                "id": f"r{at}",
                "started_at": started,
                "feature": feature,
                "provider": provider,
                "model_requested": model,
                "model_sent": model,
                "model_actual": None if failed else model,
                "endpoint": "/v1/chat/completions",
                "method": "POST",
                "status": status,
                "outcome": outcome,
                "streamed": 1,
                "attempts": 1,
                "duration_ms": took,
                "ttft_ms": took / 2,
                "gateway_ms": 0.1,
                "input_tokens": taken,
                "output_tokens": given,
                "cached_input_tokens": 0 if taken else None,
                "cost_nanousd": cost,
                "cost_basis": "exact" if cost else "unknown",
                "tokens_source": "reported" if taken else "unknown",
                "usage_state": "reported" if taken else "absent",
                "error_category": "rate_limit" if failed else None,
                "error_source": "provider" if failed else None,
            }
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            store.execute(f"insert into requests ({names}) values ({marks})", values)
        if hourly:
            store.execute(HOURLY)
        store.commit()


@pytest.fixture
def database(tmp_path: Path) -> Callable[..., Path]:
    """Makes `lectr.db` in a directory of its own."""

    def make(now: datetime = NOW, *, hourly: bool = False) -> Path:
        path = tmp_path / "lectr.db"
        fill(path, now, hourly=hourly)
        return path

    return make
