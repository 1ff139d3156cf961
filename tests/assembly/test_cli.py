"""The command line as people and scripts meet it: what it prints, what it returns, how it fails."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import click
import pytest

from lectr_core import __name__ as core_name
from lectr_core.assembly.cli import entry, main, packages
from lectr_core.assembly.cli.run import snippets
from lectr_core.assembly.cli.tail import drawn, form_for
from lectr_core.assembly.command_line import CommandLine
from lectr_core.assembly.follow import line_of
from lectr_core.assembly.plugins import Fault, Plugin, load_plugins
from lectr_core.errors import Bug, PluginError
from lectr_core.journal.writer import Writer
from lectr_core.model.record import Begun, Ended, Outcome

Lectr = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lectr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lectr:
    """The command in an empty directory, without any plugin: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CommandLine, "plugins", lambda self: PLUGINS)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        return code, *capsys.readouterr()

    return run


PLUGINS = load_plugins([])


def test_help_teaches_with_examples(lectr: Lectr) -> None:
    code, out, _ = lectr("--help")
    assert code == 0
    for word in ("up", "serve", "keys", "tail", "verify", "doctor", "plugins", "install", "First steps"):
        assert word in out
    code, out, _ = lectr("up", "--help")
    assert "lectr up --listen" in out


def test_the_version_is_the_distributions(lectr: Lectr) -> None:
    assert lectr("--version")[1].startswith("lectr, version ")
    assert core_name == "lectr_core"


def test_a_key_is_shown_once_and_can_be_taken_back(lectr: Lectr, tmp_path: Path) -> None:
    code, key, _ = lectr("keys", "create", "--org", "acme", "--name", "ci", "--quiet")
    assert code == 0
    assert key.startswith("lc_key_")
    code, out, _ = lectr("keys", "list", "--json")
    listed = json.loads(out)
    assert key.strip() not in out
    assert "digest" not in out
    assert [(one["org"], one["name"], one["revoked_at"]) for one in listed["keys"]] == [("acme", "ci", None)]
    key_id = listed["keys"][0]["id"]
    assert "works" in lectr("keys", "list")[1]
    assert lectr("orgs", "disable", "acme")[0] == 0
    assert "org disabled" in lectr("keys", "list")[1]
    assert json.loads(lectr("orgs", "list", "--json")[1])[0]["disabled"] is True
    assert "disabled" in lectr("orgs", "list")[1]
    assert lectr("orgs", "enable", "acme")[0] == 0
    assert "is revoked" in lectr("keys", "revoke", key_id)[1]
    assert "revoked 20" in lectr("keys", "list")[1]
    assert (tmp_path / "lectr-data" / "keys.json").exists()


def test_what_a_new_key_is_printed_with(lectr: Lectr) -> None:
    _, out, err = lectr("keys", "create")
    assert out.strip().startswith("lc_key_")
    assert "it cannot be shown again" in err
    assert json.loads(lectr("keys", "create", "--json")[1])["key"].startswith("lc_key_")


def test_an_operators_error_is_one_block_and_exit_code_2(lectr: Lectr, tmp_path: Path) -> None:
    (tmp_path / "lectr.toml").write_text("[gateway]\nworkers = 'x'\nlissten = 1\n")
    code, out, err = lectr("config", "check")
    assert (code, out) == (2, "")
    assert err == (
        "lectr: lectr.toml: 2 faults\n"
        "  gateway.lissten: unknown; did you mean 'listen'?\n"
        "  gateway.workers: expected a whole number or 'auto', got 'x'\n"
    )


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("keys", "revoke"), ("up", "--nonsense"), ("--config", "gone", "config", "check")]
)
def test_a_wrong_command_line_is_exit_code_2(lectr: Lectr, arguments: tuple[str, ...]) -> None:
    code, _, err = lectr(*arguments)
    assert code == 2
    assert "Traceback" not in err


def test_config_shows_what_holds_and_where_it_is_from(lectr: Lectr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text("[gateway]\nworkers = 2\n")
    monkeypatch.setenv("LECTR_GATEWAY_DRAIN_S", "5")
    code, out, _ = lectr("--config", "other.toml", "--data", "elsewhere", "config", "show")
    assert code == 0
    assert "# gateway.drain_s comes from $LECTR_GATEWAY_DRAIN_S\n" in out
    assert "# gateway.data comes from --data\n" in out
    assert 'data = "elsewhere"\ndrain_s = 5\nworkers = 2\n' in out
    assert "max_body_bytes" not in out
    assert "max_body_bytes = 33554432\n" in lectr("config", "show", "--all")[1]
    assert "valid, version" in lectr("config", "check", "other.toml")[1]


def test_without_plugins_the_commands_say_what_is_missing(lectr: Lectr) -> None:
    code, out, _ = lectr("plugins")
    assert (code, "no plugins are installed" in out) == (0, True)
    assert lectr("plugins", "--json") == (0, "[]\n", "")
    code, out, _ = lectr("--data", ".", "verify")
    assert (code, "nothing is proved" in out) == (1, True)
    assert json.loads(lectr("--data", ".", "verify", "--json")[1]) == {"balanced": False, "sinks": [], "cannot_be_asked": []}
    code, out, _ = lectr("doctor", "--offline")
    assert code == 1
    assert "no provider is installed" in out


def test_a_command_that_no_plugin_brought_points_to_the_plugins(lectr: Lectr) -> None:
    code, _, err = lectr("explore")
    assert (code, "`lectr plugins` lists those" in err) == (2, True)
    assert "plugins" not in lectr("keyz")[2], "it is a slip, not a plugin's command"


def test_verify_where_no_gateway_ever_ran_proves_nothing(lectr: Lectr) -> None:
    code, out, err = lectr("verify")
    assert (code, out) == (2, "")
    assert "there is no directory 'lectr-data'; go where `lectr up` runs, or name it: lectr --data DIRECTORY verify" in err


def test_tail_where_no_gateway_ever_ran_says_so(lectr: Lectr) -> None:
    _, _, err = lectr("tail", "--no-follow")
    assert (
        err == "there is no directory 'lectr-data' yet; go where `lectr up` runs, or name it: lectr --data DIRECTORY tail\n"
    )


@pytest.mark.parametrize("option", ["--data", "--config"])
def test_what_goes_before_the_command_is_said_to(lectr: Lectr, option: str) -> None:
    code, _, err = lectr("keys", "list", option, "x")
    assert (code, f"{option} goes before the command: lectr {option} … keys list\n" in err) == (2, True)
    assert "before the command" not in lectr("verify", "--dat")[2]


def test_a_new_key_says_where_it_is_kept(lectr: Lectr) -> None:
    _, out, err = lectr("keys", "create", "--org", "acme")
    assert out.startswith("lc_key_")
    assert "org 'acme', 'key', kept in lectr-data: note the key now" in err


def test_a_plugin_at_fault_is_exit_code_1(lectr: Lectr, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = attrs.evolve(PLUGINS, faults=[Fault("lectr-x", "lectr_sinks", "it lacks write")])
    monkeypatch.setattr(CommandLine, "plugins", lambda self: faulty)
    code, _, _ = lectr("plugins", "--json")
    assert code == 1
    code, out, _ = lectr("doctor", "--offline", "--json")
    assert code == 1
    assert {"level": "fail", "what": "plugins"}.items() <= next(
        found for found in json.loads(out) if "it lacks write" in found["text"]
    ).items()


def ended(seq: int, status: int) -> Ended:
    begun = Begun(
        seq=seq,
        id=f"id-{seq}",
        started_ns=1_700_000_000_000_000_000 + seq,
        config_version="v",
        method="POST",
        endpoint="/v1/chat/completions",
        org="acme",
        model_sent="model-\x1b[31m",
    )
    return Ended(begun=begun, outcome="ok", ended_by="completed", status=status, duration_ns=1_500_000)


def test_tail_shows_the_newest_of_the_journal(lectr: Lectr, tmp_path: Path) -> None:
    with Writer(tmp_path / "lectr-data" / "journal") as journal:
        for status in (200, 201, 202):
            journal.ended(ended(journal.next_seq(), status))
    code, out, _ = lectr("tail", "--no-follow", "--last", "2", "--json")
    assert code == 0
    assert [json.loads(row)["status"] for row in out.splitlines()] == [201, 202]
    assert json.loads(out.splitlines()[0])["started_at"] == "2023-11-14T22:13:20.000Z"
    code, out, err = lectr("tail", "--no-follow")
    assert err == "the journal holds 3; older ones, if any, are stored: lectr report, lectr explore\n"
    assert [row.split()[4] for row in out.splitlines()[1:]] == ["model-?[31m"] * 3 or "model-?[31m" in out
    assert "\x1b[31m" not in out.replace("\x1b[1m", ""), "a model's name cannot steer the terminal"
    assert lectr("tail", "--no-follow", "--last", "0", "--json") == (0, "", "")


def test_tail_of_nothing_says_where_else_to_look(lectr: Lectr, tmp_path: Path) -> None:
    (tmp_path / "lectr-data").mkdir()
    said = "no request of that kind is in the journal; older ones, if any, are stored: lectr report, lectr explore\n"
    assert lectr("tail", "--no-follow", "--where", "status=200")[2] == said


def test_ctrl_c_while_plugins_are_loaded_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(line: CommandLine) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CommandLine, "plugins", interrupted)
    assert main(["doctor"]) == 130


def test_output_that_has_no_room_is_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lectr_core.assembly.cli", "config", "show", "--all"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path)
    said = "lectr: what was to be written has no room: no space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_data_of_another_user_is_no_traceback_and_says_whose_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A service's data belongs to the service: whoever asks about it meets this first."""

    def barred(line: CommandLine) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "within" / "lectr.db"))

    monkeypatch.setattr(CommandLine, "plugins", barred)
    assert main(["doctor"]) == 2
    said = capsys.readouterr().err
    assert f"{str(tmp_path / 'within' / 'lectr.db')!r} is not open to this user" in said
    assert f"sudo -u {tmp_path.owner()} lectr …" in said


@pytest.mark.parametrize("width", [60, 79, 80, 121, 122, 142, 143, 168, 200])
def test_a_line_of_tail_fits_the_screen(width: int) -> None:
    ways: list[tuple[int, Outcome]] = [(200, "ok"), (200, "client_disconnected"), (529, "provider_error")]
    found = [line_of(attrs.evolve(ended(1, status), outcome=outcome)) for status, outcome in ways]
    shown = [click.unstyle(drawn(line, form_for(width))) for line in found]
    assert max(map(len, shown)) <= width
    assert all(row.startswith("22:13:20") for row in shown)
    assert "client_dis" in shown[1], "who left early is told apart from a 200 without colours too"
    assert "error" in shown[2]
    assert "529" in shown[2]
    assert form_for(None) == form_for(200), "a pipe has all"


@pytest.mark.parametrize(("variable", "coloured"), [("", True), ("1", False)])
def test_no_color_is_heard(variable: str, coloured: bool, lectr: Lectr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", variable)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda _, color: color is False)
    assert ("\x1b[" in lectr("doctor", "--offline")[1]) == coloured
    assert ("\x1b[" in lectr("--config", "none.toml", "doctor")[1]) == coloured
    assert ("\x1b[" in lectr("keys", "revoke", "none")[2]) == coloured


def test_a_wide_line_of_tail_says_why_lectr_refused() -> None:
    refused = attrs.evolve(ended(1, 401), outcome="lectr_refused", error_code="missing_lectr_key")
    refusal, answer = (click.unstyle(drawn(line_of(one), form_for(None))) for one in (refused, ended(1, 200)))
    assert refusal.endswith(" missing_lectr_key")
    assert answer.endswith(" -"), "nothing where nothing failed"


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("sink-sqlite", "lectr-sink-sqlite"),
        ("provider-mine", "lectr-provider-mine"),
        ("mine", "lectr-provider-mine"),
        ("sqlite", "lectr-sink-sqlite"),
        ("rules", "lectr-policy-rules"),
        ("datasette", "lectr-datasette"),
        ("lectr-board", "lectr-board"),
        ("acme-lectr-thing", "acme-lectr-thing"),
        ("./folder", "./folder"),
        ("lectr-x==1.0", "lectr-x==1.0"),
        ("x[extra]", "x[extra]"),
    ],
)
def test_short_names_are_enough(name: str, distribution: str) -> None:
    assert packages.distribution_of(name) == distribution


@pytest.mark.parametrize(("verb", "said"), [("install", "`lectr plugins` shows it"), ("uninstall", "out of lectr.toml too")])
def test_what_remains_to_be_done_is_said(
    verb: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "installer_command", lambda _: ["true"])
    assert packages._installer([verb, "lectr-x"]) == 0
    assert said in capsys.readouterr().out


def test_plugins_go_into_this_very_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path=None: "/somewhere/uv" if path is None else None)
    assert packages.installer_command(["install", "x"]) == [
        "/somewhere/uv",
        "pip",
        "install",
        "--python",
        sys.executable,
        "x",
    ]
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    assert packages.installer_command(["uninstall", "x"]) == [sys.executable, "-m", "pip", "uninstall", "--yes", "x"]


def test_install_and_uninstall_pass_on_what_the_installer_says(lectr: Lectr, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], check: bool) -> subprocess.CompletedProcess[bytes]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr("subprocess.run", run)
    assert lectr("install", "sink-sqlite", "--upgrade")[0] == 3
    assert lectr("install", "-e", "./here")[0] == 3
    there = attrs.evolve(PLUGINS, found=(Plugin("store", "lectr-sink-sqlite", "1"),))
    monkeypatch.setattr(CommandLine, "plugins", lambda self: there)
    assert lectr("uninstall", "-y", "sink-sqlite")[0] == 3
    assert lectr("uninstall", "-y", "store")[0] == 3
    assert [command[-2:] for command in asked[:2]] == [["--upgrade", "lectr-sink-sqlite"], ["-e", "./here"]]
    assert asked[2][-1] == asked[3][-1] == "lectr-sink-sqlite"


def test_only_plugins_are_uninstalled(lectr: Lectr) -> None:
    for name in ("nothing-of-the-kind", "lectr"):
        code, _, err = lectr("uninstall", "-y", name)
        assert code == 2
        assert "no plugin that is installed" in err


def test_errors_say_whose_they_are() -> None:
    assert "`lectr plugins` shows" in entry.told(PluginError("lectr-x: broken"))
    assert "please report it" in entry.told(Bug("impossible"))


class Mine:
    """A provider that says how to begin."""

    def quickstart(self, base_url: str, key: str) -> list[tuple[str, str]]:
        return [("Mine, curl", f"curl {base_url} \\\n  -H {key}\n")]


class Mute:
    """One whose words got lost."""

    def quickstart(self, base_url: str, key: str) -> list[tuple[str, str]]:
        raise KeyError("words")


def test_a_providers_own_words_are_printed_as_they_are() -> None:
    assert snippets(Mine(), "http://h", "K") == [
        "  ── Mine, curl ".ljust(72, "─"),
        "",
        "  curl http://h \\",
        "    -H K",
        "",
    ]
    assert snippets(object(), "http://h", "K") == []
    assert snippets(Mute(), "http://h", "K") == ["  plugin fault: Mute.quickstart: KeyError: 'words'", ""]
