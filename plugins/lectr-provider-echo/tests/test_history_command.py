"""`lectr demo --history`: into which stores the past goes, what is said meanwhile, and which options go together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import click
import pytest
from click.testing import CliRunner, Result
from lectr_provider_echo.demo import command, stage
from lectr_provider_echo.history.show import A_DAY

import lectr_core
from lectr_core import CommandLine, Cursor, GatewaySettings, OperatorError, Record, Settings


@attrs.define
class Kept:
    """A store that counts."""

    id: str = "kept"
    stored: int = 0

    async def open(self) -> Mapping[str, Cursor]:
        return {}

    async def write(self, records: Sequence[Record], cursors: Sequence[Cursor]) -> None:
        self.stored += len(records)

    async def close(self) -> None:
        pass


@attrs.define
class Installed:
    """The plugins of an imagined installation."""

    kept: list[Kept]

    def sinks(self, _: object) -> list[tuple[str, Kept]]:
        return [("kept", sink) for sink in self.kept]

    def price_books(self, _: object) -> list[tuple[str, object]]:
        return []


def run(monkeypatch: pytest.MonkeyPatch, sinks: list[Kept], *arguments: str) -> tuple[Result, list[Path]]:
    ran: list[Path] = []
    data = Path(arguments[-1]) if "--data" in arguments else Path()

    def run_up(document: object, *, data: Path, **_: object) -> int:
        ran.append(data)
        return 0

    monkeypatch.setattr(CommandLine, "plugins", lambda _: Installed(sinks))
    settings = Settings(gateway=GatewaySettings(data=data), sections={}, version="0" * 12)
    monkeypatch.setattr(CommandLine, "settings", lambda _: settings)
    monkeypatch.setattr(lectr_core, "run_up", run_up)
    monkeypatch.setattr(command, "_is_installed", lambda _: True)
    monkeypatch.setattr(stage, "find_spec", lambda _: True)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    cli = click.Group(commands={"demo": command.demo, "verify": click.Command("verify", callback=lambda: 0)})
    return CliRunner().invoke(cli, ["demo", *arguments]), ran


def test_a_past_alone_ends_when_it_is_written_and_proved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = Kept()
    arguments = ("--history", "2d", "--requests", "300", "--only-history", "--data", str(tmp_path))
    result, ran = run(monkeypatch, [sink], *arguments)
    assert result.exit_code == 0, result.output
    assert (sink.stored, ran) == (300, [])
    assert "300 of 300 requests written" in result.output
    assert "stored 300 requests since" in result.output
    learnt = (tmp_path / "calibration.json").read_bytes()
    assert b"scores" in learnt, "the gateway goes on from what this past taught of tokens"


def test_the_demo_goes_on_from_its_past(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = Kept()
    result, ran = run(monkeypatch, [sink], "--history", "1h", "--data", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert (sink.stored, ran) == (A_DAY // 24, [tmp_path])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--history", "a month"), "30d"),
        (("--requests", "5"), "go with --history"),
        (("--only-history",), "go with --history"),
        (("--history", "1d", "--only-history"), "needs --data"),
        (("--history", "1d", "--only-history", "--data", "d", "--once", "3"), "no --once"),
    ],
)
def test_options_that_do_not_go_together_are_said(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    result, ran = run(monkeypatch, [Kept()], *arguments)
    assert (result.exit_code, ran) == (2, [])
    assert said in result.output


def test_a_past_without_a_store_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result, _ = run(monkeypatch, [], "--history", "1d", "--only-history", "--data", str(tmp_path))
    assert isinstance(result.exception, OperatorError)
    assert "lectr install" in str(result.exception)
