"""Prices as an operator meets them: taken while a gateway runs, restated, and back; each row names its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.whole.answers import CACHED, INPUT, OUTPUT
from tests.whole.gateway import Gateway, as_json, gateway, until
from tests.whole.upstream import Upstream
from tests.whole.wire_client import request, wire

MODEL = "gpt-4o-mini"
CONTRACT = """
[money]
show = "EUR"
[[money.rate]]
currency = "EUR"
usd = 1.25
since = 2026-01-01
[[money.provisioned]]
name = "west"
provider = "openai"
model = "gpt-4.1-west"
units = 4
per_hour = 2.5
since = 2026-01-01
[[prices.override]]
provider = "groq"
model = "llama-3.1-8b-instant"
currency = "EUR"
per_million = { input = 4, cache_read = 4, output = 8, reasoning = 8 }
"""


@pytest.fixture
def running(tmp_path: Path, upstream: Upstream) -> Iterator[Gateway]:
    with gateway(tmp_path, upstream.url, held=True, extra=CONTRACT) as made:
        yield made


def ask(running: Gateway, feature: str, model: str = MODEL, target: str = "/v1/chat/completions") -> None:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]}).encode()
    fields = (("X-Lectr-Key", running.key), ("X-Lectr-Feature", feature), ("Content-Type", "application/json"))
    with wire(running.url) as line:
        line.send(request("POST", target, *fields, body=body))
        assert line.get().status == 200


def catalog(usd_per_million: float) -> list[Any]:  # Any: JSON
    rates = {"input_mtok": usd_per_million, "cache_read_mtok": usd_per_million, "output_mtok": usd_per_million}
    model = {"id": MODEL, "match": {"starts_with": MODEL}, "context_window": 128_000, "prices": rates}
    return [{"id": "openai", "name": "OpenAI", "api_pattern": "https://api", "models": [model]}]


def test_a_catalog_is_taken_up_live_and_what_is_stored_is_restated_when_told(running: Gateway, tmp_path: Path) -> None:
    ask(running, "before")
    (before,) = running.stored(1, "feature = 'before'")
    assert before["price_source"].startswith("genai-prices 0.")
    (tmp_path / "data.json").write_text(json.dumps(catalog(3.0)))
    told = as_json(running.lectr("prices", "update", "--from", str(tmp_path / "data.json"), "--json").stdout)
    turns = itertools.count()

    def priced_anew() -> bool:
        feature = f"after {next(turns)}"
        ask(running, feature)
        return bool(running.stored(1, "feature = ?", feature)[0]["price_source"] == told["source"])

    until(priced_anew, what="requests are priced with the new catalog, without a restart")
    (row,) = running.stored(1, "feature = 'before'")
    assert (row["cost_nanousd"], row["price_source"]) == (before["cost_nanousd"], before["price_source"])
    assert running.lectr("prices", "diff").stdout.startswith("2 prices hold today"), "of those that were used last"
    assert "would be restated" in running.lectr("reprice", "--since", "1h").stdout
    assert running.rows("feature = 'before'")[0]["cost_nanousd"] == before["cost_nanousd"]
    running.lectr("reprice", "--since", "1h", "--apply")
    (row,) = running.rows("feature = 'before'")
    assert (row["cost_nanousd"], row["price_source"]) == ((INPUT + OUTPUT) * 3_000, told["source"])
    report = as_json(running.lectr("report", "--by", "", "--since", "1h", "--format", "json").stdout)
    assert report["total"]["cost_nanousd"] == sum(one["cost_nanousd"] for one in running.rows())
    running.lectr("prices", "update")
    running.lectr("reprice", "--since", "1h", "--apply")
    (row,) = running.rows("feature = 'before'")
    assert (row["cost_nanousd"], row["price_source"]) == (before["cost_nanousd"], before["price_source"])
    assert running.lectr("verify").returncode == 0


def test_a_contract_in_euros_and_a_capacity_by_the_hour(running: Gateway) -> None:
    ask(running, "euros", "llama-3.1-8b-instant", "/groq/openai/v1/chat/completions")
    (row,) = running.stored(1, "feature = 'euros'")
    assert row["cost_nanousd"] == round(((INPUT * 4) + OUTPUT * 8) * 1.25 * 1_000)
    assert (row["cost_basis"], row["price_source"]) == ("override", "lectr.toml, EUR at 1.25 USD of 2026-01-01")
    ask(running, "west", "gpt-4.1-west")
    (row,) = running.stored(1, "feature = 'west'")
    assert (row["cost_nanousd"], row["cost_basis"], row["price_id"]) == (0, "provisioned", "provisioned/west")
    assert (row["input_tokens"], row["cached_input_tokens"]) == (INPUT, CACHED)
    text = running.lectr("report", "--since", "1h", "--allocate").stdout
    assert "cost EUR" in text
    assert "west (openai/gpt-4.1-west): 4 × 2.5 USD an hour" in text
    found = as_json(running.lectr("report", "--since", "1h", "--by", "feature", "--allocate", "--format", "json").stdout)
    (capacity,) = found["fixed"]
    parts = {group["feature"]: group["fixed_nanousd"] for group in found["groups"]}
    assert (parts["west"], parts["euros"]) == (capacity["cost_nanousd"], 0)
    assert "EUR for a million tokens" in running.lectr("prices").stdout
