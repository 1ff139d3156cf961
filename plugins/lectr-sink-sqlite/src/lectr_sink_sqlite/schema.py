"""The schema, as numbered migrations. What was released is never edited: a new number changes it.

Statements live here and nothing else does: what a column means stands in `meanings.py`, how a row is made in `rows.py`.
Called by `store.py` whenever the file is opened for writing.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from lectr_core import OperatorError
from lectr_sink_sqlite import beside, histogram, repricing, rollup_tables, rollups
from lectr_sink_sqlite.views import VIEWS, create_view

migrations = Migrations("lectr_sink_sqlite")


def bring_up_to_date(database: Database) -> None:
    """Make every change that the file has not had yet, each in a transaction of its own. Errors: as `refuse_newer`."""
    refuse_newer(database)
    migrations.apply(database)


def refuse_newer(database: Database) -> None:
    """Errors: OperatorError where a newer Lectr changed the file: what that one sums up as well would silently go wrong."""
    known = {one.name for one in migrations._migrations}
    newer = [one.name for one in migrations.applied(database) if one.name not in known]
    if newer:
        raise OperatorError(
            f"the database was changed by a newer Lectr ({newer[-1]}): upgrade this one, or name another file in "
            "sink.sqlite.path; until then records wait in the journal"
        )


REQUESTS = """
CREATE TABLE requests (
    id TEXT PRIMARY KEY NOT NULL,
    started_at TEXT NOT NULL,
    org TEXT,
    feature TEXT NOT NULL,
    task TEXT,
    provider TEXT,
    model_requested TEXT,
    model_sent TEXT,
    model_actual TEXT,
    endpoint TEXT NOT NULL,
    method TEXT NOT NULL,
    status INTEGER,
    outcome TEXT NOT NULL,
    ended_by TEXT NOT NULL,
    error_source TEXT,
    error_category TEXT,
    error_code TEXT,
    finish_reason TEXT,
    streamed INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    duration_ms REAL NOT NULL,
    ttfb_ms REAL,
    ttft_ms REAL,
    gateway_ms REAL NOT NULL,
    input_tokens INTEGER,
    input_tokens_low INTEGER,
    input_tokens_high INTEGER,
    output_tokens INTEGER,
    output_tokens_low INTEGER,
    output_tokens_high INTEGER,
    cached_input_tokens INTEGER,
    cache_write_tokens INTEGER,
    cache_write_5m_tokens INTEGER GENERATED ALWAYS AS (
        CASE WHEN tokens_source = 'reported' THEN coalesce(json_extract(units_json, '$.cache_write_5m'), 0) END) VIRTUAL,
    cache_write_1h_tokens INTEGER GENERATED ALWAYS AS (
        CASE WHEN tokens_source = 'reported' THEN coalesce(json_extract(units_json, '$.cache_write_1h'), 0) END) VIRTUAL,
    reasoning_tokens INTEGER,
    audio_tokens INTEGER GENERATED ALWAYS AS (
        CASE WHEN tokens_source = 'reported' THEN coalesce(json_extract(units_json, '$.input_audio'), 0)
            + coalesce(json_extract(units_json, '$.cache_read_audio'), 0)
            + coalesce(json_extract(units_json, '$.output_audio'), 0) END) VIRTUAL,
    image_tokens INTEGER GENERATED ALWAYS AS (
        CASE WHEN tokens_source = 'reported' THEN coalesce(json_extract(units_json, '$.input_image'), 0)
            + coalesce(json_extract(units_json, '$.output_image'), 0) END) VIRTUAL,
    tokens_source TEXT NOT NULL,
    cost_usd REAL GENERATED ALWAYS AS (cost_nanousd / 1e9) VIRTUAL,
    cost_low_usd REAL GENERATED ALWAYS AS (cost_low_nanousd / 1e9) VIRTUAL,
    cost_high_usd REAL GENERATED ALWAYS AS (cost_high_nanousd / 1e9) VIRTUAL,
    cost_basis TEXT NOT NULL,
    variant TEXT,
    price_id TEXT,
    price_source TEXT,
    price_date TEXT,
    price_note TEXT,
    rule TEXT,
    policy_fault TEXT,
    provider_detected TEXT,
    provider_unknown INTEGER NOT NULL,
    provider_request_id TEXT,
    answer_id TEXT,
    max_tokens INTEGER,
    request_bytes INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL,
    response_digest TEXT,
    faithful INTEGER,
    client_retry INTEGER,
    feature_cut INTEGER NOT NULL,
    key_id TEXT,
    config_version TEXT NOT NULL,
    usage_state TEXT NOT NULL,
    usage_check INTEGER,
    deltas INTEGER NOT NULL,
    delta_chars INTEGER NOT NULL,
    cost_nanousd INTEGER,
    cost_low_nanousd INTEGER,
    cost_high_nanousd INTEGER,
    cost_parts_json TEXT,
    units_json TEXT,
    usage_json TEXT,
    attempts_json TEXT,
    headroom_json TEXT,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    UNIQUE (stream, seq)
) STRICT
"""

# One index a question that people ask; each begins with what is asked for and ends with the time. `feature`, `org` and
# `outcome` alone are served by the front of theirs, which is also what a facet counts on.
REQUESTS_INDEXES = (
    "CREATE INDEX requests_by_time ON requests (started_at)",
    "CREATE INDEX requests_by_feature ON requests (feature, started_at)",
    "CREATE INDEX requests_by_model ON requests (provider, model_actual, started_at)",
    "CREATE INDEX requests_by_outcome ON requests (outcome, started_at)",
    "CREATE INDEX requests_by_org ON requests (org, started_at)",
)

CURSORS = "CREATE TABLE cursors (stream TEXT PRIMARY KEY NOT NULL, cursor TEXT NOT NULL) STRICT, WITHOUT ROWID"

REMOVED = "CREATE TABLE removed (stream TEXT PRIMARY KEY NOT NULL, requests INTEGER NOT NULL) STRICT, WITHOUT ROWID"

USAGE_HOURLY = """
CREATE TABLE usage_hourly (
    hour TEXT NOT NULL,
    org TEXT NOT NULL,
    feature TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    outcome TEXT NOT NULL,
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    tokens_unknown INTEGER NOT NULL,
    tokens_not_reported INTEGER NOT NULL,
    cost_usd REAL GENERATED ALWAYS AS (cost_nanousd / 1e9) VIRTUAL,
    cost_nanousd INTEGER NOT NULL,
    cost_low_nanousd INTEGER NOT NULL,
    cost_high_nanousd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    cost_unbounded INTEGER NOT NULL,
    duration_sum_ms REAL NOT NULL,
    gateway_sum_ms REAL NOT NULL,
    ttft_sum_ms REAL NOT NULL,
    ttft_requests INTEGER NOT NULL,
    request_bytes INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL,
    PRIMARY KEY (hour, org, feature, provider, model, outcome)
) STRICT, WITHOUT ROWID
"""

LATENCY_STEPS = "CREATE TABLE latency_steps (upto_ms REAL PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID"

LATENCY_HOURLY = """
CREATE TABLE latency_hourly (
    hour TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    measure TEXT NOT NULL,
    upto_ms REAL NOT NULL,
    requests INTEGER NOT NULL,
    PRIMARY KEY (hour, provider, model, measure, upto_ms)
) STRICT, WITHOUT ROWID
"""

# Ten steps to the power of ten (the R10 series of preferred numbers): a percentile read from them is at most 28 % too high.
STEPS_PER_DECADE = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
# From 1 ms to over 22 hours; what took longer is counted in the last step.
STEPS_MS = tuple(round(step * 10**power, 3) for power in range(8) for step in STEPS_PER_DECADE)

RECENT_REQUESTS = """
CREATE VIEW recent_requests AS
SELECT started_at, feature, provider, coalesce(model_actual, model_sent, model_requested) AS model, outcome, status,
    duration_ms, ttft_ms, input_tokens, output_tokens, tokens_source, cost_usd, cost_basis, org, task, rule,
    error_category, id
FROM requests ORDER BY id DESC
"""

SPEND_BY_FEATURE_DAY = """
CREATE VIEW spend_by_feature_day AS
SELECT substr(hour, 1, 10) AS day, feature, sum(requests) AS requests, sum(errors) AS errors,
    sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cost_nanousd) / 1e9 AS cost_usd,
    sum(cost_low_nanousd) / 1e9 AS cost_low_usd, sum(cost_high_nanousd) / 1e9 AS cost_high_usd,
    sum(cost_unknown) AS cost_unknown
FROM usage_hourly GROUP BY day, feature ORDER BY day DESC, cost_usd DESC
"""

SPEND_BY_MODEL_DAY = """
CREATE VIEW spend_by_model_day AS
SELECT substr(hour, 1, 10) AS day, provider, model, sum(requests) AS requests, sum(errors) AS errors,
    sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cost_nanousd) / 1e9 AS cost_usd,
    sum(cost_low_nanousd) / 1e9 AS cost_low_usd, sum(cost_high_nanousd) / 1e9 AS cost_high_usd,
    sum(cost_unknown) AS cost_unknown
FROM usage_hourly GROUP BY day, provider, model ORDER BY day DESC, cost_usd DESC
"""

ABOUT_COLUMNS = """
CREATE TABLE about_columns (
    in_table TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    meaning TEXT NOT NULL,
    PRIMARY KEY (in_table, name)
) STRICT, WITHOUT ROWID
"""


@migrations(name="0001_requests")
def requests(db: Database) -> None:
    """One row a request."""
    for statement in (REQUESTS, *REQUESTS_INDEXES):
        db.execute(statement)


@migrations(name="0002_cursors")
def cursors(db: Database) -> None:
    """How far each stream is stored, and how many of its rows retention took away."""
    db.execute(CURSORS)
    db.execute(REMOVED)


@migrations(name="0003_rollups")
def hourly_rollups(db: Database) -> None:
    """Sums and latencies by the hour."""
    for statement in (USAGE_HOURLY, LATENCY_STEPS, LATENCY_HOURLY):
        db.execute(statement)
    db.conn.executemany("INSERT INTO latency_steps (upto_ms) VALUES (?)", [(step,) for step in STEPS_MS])


@migrations(name="0004_views")
def views(db: Database) -> None:
    """What people look at first."""
    for statement in (RECENT_REQUESTS, SPEND_BY_FEATURE_DAY, SPEND_BY_MODEL_DAY):
        db.execute(statement)


@migrations(name="0005_about_columns")
def about_columns(db: Database) -> None:
    """What every column means, in the file itself."""
    db.execute(ABOUT_COLUMNS)


# What the hourly tables of 0003 knew, in the columns of those that follow them. Only for hours whose rows retention has
# removed already: all others are made anew from the rows.
_KEPT = """
INSERT INTO {table} ({at}, org, feature, provider, model, outcome, error_category, {names})
SELECT {cut}, org, feature, provider, model, outcome, '', {sums} FROM old_usage WHERE hour < ? GROUP BY 1, 2, 3, 4, 5, 6
"""
_KEPT_AS = {
    "tokens_reported": "sum(requests - tokens_unknown - tokens_not_reported)",
    "tokens_measured": "sum(tokens_not_reported)",
    "cost_reported_nanousd": "sum(cost_nanousd)",
    **{f"{way}_tokens_{end}": f"sum({way}_tokens)" for way in ("input", "output") for end in ("low", "high")},
    **dict.fromkeys(("tokens_estimated", "tokens_unbounded", "streamed", "attempts", "client_retries"), "0"),
}


@migrations(name="0006_rollups_by_minute_hour_and_day")
def finer_rollups(db: Database) -> None:
    """Sums and histograms by minute, hour and day take the place of the hourly ones."""
    for view in ("spend_by_feature_day", "spend_by_model_day"):
        db.execute(f"DROP VIEW {view}")
    db.execute("ALTER TABLE usage_hourly RENAME TO old_usage")
    db.execute("DROP TABLE latency_hourly")
    db.execute("DROP TABLE latency_steps")
    db.execute(rollup_tables.LATENCY_STEPS)
    steps = [(step, histogram.upto_ms(step), histogram.middle_ms(step)) for step in range(histogram.LAST + 1)]
    db.conn.executemany("INSERT INTO latency_steps VALUES (?, ?, ?)", steps)
    for grain in rollup_tables.GRAINS:
        db.execute(rollup_tables.usage_table(grain))
        db.execute(rollup_tables.latency_table(grain))
    db.execute(rollup_tables.spend_view("feature", "feature"))
    db.execute(rollup_tables.spend_view("model", "provider, model"))
    (since,) = db.execute(
        """SELECT CASE WHEN EXISTS (SELECT 1 FROM removed)
            THEN coalesce(strftime('%Y-%m-%dT%H:00:00Z', min(started_at), '+1 hour'), '9') ELSE '' END FROM requests"""
    ).fetchone()
    names = tuple(rollup_tables.SUMS)
    sums = ", ".join(_KEPT_AS.get(name, f"sum({name})") for name in names)
    for grain, cut in ((rollup_tables.HOUR, "hour"), (rollup_tables.DAY, "substr(hour, 1, 10)")):
        db.execute(_KEPT.format(table=grain.usage, at=grain.at, cut=cut, names=", ".join(names), sums=sums), (since,))
    db.execute("DROP TABLE old_usage")
    rollups.add_days(db.conn, since)


@migrations(name="0007_in_flight_and_prices")
def in_flight_and_prices(db: Database) -> None:
    """Requests that are not over, and the prices that records name."""
    db.execute(beside.IN_FLIGHT)
    db.execute(beside.PRICES)


@migrations(name="0008_connections")
def connections(db: Database) -> None:
    """Which connection a turn belongs to. Few rows have one, so only they stand in the index."""
    db.execute("ALTER TABLE requests ADD COLUMN connection TEXT")
    db.execute("CREATE INDEX requests_by_connection ON requests (connection) WHERE connection IS NOT NULL")


@migrations(name="0009_repricings")
def repricings(db: Database) -> None:
    """What was restated, and by how much."""
    db.execute(repricing.REPRICINGS)


@migrations(name="0010_by_model")
def by_model(db: Database) -> None:
    """Which model took how much, where an answer is the work of several."""
    db.execute("ALTER TABLE requests ADD COLUMN by_model_json TEXT")


@migrations(name="0011_measured_tokens")
def measured_tokens(db: Database) -> None:
    """How tokens that nobody reported were worked out, and how good that is."""
    db.execute("ALTER TABLE requests ADD COLUMN tokens_note TEXT")
    db.execute(beside.TOKEN_ACCURACY)


@migrations(name="0012_usage_asked")
def usage_asked(db: Database) -> None:
    """Which requests were changed to ask for usage."""
    db.execute("ALTER TABLE requests ADD COLUMN usage_asked INTEGER NOT NULL DEFAULT 0")


@migrations(name="0013_narrow_views")
def narrow_views(db: Database) -> None:
    """Views for the questions people begin with, in place of the three there were."""
    for name in ("recent_requests", "spend_by_feature_day", "spend_by_model_day"):
        db.execute(f"DROP VIEW {name}")
    for name in VIEWS:
        db.execute(create_view(name))


@migrations(name="0014_pricing")
def pricing(db: Database) -> None:
    """What else decides a price, so that a row can be priced again just as it was the first time."""
    db.execute("ALTER TABLE requests ADD COLUMN pricing_json TEXT")


@migrations(name="0015_provisioned")
def provisioned(db: Database) -> None:
    """Find what ran on provisioned capacity. Few gateways have any, so only those rows stand in the index."""
    db.execute("CREATE INDEX requests_provisioned ON requests (started_at, price_id) WHERE cost_basis = 'provisioned'")


@migrations(name="0016_by_error")
def by_error(db: Database) -> None:
    """Find the newest of a kind of error. Only what failed stands in the index: a write of what went well pays nothing."""
    db.execute("CREATE INDEX requests_by_error ON requests (error_category, started_at) WHERE error_category IS NOT NULL")


@migrations(name="0017_bounds_of_repricings")
def bounds_of_repricings(db: Database) -> None:
    """How sure the old and the new sums of what was restated were."""
    for name in repricing.BOUNDS:
        db.execute(f"ALTER TABLE repricings ADD COLUMN {name} INTEGER")
