"""The demonstration: traffic that the gateway understands, settings without a secret, a summary that counts rows."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from lectr_provider_echo.answer import answer
from lectr_provider_echo.demo import acts, command, stage, summary
from lectr_provider_echo.demo.sending import send_all
from lectr_provider_echo.demo.traffic import Sample, samples
from lectr_provider_echo.script import Ask, Tree
from rich.console import Console

import lectr_core
from lectr_core import GatewaySettings, OperatorError, Settings

ALL = stage.FAMILIES
RunUp = Callable[..., int]


def drawn(seed: int, many: int) -> list[Sample]:
    return list(islice(samples(Random(seed), ALL), many))


def test_same_seed_same_traffic() -> None:
    assert drawn(1, 50) == drawn(1, 50) != drawn(2, 50)


def test_traffic_shows_all_there_is_to_see() -> None:
    seen = drawn(1, 400)
    assert {sample.family for sample in seen} == set(ALL)
    assert {sample.feature for sample in seen} >= {"search", "chat-assistant", "summaries", "classifier", None}
    assert len({json.dumps(sample.body.get("model")) for sample in seen}) > 10
    assert {sample.streamed for sample in seen} == {True, False}
    assert any(sample.leaves_early for sample in seen)


@given(st.integers(0, 500))
def test_the_stand_in_understands_every_request(seed: int) -> None:
    for sample in drawn(seed, 10):
        path, _, query = sample.path.removeprefix("/groq").partition("?")
        fields = dict(sample.fields("lc_key_x"))
        values = dict(pair.split("=") for pair in query.split("&") if pair)
        ask = Ask(method="POST", path=path, query=values, fields=fields, body=json.dumps(sample.body).encode())
        script = answer(ask, Random(seed), 0)
        assert (script.status, script.streamed) == (200, sample.streamed)


def test_only_installed_providers_get_traffic() -> None:
    assert {sample.family for sample in islice(samples(Random(1), ["groq"]), 50)} == {"groq"}
    with pytest.raises(ValueError, match="no provider"):
        next(samples(Random(1), []))


def test_the_key_stands_where_the_sdk_puts_its_own() -> None:
    fields = {sample.family: sample.fields("K") for sample in drawn(3, 300) if sample.path.startswith(("/v1/", "/v1beta"))}
    assert fields["openai"]["authorization"] == "Bearer K"
    assert fields["anthropic"]["x-api-key"] == "K"
    assert fields["gemini"].get("x-goog-api-key", fields["gemini"].get("authorization")) in ("K", "Bearer K")


def test_the_settings_point_every_provider_at_the_stand_in() -> None:
    set_up = stage.set_stage(speed=2.0, seed=3, errors=0.5, listen="127.0.0.1:0", explorer=True)
    address = set_up.stand_in.url()
    assert address.startswith("http://127.0.0.1:")
    assert set(set_up.document["provider"]) == {*set_up.families, "echo"}
    for family, provider in set_up.document["provider"].items():
        assert provider == {
            "base_url": f"{address}/openai" if family == "groq" else address,
            "api_key_env": stage.CREDENTIAL_VARIABLE,
        }
    assert stage.CREDENTIAL not in json.dumps(set_up.document) + " ".join(set_up.stand_in.command())
    assert {"--speed", "2.0", "--seed", "3", "--errors", "0.5"} <= set(set_up.stand_in.command())


def database(path: Path, rows: Sequence[tuple[object, ...]]) -> Path:
    with closing(sqlite3.connect(path)) as store:
        store.execute(
            """create table requests (started_at, feature, model_actual, model_sent, model_requested, outcome, input_tokens,
            output_tokens, cost_nanousd, duration_ms, cost_low_nanousd, cost_high_nanousd, tokens_source)"""
        )
        # As long as a row does not say otherwise, its cost is what it is, and so are its counts.
        whole = [
            (*row, row[5], row[5], "reported" if row[5] is not None else "unknown") if len(row) == 7 else row for row in rows
        ]
        store.executemany("insert into requests values ('t', ?, ?, null, null, ?, ?, ?, ?, ?, ?, ?, ?)", whole)
        store.commit()
    return path


def test_the_summary_counts_rows_and_never_takes_unknown_for_nothing(tmp_path: Path) -> None:
    rows = [
        ("search", "m", "ok", 10, 1, 5_000, 100.0),
        ("search", "m", "ok", 10, 1, None, 300.0),
        ("search", "m", "provider_error", None, None, None, 10.0),
        ("chat", None, "client_disconnected", 5, None, 1_000, 50.0, 500, 4_000, "measured"),
    ]
    found = summary.read(database(tmp_path / "x.db", rows))
    assert summary.count(tmp_path / "x.db") == found.total.requests == 4
    search = found.by_feature["search"]
    assert (search.requests, search.errors, search.cost_nanousd, search.unpriced) == (3, 1, 5_000, 2)
    assert set(found.by_model) == {"m", "–"}
    console = Console(width=120)
    with console.capture() as shown:
        console.print(summary.table(found, "t"))
    assert "0.00001 + 2 ?" in shown.get()
    counts = "counts: 25 % reported, 25 % measured, 50 % unknown"
    assert f"cost between 0.00001 and ? (2 without an upper bound) USD; {counts}" in " ".join(shown.get().split())
    bounded = summary.Line(requests=2, cost_low_nanousd=10_000, cost_high_nanousd=30_000, sources={"estimated": 2})
    assert summary.certainty(bounded).startswith(
        "cost between 0.00001 and 0.00003 USD; counts: 0 % reported, 100 % measured"
    )
    assert summary.certainty(summary.Line()) == ""
    costs = [(0, 0, "0.00000"), (0, 2, "2 ?"), (5_000, 0, "0.00001"), (5_000, 2, "0.00001 + 2 ?")]
    for cost_nanousd, unpriced, text in costs:
        assert summary.shown_cost(summary.Line(requests=3, cost_nanousd=cost_nanousd, unpriced=unpriced)) == text


@pytest.mark.parametrize(("width", "height"), [(60, 24), (80, 24), (80, 40), (200, 60)])
def test_the_numbers_are_whole_on_any_screen(width: int, height: int) -> None:
    """A table higher than the screen cannot be drawn anew in its place, and half a number is a wrong one."""
    line = summary.Line(
        requests=1_234, input_tokens=9_999_999, output_tokens=99_999, cost_nanousd=123_456_780_000, unpriced=42
    )
    groups = {f"feature-{number}": line for number in range(20)}
    stored = summary.Summary(total=line, by_feature=groups, by_model=groups)
    console = Console(width=width, height=height)
    with console.capture() as shown:
        console.print(summary.table(stored, "t", width, acts.groups_that_fit(height)))
    rows = shown.get().splitlines()
    assert len(rows) < height
    assert sum("123.45678 + 42 ?" in row for row in rows) == 2 * min(20, acts.groups_that_fit(height)) + 1
    assert ("9,999,999" in shown.get()) == (width >= 76)
    assert ("more" in shown.get()) == (height < 60)


def test_a_database_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert summary.read(tmp_path / "none.db").total.requests == 0
    sqlite3.connect(tmp_path / "empty.db").close()
    assert summary.count(tmp_path / "empty.db") == 0


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.sampled_from([0.5, 0.95, 1.0]))
def test_percentiles_are_nearest_rank(durations: list[float], share: float) -> None:
    found = summary.percentile_ms(durations, share)
    assert found in durations
    assert sum(each <= found for each in durations) >= share * len(durations)
    assert sum(each < found for each in durations) < share * len(durations)
    assert summary.percentile_ms([], share) is None


async def test_a_gateway_that_is_not_there_counts_as_unsent() -> None:
    url = f"http://127.0.0.1:{stage.free_port(0)}"
    tally = await send_all(url, "K", samples(Random(1), ALL), 5, 2)
    assert (tally.sent, tally.unsent, tally.answered) == (5, 5, 0)


def run_demo(monkeypatch: pytest.MonkeyPatch, run_up: RunUp, *arguments: str, verified: int = 0) -> Result:
    monkeypatch.setattr(lectr_core, "run_up", run_up)
    monkeypatch.setattr(command, "_is_installed", lambda _: True)
    monkeypatch.setattr(stage, "find_spec", lambda _: True)
    monkeypatch.setattr(os, "environ", dict(os.environ))

    @click.group()
    def cli() -> None: ...

    cli.add_command(command.demo)
    cli.add_command(click.Command("verify", callback=lambda: verified))
    return CliRunner().invoke(cli, ["demo", *arguments])


def stores(many: int, code: int = 0) -> RunUp:
    def run_up(document: Tree, *, data: Path, **_: object) -> int:
        assert os.environ[stage.CREDENTIAL_VARIABLE] == stage.CREDENTIAL
        data.mkdir(exist_ok=True)
        database(data / "lectr.db", [("search", "m", "ok", 1, 1, 1, 1.0)] * many)
        return code

    return run_up


@pytest.mark.parametrize(
    ("stored", "code", "verified", "expected"), [(7, 0, 0, 0), (6, 0, 0, 1), (8, 0, 0, 1), (7, 0, 1, 1), (7, 1, 0, 1)]
)
def test_once_is_content_only_if_all_is_stored_and_balances(
    monkeypatch: pytest.MonkeyPatch, stored: int, code: int, verified: int, expected: int
) -> None:
    result = run_demo(monkeypatch, stores(stored, code), "--once", "7", verified=verified)
    assert result.exit_code == expected, result.output
    assert f"{stored} requests stored" in result.output


def test_data_is_kept_only_where_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = run_demo(monkeypatch, stores(1), "--once", "1", "--data", str(tmp_path / "kept"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "kept" / "lectr.db").is_file()
    places: list[Path] = []

    def run_up(document: Tree, *, data: Path, **_: object) -> int:
        places.append(data)
        return 0

    assert run_demo(monkeypatch, run_up).exit_code == 0
    assert not places[0].exists()


def test_without_a_store_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_is_installed", lambda _: False)
    cli = click.Group(commands={"demo": command.demo})
    result = CliRunner().invoke(cli, ["demo", "--once", "1"])
    assert isinstance(result.exception, OperatorError)
    assert "lectr install" in str(result.exception)
    assert stage.CREDENTIAL_VARIABLE not in os.environ  # what refuses to start leaves nothing behind


@pytest.mark.parametrize(("found", "called"), [("/bin/lectr", "lectr"), (None, "'.venv/my bin/lectr'")])
def test_the_welcome_has_the_commands_that_look_at_this_very_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: str | None, called: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: found)
    monkeypatch.setattr(sys, "argv", [".venv/my bin/lectr", "demo"])
    data = tmp_path / "some data"
    settings = Settings(GatewaySettings(data=data), {}, "v")
    told = acts._welcome(lectr_core.Running(base_url="http://127.0.0.1:1", key="K", urls={}, settings=settings))
    assert f"  {called} --data '{data}' tail\n" in told
    assert f"  {called} --data '{data}' top\n" in told
