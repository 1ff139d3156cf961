-- What lectr-sink-sqlite makes; written by tests/docs/test_explorer.py, never by hand.
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
    seq INTEGER NOT NULL, connection TEXT, by_model_json TEXT, tokens_note TEXT, usage_asked INTEGER NOT NULL DEFAULT 0, pricing_json TEXT,
    UNIQUE (stream, seq)
) STRICT;
CREATE INDEX requests_by_time ON requests (started_at);
CREATE INDEX requests_by_feature ON requests (feature, started_at);
CREATE INDEX requests_by_model ON requests (provider, model_actual, started_at);
CREATE INDEX requests_by_outcome ON requests (outcome, started_at);
CREATE INDEX requests_by_org ON requests (org, started_at);
CREATE TABLE cursors (stream TEXT PRIMARY KEY NOT NULL, cursor TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE removed (stream TEXT PRIMARY KEY NOT NULL, requests INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE about_columns (
    in_table TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    meaning TEXT NOT NULL,
    PRIMARY KEY (in_table, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE latency_steps (step INTEGER PRIMARY KEY NOT NULL, upto_ms REAL NOT NULL, middle_ms REAL NOT NULL) STRICT;
CREATE TABLE usage_minutely (
    minute TEXT NOT NULL,
    org TEXT NOT NULL,
    feature TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    outcome TEXT NOT NULL,
    error_category TEXT NOT NULL,
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    streamed INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    client_retries INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    input_tokens_low INTEGER NOT NULL,
    input_tokens_high INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    output_tokens_low INTEGER NOT NULL,
    output_tokens_high INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    tokens_reported INTEGER NOT NULL,
    tokens_measured INTEGER NOT NULL,
    tokens_estimated INTEGER NOT NULL,
    tokens_unknown INTEGER NOT NULL,
    tokens_unbounded INTEGER NOT NULL,
    cost_nanousd INTEGER NOT NULL,
    cost_low_nanousd INTEGER NOT NULL,
    cost_high_nanousd INTEGER NOT NULL,
    cost_reported_nanousd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    cost_unbounded INTEGER NOT NULL,
    duration_sum_ms REAL NOT NULL,
    gateway_sum_ms REAL NOT NULL,
    ttft_sum_ms REAL NOT NULL,
    ttft_requests INTEGER NOT NULL,
    request_bytes INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL,
    tokens_not_reported INTEGER GENERATED ALWAYS AS (tokens_measured + tokens_estimated) VIRTUAL,
    cost_usd REAL GENERATED ALWAYS AS (cost_nanousd / 1e9) VIRTUAL,
    PRIMARY KEY (minute, org, feature, provider, model, outcome, error_category)
) STRICT, WITHOUT ROWID;
CREATE TABLE latency_minutely (
    minute TEXT NOT NULL,
    org TEXT NOT NULL,
    feature TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    duration_json TEXT,
    ttft_json TEXT,
    PRIMARY KEY (minute, org, feature, provider, model)
) STRICT, WITHOUT ROWID;
CREATE TABLE usage_hourly (
    hour TEXT NOT NULL,
    org TEXT NOT NULL,
    feature TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    outcome TEXT NOT NULL,
    error_category TEXT NOT NULL,
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    streamed INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    client_retries INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    input_tokens_low INTEGER NOT NULL,
    input_tokens_high INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    output_tokens_low INTEGER NOT NULL,
    output_tokens_high INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    tokens_reported INTEGER NOT NULL,
    tokens_measured INTEGER NOT NULL,
    tokens_estimated INTEGER NOT NULL,
    tokens_unknown INTEGER NOT NULL,
    tokens_unbounded INTEGER NOT NULL,
    cost_nanousd INTEGER NOT NULL,
    cost_low_nanousd INTEGER NOT NULL,
    cost_high_nanousd INTEGER NOT NULL,
    cost_reported_nanousd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    cost_unbounded INTEGER NOT NULL,
    duration_sum_ms REAL NOT NULL,
    gateway_sum_ms REAL NOT NULL,
    ttft_sum_ms REAL NOT NULL,
    ttft_requests INTEGER NOT NULL,
    request_bytes INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL,
    tokens_not_reported INTEGER GENERATED ALWAYS AS (tokens_measured + tokens_estimated) VIRTUAL,
    cost_usd REAL GENERATED ALWAYS AS (cost_nanousd / 1e9) VIRTUAL,
    PRIMARY KEY (hour, org, feature, provider, model, outcome, error_category)
) STRICT, WITHOUT ROWID;
CREATE TABLE latency_hourly (
    hour TEXT NOT NULL,
    org TEXT NOT NULL,
    feature TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    duration_json TEXT,
    ttft_json TEXT,
    PRIMARY KEY (hour, org, feature, provider, model)
) STRICT, WITHOUT ROWID;
CREATE TABLE usage_daily (
    day TEXT NOT NULL,
    org TEXT NOT NULL,
    feature TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    outcome TEXT NOT NULL,
    error_category TEXT NOT NULL,
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    streamed INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    client_retries INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    input_tokens_low INTEGER NOT NULL,
    input_tokens_high INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    output_tokens_low INTEGER NOT NULL,
    output_tokens_high INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    tokens_reported INTEGER NOT NULL,
    tokens_measured INTEGER NOT NULL,
    tokens_estimated INTEGER NOT NULL,
    tokens_unknown INTEGER NOT NULL,
    tokens_unbounded INTEGER NOT NULL,
    cost_nanousd INTEGER NOT NULL,
    cost_low_nanousd INTEGER NOT NULL,
    cost_high_nanousd INTEGER NOT NULL,
    cost_reported_nanousd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    cost_unbounded INTEGER NOT NULL,
    duration_sum_ms REAL NOT NULL,
    gateway_sum_ms REAL NOT NULL,
    ttft_sum_ms REAL NOT NULL,
    ttft_requests INTEGER NOT NULL,
    request_bytes INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL,
    tokens_not_reported INTEGER GENERATED ALWAYS AS (tokens_measured + tokens_estimated) VIRTUAL,
    cost_usd REAL GENERATED ALWAYS AS (cost_nanousd / 1e9) VIRTUAL,
    PRIMARY KEY (day, org, feature, provider, model, outcome, error_category)
) STRICT, WITHOUT ROWID;
CREATE TABLE latency_daily (
    day TEXT NOT NULL,
    org TEXT NOT NULL,
    feature TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    duration_json TEXT,
    ttft_json TEXT,
    PRIMARY KEY (day, org, feature, provider, model)
) STRICT, WITHOUT ROWID;
CREATE TABLE in_flight (
    id TEXT PRIMARY KEY NOT NULL,
    started_at TEXT NOT NULL,
    org TEXT,
    feature TEXT NOT NULL,
    task TEXT,
    provider TEXT,
    model TEXT,
    endpoint TEXT NOT NULL,
    streamed INTEGER NOT NULL,
    open_ms REAL NOT NULL,
    as_of TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE prices (
    price_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    variant TEXT NOT NULL,
    source TEXT NOT NULL,
    dated TEXT,
    basis TEXT NOT NULL,
    rates_json TEXT NOT NULL,
    note TEXT,
    first_used_at TEXT NOT NULL,
    PRIMARY KEY (price_id, provider, model, variant, source, rates_json)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_connection ON requests (connection) WHERE connection IS NOT NULL;
CREATE TABLE repricings (
    run TEXT NOT NULL,
    applied_at TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    old_cost_nanousd INTEGER NOT NULL,
    new_cost_nanousd INTEGER NOT NULL,
    old_cost_unknown INTEGER NOT NULL,
    new_cost_unknown INTEGER NOT NULL,
    price_source TEXT NOT NULL,
    PRIMARY KEY (run, provider, model, price_source)
) STRICT, WITHOUT ROWID;
CREATE TABLE token_accuracy (
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    way TEXT NOT NULL,
    requests INTEGER NOT NULL,
    held INTEGER NOT NULL,
    coverage REAL GENERATED ALWAYS AS (held * 1.0 / nullif(requests, 0)) VIRTUAL,
    half_width REAL NOT NULL,
    error REAL NOT NULL,
    predicted_tokens INTEGER NOT NULL,
    reported_tokens INTEGER NOT NULL,
    as_of TEXT NOT NULL,
    PRIMARY KEY (provider, model, endpoint, way)
) STRICT, WITHOUT ROWID;
CREATE VIEW recent_requests AS
SELECT started_at, feature, provider, coalesce(model_actual, model_sent, model_requested) AS model, outcome, status, duration_ms, ttft_ms, input_tokens,
    output_tokens, tokens_source, cost_usd, cost_basis, org, task, rule, error_category, id
FROM requests ORDER BY started_at DESC LIMIT 10000;
CREATE VIEW all_requests AS
SELECT started_at, feature, provider, coalesce(model_actual, model_sent, model_requested) AS model, outcome, status, duration_ms, ttft_ms, input_tokens,
    output_tokens, tokens_source, cost_usd, cost_basis, org, task, rule, error_category, id
FROM requests;
CREATE VIEW recent_errors AS
SELECT * FROM (
    SELECT * FROM (SELECT started_at, feature, provider, coalesce(model_actual, model_sent, model_requested) AS model, outcome, status, error_source, error_category, error_code,
    attempts, duration_ms, cost_usd, org, task, rule, id FROM requests WHERE outcome = 'provider_error' ORDER BY started_at DESC LIMIT 1000)
    UNION ALL SELECT * FROM (SELECT started_at, feature, provider, coalesce(model_actual, model_sent, model_requested) AS model, outcome, status, error_source, error_category, error_code,
    attempts, duration_ms, cost_usd, org, task, rule, id FROM requests WHERE outcome = 'upstream_failed' ORDER BY started_at DESC LIMIT 1000)
    UNION ALL SELECT * FROM (SELECT started_at, feature, provider, coalesce(model_actual, model_sent, model_requested) AS model, outcome, status, error_source, error_category, error_code,
    attempts, duration_ms, cost_usd, org, task, rule, id FROM requests WHERE outcome = 'lectr_refused' ORDER BY started_at DESC LIMIT 1000)
    UNION ALL SELECT * FROM (SELECT started_at, feature, provider, coalesce(model_actual, model_sent, model_requested) AS model, outcome, status, error_source, error_category, error_code,
    attempts, duration_ms, cost_usd, org, task, rule, id FROM requests WHERE outcome = 'interrupted' ORDER BY started_at DESC LIMIT 1000)
    UNION ALL SELECT * FROM (SELECT started_at, feature, provider, coalesce(model_actual, model_sent, model_requested) AS model, outcome, status, error_source, error_category, error_code,
    attempts, duration_ms, cost_usd, org, task, rule, id FROM requests WHERE outcome = 'gateway_shutdown' ORDER BY started_at DESC LIMIT 1000)
) ORDER BY started_at DESC LIMIT 1000;
CREATE VIEW in_flight_now AS
SELECT started_at, open_ms, feature, provider, model, endpoint, streamed, org, task, id
FROM in_flight WHERE as_of >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-10 seconds') ORDER BY started_at DESC;
CREATE VIEW spend_by_day AS
SELECT day, sum(requests) AS requests, sum(errors) AS errors, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cost_nanousd) / 1e9 AS cost_usd, sum(cost_low_nanousd) / 1e9 AS cost_low_usd,
    CASE WHEN sum(cost_unknown + cost_unbounded) = 0 THEN sum(cost_high_nanousd) / 1e9 END AS cost_high_usd,
    sum(cost_unknown) AS cost_unknown, sum(cost_nanousd) AS cost_nanousd
FROM usage_daily GROUP BY day ORDER BY day DESC;
CREATE VIEW spend_by_hour AS
SELECT hour, sum(requests) AS requests, sum(errors) AS errors, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cost_nanousd) / 1e9 AS cost_usd, sum(cost_low_nanousd) / 1e9 AS cost_low_usd,
    CASE WHEN sum(cost_unknown + cost_unbounded) = 0 THEN sum(cost_high_nanousd) / 1e9 END AS cost_high_usd,
    sum(cost_unknown) AS cost_unknown, sum(cost_nanousd) AS cost_nanousd
FROM usage_hourly WHERE hour >= strftime('%Y-%m-%dT%H:00:00Z', 'now', '-7 days') GROUP BY hour ORDER BY hour DESC;
CREATE VIEW spend_by_feature_day AS
SELECT day, feature, sum(requests) AS requests, sum(errors) AS errors, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cost_nanousd) / 1e9 AS cost_usd, sum(cost_low_nanousd) / 1e9 AS cost_low_usd,
    CASE WHEN sum(cost_unknown + cost_unbounded) = 0 THEN sum(cost_high_nanousd) / 1e9 END AS cost_high_usd,
    sum(cost_unknown) AS cost_unknown, sum(cost_nanousd) AS cost_nanousd
FROM usage_daily GROUP BY day, feature ORDER BY day DESC, cost_nanousd DESC;
CREATE VIEW spend_by_model_day AS
SELECT day, provider, model, sum(requests) AS requests, sum(errors) AS errors, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cost_nanousd) / 1e9 AS cost_usd, sum(cost_low_nanousd) / 1e9 AS cost_low_usd,
    CASE WHEN sum(cost_unknown + cost_unbounded) = 0 THEN sum(cost_high_nanousd) / 1e9 END AS cost_high_usd,
    sum(cost_unknown) AS cost_unknown, sum(cost_nanousd) AS cost_nanousd
FROM usage_daily GROUP BY day, provider, model ORDER BY day DESC, cost_nanousd DESC;
CREATE VIEW spend_by_org_day AS
SELECT day, org, sum(requests) AS requests, sum(errors) AS errors, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cost_nanousd) / 1e9 AS cost_usd, sum(cost_low_nanousd) / 1e9 AS cost_low_usd,
    CASE WHEN sum(cost_unknown + cost_unbounded) = 0 THEN sum(cost_high_nanousd) / 1e9 END AS cost_high_usd,
    sum(cost_unknown) AS cost_unknown, sum(cost_nanousd) AS cost_nanousd
FROM usage_daily GROUP BY day, org ORDER BY day DESC, cost_nanousd DESC;
CREATE VIEW errors_by_model_day AS
SELECT day, provider, model, outcome, error_category, sum(errors) AS errors,
    sum(attempts) AS attempts
FROM usage_daily WHERE errors > 0
GROUP BY day, provider, model, outcome, error_category ORDER BY day DESC, errors DESC;
CREATE VIEW speed_by_model_day AS
SELECT day, provider, model, sum(requests) AS requests,
    sum(duration_sum_ms) / sum(requests) AS duration_mean_ms, sum(ttft_sum_ms) / sum(ttft_requests) AS ttft_mean_ms,
    sum(gateway_sum_ms) / sum(requests) AS gateway_mean_ms
FROM usage_daily WHERE outcome = 'ok' GROUP BY day, provider, model ORDER BY day DESC, requests DESC;
CREATE VIEW cache_by_feature_day AS
SELECT day, feature, provider, model, sum(requests) AS requests,
    sum(input_tokens) AS input_tokens, sum(cached_input_tokens) AS cached_input_tokens,
    sum(cache_write_tokens) AS cache_write_tokens,
    sum(cached_input_tokens) * 1.0 / sum(input_tokens) AS cached_share
FROM usage_daily WHERE input_tokens > 0
GROUP BY day, feature, provider, model ORDER BY day DESC, input_tokens DESC;
CREATE VIEW certainty_by_model_day AS
SELECT day, provider, model, sum(requests) AS requests,
    sum(tokens_reported) AS tokens_reported, sum(tokens_measured) AS tokens_measured,
    sum(tokens_estimated) AS tokens_estimated, sum(tokens_unknown) AS tokens_unknown,
    sum(tokens_reported) * 1.0 / sum(requests) AS reported_share,
    sum(cost_nanousd) / 1e9 AS cost_usd, sum(cost_low_nanousd) / 1e9 AS cost_low_usd,
    CASE WHEN sum(cost_unknown + cost_unbounded) = 0 THEN sum(cost_high_nanousd) / 1e9 END AS cost_high_usd,
    sum(cost_unknown) AS cost_unknown, sum(cost_nanousd) AS cost_nanousd
FROM usage_daily GROUP BY day, provider, model ORDER BY day DESC, requests DESC;
CREATE INDEX requests_provisioned ON requests (started_at, price_id) WHERE cost_basis = 'provisioned';
CREATE INDEX requests_by_error ON requests (error_category, started_at) WHERE error_category IS NOT NULL;
-- fill
create temp table batch as SELECT substr(started_at, 1, 16) || ':00Z' AS minute, coalesce(org, '') AS org, feature AS feature, coalesce(provider, '') AS provider, coalesce(model_actual, model_sent, model_requested, '') AS model, outcome AS outcome, coalesce(error_category, '') AS error_category,
    count(*) AS requests, sum(outcome NOT IN ('ok', 'client_disconnected')) AS errors, sum(streamed) AS streamed, sum(attempts) AS attempts, sum(coalesce(client_retry, 0) > 0) AS client_retries, coalesce(sum(input_tokens), 0) AS input_tokens, coalesce(sum(coalesce(input_tokens_low, input_tokens)), 0) AS input_tokens_low, coalesce(sum(coalesce(input_tokens_high, input_tokens)), 0) AS input_tokens_high, coalesce(sum(output_tokens), 0) AS output_tokens, coalesce(sum(coalesce(output_tokens_low, output_tokens)), 0) AS output_tokens_low, coalesce(sum(coalesce(output_tokens_high, output_tokens)), 0) AS output_tokens_high, coalesce(sum(cached_input_tokens), 0) AS cached_input_tokens, coalesce(sum(cache_write_tokens), 0) AS cache_write_tokens, coalesce(sum(reasoning_tokens), 0) AS reasoning_tokens, sum(tokens_source = 'reported') AS tokens_reported, sum(tokens_source = 'measured') AS tokens_measured, sum(tokens_source = 'estimated') AS tokens_estimated, sum(tokens_source = 'unknown') AS tokens_unknown, sum(tokens_source != 'unknown' AND (input_tokens_high IS NULL OR output_tokens_high IS NULL)) AS tokens_unbounded, coalesce(sum(cost_nanousd), 0) AS cost_nanousd, coalesce(sum(coalesce(cost_low_nanousd, cost_nanousd)), 0) AS cost_low_nanousd, coalesce(sum(coalesce(cost_high_nanousd, cost_nanousd)), 0) AS cost_high_nanousd, coalesce(sum(CASE WHEN tokens_source = 'reported' THEN cost_nanousd END), 0) AS cost_reported_nanousd, sum(cost_nanousd IS NULL) AS cost_unknown, sum(cost_nanousd IS NOT NULL AND cost_high_nanousd IS NULL) AS cost_unbounded, sum(CASE WHEN status IS NOT 101 THEN duration_ms ELSE 0.0 END) AS duration_sum_ms, sum(gateway_ms) AS gateway_sum_ms, coalesce(sum(CASE WHEN streamed THEN ttft_ms END), 0.0) AS ttft_sum_ms, count(CASE WHEN streamed THEN ttft_ms END) AS ttft_requests, sum(request_bytes) AS request_bytes, sum(response_bytes) AS response_bytes, histogram(CASE WHEN status IS NOT 101 THEN duration_ms END) AS duration, histogram(CASE WHEN streamed THEN ttft_ms END) AS ttft
FROM requests  GROUP BY 1, 2, 3, 4, 5, 6, 7;
insert into usage_minutely (minute, org, feature, provider, model, outcome, error_category, requests, errors, streamed, attempts, client_retries, input_tokens, input_tokens_low, input_tokens_high, output_tokens, output_tokens_low, output_tokens_high, cached_input_tokens, cache_write_tokens, reasoning_tokens, tokens_reported, tokens_measured, tokens_estimated, tokens_unknown, tokens_unbounded, cost_nanousd, cost_low_nanousd, cost_high_nanousd, cost_reported_nanousd, cost_unknown, cost_unbounded, duration_sum_ms, gateway_sum_ms, ttft_sum_ms, ttft_requests, request_bytes, response_bytes)
select minute, org, feature, provider, model, outcome, error_category, sum(requests), sum(errors), sum(streamed), sum(attempts), sum(client_retries), sum(input_tokens), sum(input_tokens_low), sum(input_tokens_high), sum(output_tokens), sum(output_tokens_low), sum(output_tokens_high), sum(cached_input_tokens), sum(cache_write_tokens), sum(reasoning_tokens), sum(tokens_reported), sum(tokens_measured), sum(tokens_estimated), sum(tokens_unknown), sum(tokens_unbounded), sum(cost_nanousd), sum(cost_low_nanousd), sum(cost_high_nanousd), sum(cost_reported_nanousd), sum(cost_unknown), sum(cost_unbounded), sum(duration_sum_ms), sum(gateway_sum_ms), sum(ttft_sum_ms), sum(ttft_requests), sum(request_bytes), sum(response_bytes) from batch group by 1, org, feature, provider, model, outcome, error_category;
insert into latency_minutely (minute, org, feature, provider, model, duration_json, ttft_json)
select minute, org, feature, provider, model, histogram_sum(duration), histogram_sum(ttft) from batch where outcome = 'ok' group by 1, org, feature, provider, model;
insert into usage_hourly (hour, org, feature, provider, model, outcome, error_category, requests, errors, streamed, attempts, client_retries, input_tokens, input_tokens_low, input_tokens_high, output_tokens, output_tokens_low, output_tokens_high, cached_input_tokens, cache_write_tokens, reasoning_tokens, tokens_reported, tokens_measured, tokens_estimated, tokens_unknown, tokens_unbounded, cost_nanousd, cost_low_nanousd, cost_high_nanousd, cost_reported_nanousd, cost_unknown, cost_unbounded, duration_sum_ms, gateway_sum_ms, ttft_sum_ms, ttft_requests, request_bytes, response_bytes)
select substr(minute, 1, 13) || ':00:00Z', org, feature, provider, model, outcome, error_category, sum(requests), sum(errors), sum(streamed), sum(attempts), sum(client_retries), sum(input_tokens), sum(input_tokens_low), sum(input_tokens_high), sum(output_tokens), sum(output_tokens_low), sum(output_tokens_high), sum(cached_input_tokens), sum(cache_write_tokens), sum(reasoning_tokens), sum(tokens_reported), sum(tokens_measured), sum(tokens_estimated), sum(tokens_unknown), sum(tokens_unbounded), sum(cost_nanousd), sum(cost_low_nanousd), sum(cost_high_nanousd), sum(cost_reported_nanousd), sum(cost_unknown), sum(cost_unbounded), sum(duration_sum_ms), sum(gateway_sum_ms), sum(ttft_sum_ms), sum(ttft_requests), sum(request_bytes), sum(response_bytes) from batch group by 1, org, feature, provider, model, outcome, error_category;
insert into latency_hourly (hour, org, feature, provider, model, duration_json, ttft_json)
select substr(minute, 1, 13) || ':00:00Z', org, feature, provider, model, histogram_sum(duration), histogram_sum(ttft) from batch where outcome = 'ok' group by 1, org, feature, provider, model;
insert into usage_daily (day, org, feature, provider, model, outcome, error_category, requests, errors, streamed, attempts, client_retries, input_tokens, input_tokens_low, input_tokens_high, output_tokens, output_tokens_low, output_tokens_high, cached_input_tokens, cache_write_tokens, reasoning_tokens, tokens_reported, tokens_measured, tokens_estimated, tokens_unknown, tokens_unbounded, cost_nanousd, cost_low_nanousd, cost_high_nanousd, cost_reported_nanousd, cost_unknown, cost_unbounded, duration_sum_ms, gateway_sum_ms, ttft_sum_ms, ttft_requests, request_bytes, response_bytes)
select substr(minute, 1, 10), org, feature, provider, model, outcome, error_category, sum(requests), sum(errors), sum(streamed), sum(attempts), sum(client_retries), sum(input_tokens), sum(input_tokens_low), sum(input_tokens_high), sum(output_tokens), sum(output_tokens_low), sum(output_tokens_high), sum(cached_input_tokens), sum(cache_write_tokens), sum(reasoning_tokens), sum(tokens_reported), sum(tokens_measured), sum(tokens_estimated), sum(tokens_unknown), sum(tokens_unbounded), sum(cost_nanousd), sum(cost_low_nanousd), sum(cost_high_nanousd), sum(cost_reported_nanousd), sum(cost_unknown), sum(cost_unbounded), sum(duration_sum_ms), sum(gateway_sum_ms), sum(ttft_sum_ms), sum(ttft_requests), sum(request_bytes), sum(response_bytes) from batch group by 1, org, feature, provider, model, outcome, error_category;
insert into latency_daily (day, org, feature, provider, model, duration_json, ttft_json)
select substr(minute, 1, 10), org, feature, provider, model, histogram_sum(duration), histogram_sum(ttft) from batch where outcome = 'ok' group by 1, org, feature, provider, model;
