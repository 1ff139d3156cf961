"""What is plugged into Lectr: settings that refuse the unsafe, a process without secrets in its arguments, a command."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs
import click
import lectr_datasette
import pytest
from click.testing import CliRunner
from lectr_datasette import leaving, serve
from lectr_datasette.command import explore
from lectr_datasette.companion import Explorer
from lectr_datasette.settings import ExplorerSettings

from lectr_core import CommandLine, Companion, GatewaySettings, OperatorError, Settings


def settings_of(
    tmp_path: Path, explorer: ExplorerSettings, environ: Mapping[str, str] | None = None, sink: object = None
) -> Settings:
    sections = {"explorer": explorer, "sink.sqlite": sink}
    return Settings(gateway=GatewaySettings(data=tmp_path), sections=sections, version="0" * 12, environ=environ or {})


def companions_of(settings: Settings) -> list[Companion]:
    return list(lectr_datasette.lectr_companions(settings))


def test_the_companion_is_as_promised(tmp_path: Path) -> None:
    (explorer,) = companions_of(settings_of(tmp_path, ExplorerSettings()))
    assert isinstance(explorer, Companion)
    assert explorer.id == "explorer"
    assert explorer.url() == "http://127.0.0.1:8421/"
    assert list(explorer.command())[:3] == [sys.executable, "-m", "lectr_datasette.serve"]
    assert str(tmp_path / "lectr.db") in explorer.command()


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    assert companions_of(settings_of(tmp_path, ExplorerSettings(enabled=False))) == []


def test_it_follows_the_sink_to_another_file(tmp_path: Path) -> None:
    @attrs.frozen
    class Sink:
        path: Path

    (explorer,) = companions_of(settings_of(tmp_path, ExplorerSettings(), sink=Sink(Path("/elsewhere/x.db"))))
    assert "/elsewhere/x.db" in explorer.command()


@pytest.mark.parametrize("listen", ["0.0.0.0:8421", "192.0.2.7:80", "[::]:1", "lectr.example:80"])
def test_others_are_let_in_only_with_a_password(tmp_path: Path, listen: str) -> None:
    with pytest.raises(OperatorError, match="password_env"):
        companions_of(settings_of(tmp_path, ExplorerSettings(listen=listen)))
    with pytest.raises(OperatorError, match="not"):
        companions_of(settings_of(tmp_path, ExplorerSettings(listen=listen, password_env="P")))
    (explorer,) = companions_of(settings_of(tmp_path, ExplorerSettings(listen=listen, password_env="P"), {"P": "canary"}))
    assert "canary" not in " ".join([*explorer.command(), *explorer.environ().values()])


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1"])
def test_loopback_needs_none(listen: str) -> None:
    ExplorerSettings(listen=listen).check({})


@pytest.mark.parametrize("listen", ["", "8421", ":8421", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(OperatorError, match="host:port"):
        ExplorerSettings(listen=listen).address()


def test_the_process_becomes_datasette_and_no_argument_is_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, words: became.append(words))
    monkeypatch.setattr(os, "environ", {**os.environ, "P": "canary"})
    explorer = Explorer(ExplorerSettings(listen="0.0.0.0:0", password_env="P", hosts=("a.example",)), tmp_path / "lectr.db")
    serve.main(list(explorer.command())[3:])
    (words,) = became
    assert words[1:4] == ["-m", "datasette", "serve"]
    assert "canary" not in " ".join(words)
    assert os.environ[serve.HOSTS_VARIABLE] == "0.0.0.0,a.example"
    assert os.environ[serve.PASSWORD_ENV_VARIABLE] == "P"
    metadata = Path(os.environ[serve.METADATA_VARIABLE])
    assert json.loads(metadata.read_text())["title"] == "Lectr"
    metadata.unlink()


def test_the_process_refuses_what_the_settings_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.main([str(tmp_path / "lectr.db"), "--listen", "0.0.0.0:1"]) == 2
    assert "password_env" in capsys.readouterr().err


def test_a_taken_port_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve.main([str(tmp_path / "lectr.db"), "--listen", f"127.0.0.1:{port}"]) == 2
    said = f"explorer.listen: 127.0.0.1:{port} is taken by another process; stop it or choose another port"
    assert capsys.readouterr().err == f"lectr explore: {said}\n"
    ExplorerSettings(listen=f"127.0.0.1:{port}").check_free()
    with pytest.raises(OperatorError, match=r"cannot listen on 192\.0\.2\.1:1"):
        ExplorerSettings(listen="192.0.2.1:1").check_free()


def test_the_command_becomes_the_explorer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a process above it, whoever stops the command would leave the explorer running."""
    became: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execve", lambda program, words, environ: became.append([program, *words]))
    explore.main(["--data", "d", "--listen", "127.0.0.1:0", "--open"], standalone_mode=False)
    database = str(tmp_path / "d" / "lectr.db")
    start = [sys.executable, "-m", "lectr_datasette.serve", database, "--listen", "127.0.0.1:0", "--open"]
    assert became == [[sys.executable, *start]]


def test_the_hooks_plug_in_a_section_and_a_command() -> None:
    (section,) = lectr_datasette.lectr_settings()
    assert (section.path, section.schema) == ("explorer", ExplorerSettings)
    cli = click.Group()
    lectr_datasette.lectr_commands(cli)
    assert set(cli.commands) == {"explore"}
    assert {option.name for option in cli.commands["explore"].params} == {"data", "listen", "opens"}


def test_a_stream_of_news_hears_that_it_is_time_to_go() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        leaving.listen()
        assert not leaving.is_leaving()
        signal.raise_signal(signal.SIGTERM)
        assert leaving.is_leaving()
        assert heard == [signal.SIGTERM], "whoever heard it before still does"
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, interrupt)
        leaving._told.clear()


def test_a_database_of_another_user_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def barred(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", barred)
    settings = settings_of(tmp_path, ExplorerSettings(listen="127.0.0.1:0"))
    monkeypatch.setattr(CommandLine, "settings", lambda *_, **__: settings)
    result = CliRunner().invoke(explore, obj=CommandLine())
    assert isinstance(result.exception, PermissionError)
    assert str(tmp_path / "lectr.db") in str(result.exception)
    assert "explorer:" not in result.output
