"""A past made by the demo, asked by every command that reads: all of them tell the same story, to the nano-dollar."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

REQUESTS = 4_000


def lectr(*words: str, config: Path | None = None) -> tuple[int, str]:
    """Run a command as a person would. Returns exit code and output."""
    settings = ["--config", str(config)] if config is not None else []
    command = [sys.executable, "-m", "lectr_core.assembly.cli", *settings, *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return ran.returncode, ran.stdout + ran.stderr


def said(*words: str, config: Path | None = None) -> Any:  # Any: JSON
    code, text = lectr(*words, config=config)
    assert code in (0, 1), text
    return json.loads(text)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days that end now, with an empty settings file beside them."""
    data = tmp_path_factory.mktemp("past")
    (data / "empty.toml").write_text("")
    code, text = lectr("demo", "--history", "3d", "--requests", str(REQUESTS), "--only-history", "--data", str(data))
    assert code == 0, text
    return data


def sums(data: Path, question: str) -> tuple[Any, ...]:  # Any: SQLite's values
    with closing(sqlite3.connect(data / "lectr.db")) as connection:
        found: tuple[Any, ...] = connection.execute(question).fetchone()  # Any: as above
        return found


def test_rows_rollups_and_report_tell_the_same(data: Path) -> None:
    plain = "count(*), sum(cost_nanousd), sum(cost_nanousd IS NULL), sum(output_tokens)"
    rows = sums(data, f"SELECT {plain} FROM requests")
    assert rows[0] == REQUESTS
    for table in ("usage_minutely", "usage_hourly", "usage_daily"):
        summed = "sum(requests), sum(cost_nanousd), sum(cost_unknown), sum(output_tokens)"
        assert sums(data, f"SELECT {summed} FROM {table}") == rows
    config = data / "empty.toml"
    report = said("--data", str(data), "report", "--by", "feature", "--since", "4d", "--format", "json", config=config)
    total = report["total"]
    assert (total["requests"], total["cost_nanousd"], total["cost_unknown"], total["output_tokens"]) == rows
    assert sum(group["cost_nanousd"] for group in report["groups"]) == rows[1]
    assert total["reported"] + total["measured"] + total["unknown"] == pytest.approx(1)


def test_the_same_prices_restate_nothing_and_another_one_moves_rows_and_rollups(data: Path) -> None:
    config = data / "contract.toml"
    config.write_text(
        '[[prices.override]]\nprovider = "openai"\nmodel = "gpt-4o-mini*"\nper_million = { input = 1.0, output = 2.0 }\n'
    )
    place = ("--data", str(data))
    same = said(*place, "reprice", "--since", "4d", "--json", config=data / "empty.toml")
    assert same["requests"] == 0
    assert set(same["left"]) <= {"no counts, so that no price changes anything"}
    assert lectr(*place, "prices", "--diff", config=data / "empty.toml")[0] == 0
    assert lectr(*place, "prices", "--diff", config=config)[0] == 1
    done = said(*place, "reprice", "--since", "4d", "--apply", "--json", config=config)
    assert done["requests"] > 0
    # Of requests whose cost stays unknown, only the bounds have moved.
    priced = [line for line in done["by_model"] if line["new_cost_unknown"] < line["requests"]]
    assert {line["price_source"] for line in priced} == {"lectr.toml"}
    exact = """SELECT sum(cost_nanousd = 1000 * input_tokens + 2000 * output_tokens), count(*) FROM requests
        WHERE cost_basis = 'override'"""
    right, restated = sums(data, exact)
    assert right == restated == sum(line["requests"] for line in priced)
    rows = sums(data, "SELECT sum(cost_nanousd) FROM requests")
    assert sums(data, "SELECT sum(cost_nanousd) FROM usage_daily") == rows
    assert sums(data, "SELECT sum(new_cost_nanousd) FROM repricings") == (
        sum(line["new_cost_nanousd"] for line in done["by_model"]),
    )


def test_what_goes_on_now_and_what_is_proved(data: Path) -> None:
    now = said("--data", str(data), "top", "--minutes", "60", "--json", config=data / "empty.toml")
    assert now["total"]["in_flight"] == 0
    assert sum(group["requests"] for group in now["groups"]) == now["total"]["requests"]
    assert said("--data", str(data), "verify", "--json", config=data / "empty.toml")["balanced"]
