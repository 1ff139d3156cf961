"""The doctor sees what is wrong, names it, and says what to do."""

from __future__ import annotations

import os
import socket
import threading
import time
import types
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
import trustme

from lectr_core.assembly.command_line import CommandLine
from lectr_core.assembly.examine import _credentials, _is_chosen, examine
from lectr_core.assembly.finding import Finding
from lectr_core.assembly.ground import take_data
from lectr_core.assembly.health import Board, Health
from lectr_core.assembly.keys import create_key
from lectr_core.assembly.plugins import Plugins, load_plugins
from lectr_core.assembly.reach import clock_offset_s, reach_all
from lectr_core.cold.standing import SinkStanding, Standing, write_standing
from lectr_core.model.call import Origin
from lectr_core.model.settings import GatewaySettings, ProviderSettings, Settings


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LECTR_")]:
        monkeypatch.delenv(name)  # whatever the tests before, or the machine, have set
    tmp_path.chmod(0o700)
    return CommandLine(flags={"gateway.data": str(tmp_path), "gateway.listen": "127.0.0.1:0"}, plugins=load_plugins([]))


def told(line: CommandLine, what: str) -> list[tuple[str, str]]:
    return [(found.level, found.text) for found in examine(line, reach="none") if found.what == what]


def test_all_settings_faults_are_findings(tmp_path: Path, line: CommandLine) -> None:
    (tmp_path / "lectr.toml").write_text("[gateway]\nx = 1\ny = 2\n")
    assert [level for level, _ in told(line, "settings")] == ["fail", "fail"]


def test_a_variable_that_sets_nothing_is_pointed_out(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LECTR_GATEWAY_LISTENN", "x")
    monkeypatch.setenv("LECTR_ADMIN_TOKEN", "x")
    monkeypatch.setenv("LECTR_ADMIN_TOKEN_ENV", "LECTR_ADMIN_TOKEN")
    monkeypatch.setenv("LECTR_LOGIN", "u:p")
    monkeypatch.setenv("LECTR_GATEWAY_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("LECTR_GATEWAY_PROXY_AUTH_ENV", "LECTR_LOGIN")
    assert ("warn", "variables that set nothing: LECTR_GATEWAY_LISTENN") in told(line, "settings")


def test_keys_open_files_and_disk_are_looked_at(tmp_path: Path, line: CommandLine) -> None:
    assert told(line, "keys") == [("warn", "none works: every request is refused")]
    create_key(tmp_path, "acme", "ci")
    assert told(line, "keys") == [("ok", "1 work")]
    (tmp_path / "keys.json").chmod(0o644)
    assert told(line, "data") == [("fail", f"{tmp_path / 'keys.json'} is open to other users")]
    assert len(told(line, "disk")) == len(told(line, "open files")) == 1


def test_a_directory_that_cannot_be_made_is_found(
    tmp_path: Path, line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.flags = {**line.flags, "gateway.data": str(tmp_path / "a" / "b")}
    assert told(line, "data") == [("ok", f"{tmp_path / 'a' / 'b'} does not exist yet; `lectr up` makes it")]
    # the superuser may write anywhere, so the answer is given instead of a mode set
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    text = f"{tmp_path / 'a' / 'b'} does not exist, and this user cannot make it in {tmp_path}"
    assert told(line, "data") == [("fail", text)]


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", "unix:/tmp/lectr-test.sock", "0.0.0.0:0", "192.0.2.1:1"])
def test_plain_http_that_others_can_reach_is_pointed_out(line: CommandLine, address: str) -> None:
    line.flags = {**line.flags, "gateway.listen": address}
    text = f"plain HTTP on {address}: keys and prompts can be read on the way"
    assert told(line, "certificate") == ([("warn", text)] if address in ("0.0.0.0:0", "192.0.2.1:1") else [])


def test_a_taken_port_is_found_where_no_gateway_runs(line: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line.flags = {**line.flags, "gateway.listen": f"127.0.0.1:{taken.getsockname()[1]}"}
        assert told(line, "listen")[0][0] == "fail"
    assert told(line, "gateway") == [("ok", "not running")]


def health(process: str, **more: object) -> Health:
    given = {"pid": os.getpid(), "state": "serving", "version": "v", "updated_ns": time.time_ns(), **more}
    return Health(process=process, **given)  # type: ignore[arg-type]  # a test's own values


def test_a_running_gateway_is_asked_through_its_health_files(tmp_path: Path, line: CommandLine) -> None:
    board = Board(tmp_path)
    with take_data(tmp_path):
        board.show(health("supervisor", version=line.settings().version, notes={"refused": "gateway.x: unknown\nmore"}))
        board.show(health("worker-0", counters={"requests": 3, "records_lost": 2}, faults={"mine": 4}))
        board.show(health("worker-1", pid=2**22 + 1))
        sink = SinkStanding(
            id="store",
            state="failing",
            caught_up=False,
            behind_s=99.0,
            busy_s=0.0,
            stored=1,
            in_flight=0,
            lost=0,
            damaged=0,
            failures=3,
            last_fault="OSError: full",
            batch_limit=1,
            blocked_by=None,
            unreadable=(),
        )
        other = attrs.evolve(sink, id="other", blocked_by="0199-abc")
        standing = Standing(pid=1, written_at="", waits_for_other=False, sinks=(sink, other), price_faults={"book": 2})
        standing = attrs.evolve(standing, catalog_faults={"list": "prices.json is damaged"})
        write_standing(tmp_path / "health" / "cold.json", standing)
        items = examine(line, reach="none")
    found = [(item.level, item.what, item.text) for item in items]
    acts = {item.text: item.act for item in items}
    assert acts["store: failing, 1 stored; OSError: full"] == "records wait in the journal meanwhile"
    assert acts["other: failing, 1 stored; OSError: full"].startswith(
        "it refuses record 0199-abc, and what its worker wrote"
    )
    assert ("fail", "gateway", "the newest settings are refused: gateway.x: unknown") in found
    assert ("warn", "worker-0", "plugin mine failed 4 times and was skipped") in found
    assert ("fail", "worker-0", "2 records lost (disk full?)") in found
    assert ("fail", "worker-1", "not running") in found
    assert ("fail", "cold side", "store: failing, 1 stored; OSError: full") in found
    assert ("warn", "cold side", "price book book failed 2 times") in found
    assert ("fail", "cold side", "list: prices.json is damaged") in found


def standing() -> Standing:
    return Standing(pid=1, written_at="", waits_for_other=False, sinks=(), price_faults={})


def test_who_has_said_nothing_for_long_is_named(tmp_path: Path, line: CommandLine) -> None:
    """A process that is stopped, or whose disk is full, leaves its last good word standing."""
    board = Board(tmp_path)
    long_ago_s = time.time() - 100
    with take_data(tmp_path):
        board.show(health("supervisor"))
        board.show(health("worker-0", updated_ns=int(long_ago_s * 1e9)))
        write_standing(tmp_path / "health" / "cold.json", standing())
        os.utime(tmp_path / "health" / "cold.json", (long_ago_s, long_ago_s))
        assert ("fail", "has said nothing for 100 s") in told(line, "worker-0")
        assert ("fail", "has said nothing for 100 s") in told(line, "cold side")


def test_a_journal_whose_disk_takes_nothing_is_found_while_a_gateway_runs(tmp_path: Path, line: CommandLine) -> None:
    with take_data(tmp_path):
        Board(tmp_path).show(health("supervisor"))
        assert ("fail", "its disk takes nothing") in told(line, "journal")
        (tmp_path / "journal").mkdir()
        assert told(line, "journal") == [("ok", "0.0 MB")]


def test_a_data_directory_that_was_removed_under_a_gateway_is_found(tmp_path: Path, line: CommandLine) -> None:
    Board(tmp_path).show(health("supervisor"))
    assert ("fail", "somebody removed the data directory while it ran") in told(line, "gateway")
    Board(tmp_path).show(health("supervisor", updated_ns=1))
    assert told(line, "gateway") == [("ok", "not running")], "the file of one that was killed long ago"


def test_a_taken_admin_port_is_found_where_no_gateway_runs(tmp_path: Path, line: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (tmp_path / "lectr.toml").write_text(f'[admin]\nlisten = "127.0.0.1:{taken.getsockname()[1]}"\n')
        ((level, text),) = told(line, "admin")
        assert (level, text.partition(":")[0]) == ("fail", "admin.listen")
    ((level, _),) = told(line, "admin")
    assert level == "ok"


class Scarred:
    """A store that lost something, or cannot say."""

    id = "store"

    def __init__(self, *gaps: str) -> None:
        self.lost = gaps

    async def gaps(self) -> tuple[str, ...]:
        if not self.lost:
            raise OSError("away")
        return self.lost

    async def remarks(self) -> tuple[str, ...]:
        return ("its log grows",) if self.lost else ()


def test_what_a_store_lost_is_told(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    sinks = [("lectr-a", Scarred("a.db was moved")), ("lectr-b", Scarred()), ("lectr-c", object())]
    monkeypatch.setattr(Plugins, "sinks", lambda self, settings: sinks)
    assert told(line, "store") == [
        ("fail", "a.db was moved"),
        ("warn", "cannot say what it lost: OSError"),
        ("warn", "its log grows"),
    ]


class Catalog:
    """A price book that knows which list it quotes, and what is wrong with it."""

    id = "list"

    def __init__(self, wrong: tuple[str, str] | None = None) -> None:
        self.wrong = wrong

    def renew_now(self) -> bool:
        return False

    def told(self) -> str:
        return "a list, of 2026-01-01"

    def what_is_wrong(self) -> tuple[str, str] | None:
        return self.wrong


class Broken(Catalog):
    id = "broken"

    def told(self) -> str:
        raise ValueError("no list")


def test_the_catalog_in_use_is_told_and_what_is_wrong_with_it(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    books = [("a", Catalog()), ("b", Catalog(("the file is damaged", "take one again"))), ("c", Broken()), ("d", object())]
    monkeypatch.setattr(Plugins, "price_books", lambda self, settings: books)
    found = [finding for finding in examine(line, reach="none") if finding.what == "prices"]
    assert [(one.level, one.text, one.act) for one in found] == [
        ("ok", "a list, of 2026-01-01", ""),
        ("fail", "the file is damaged", "take one again"),
        ("fail", "broken: ValueError: no list", "mend or upgrade its plugin"),
    ]


def test_a_credential_that_is_not_set_is_named_and_never_shown() -> None:
    sections = {"provider.a": ProviderSettings(api_key_env="A_KEY"), "provider.b": ProviderSettings(api_key_env="B_KEY")}
    settings = Settings(gateway=GatewaySettings(), sections=sections, version="v", environ={"A_KEY": "sk-canary"})
    found = list(_credentials(settings, is_running=True))
    assert [finding.level for finding in found] == ["ok", "warn"]
    assert [finding.level for finding in _credentials(settings, is_running=False)] == ["ok", "fail"]
    assert "sk-canary" not in str([attrs.asdict(finding) for finding in found])


def test_a_credential_that_is_not_set_is_no_plugins_fault(
    tmp_path: Path, line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lectr.toml").write_text("[provider.house]\nbase_url = 'http://127.0.0.1:1'\napi_key_env = 'HOUSE_KEY'\n")
    monkeypatch.delenv("HOUSE_KEY", raising=False)
    whole = attrs.evolve(line, plugins=load_plugins())
    assert told(whole, "credentials") == [("fail", "provider.house.api_key_env: $HOUSE_KEY is not set here")]
    assert {level for level, _ in told(whole, "plugins")} == {"ok"}


@pytest.mark.parametrize(
    ("date", "offset"),
    [("Wed, 01 Jan 2025 00:00:00 GMT", 60.0), ("Wed, 01 Jan 2025 00:02:00 GMT", -60.0), ("nonsense", None), (None, None)],
)
def test_the_clock_is_compared_with_the_providers(date: str | None, offset: float | None) -> None:
    assert clock_offset_s(date, datetime(2025, 1, 1, 0, 1, tzinfo=UTC)) == offset


class Plain(BaseHTTPRequestHandler):
    """Answers everything with 404, and remembers what it was sent."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(f"{self.requestline}\n{self.headers}")
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@attrs.frozen
class Reached:
    """As much of a provider as is needed to reach it."""

    id: str
    origin: Origin | None = None
    ca_file: Path | None = None
    accepts_unclaimed: bool = False


def test_providers_are_reached_without_any_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with ThreadingHTTPServer(("127.0.0.1", 0), Plain) as server, socket.socket() as closed:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        closed.bind(("127.0.0.1", 0))
        providers = [
            Reached("there", Origin("http", "127.0.0.1", server.server_address[1])),
            Reached("gone", Origin("http", "127.0.0.1", closed.getsockname()[1])),
            Reached("later", None),
        ]
        settings = Settings(gateway=GatewaySettings(), sections={}, version="v")
        found = reach_all(providers, settings)  # type: ignore[arg-type]  # as much of a provider as is needed
        server.shutdown()
    assert [(finding.level, finding.what, finding.text.partition(":")[0]) for finding in found] == [
        ("warn", "providers", "gone"),
        ("skip", "providers", "later"),
        ("ok", "providers", "there"),
        ("ok", "clock", "agrees with the providers"),
    ]
    assert Plain.seen[0].startswith("GET / HTTP/1.1\n")
    assert not {"authorization", "x-api-key"} & {row.partition(":")[0].lower() for row in Plain.seen[0].splitlines()}


def test_every_finding_that_fails_says_what_to_do(line: CommandLine) -> None:
    findings: list[Finding] = examine(line, reach="none")
    assert all(finding.act for finding in findings if finding.level in ("fail", "warn"))


def test_only_providers_that_somebody_chose_are_contacted() -> None:
    sections = {"provider.named": ProviderSettings(base_url="http://a.test"), "provider.left": ProviderSettings()}
    settings = Settings(GatewaySettings(), sections, "v")
    chosen = [Reached("named"), Reached("volunteer", accepts_unclaimed=True)]
    left = [Reached("left"), Reached("unheard")]
    assert all(_is_chosen(one, settings) for one in chosen)  # type: ignore[arg-type]  # as much of a provider as is needed
    assert not any(_is_chosen(one, settings) for one in left)  # type: ignore[arg-type]  # as much of a provider as is needed
    other = Settings(GatewaySettings(default_provider="unheard"), {}, "v")
    assert [one.id for one in (*chosen, *left) if _is_chosen(one, other)] == ["unheard"]  # type: ignore[arg-type]  # as above


@attrs.frozen
class Page:
    """A companion that is found at an address."""

    port: int
    id: str = "page"

    def command(self) -> tuple[str, ...]:
        return ()

    def environ(self) -> dict[str, str]:
        return {}

    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


def test_a_companions_taken_port_is_found_where_no_gateway_runs(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(Plugins, "companions", lambda self, settings: [("lectr-page", Page(port))])
        assert told(line, "page") == [("warn", f"127.0.0.1:{port} is taken by another process")]
    assert told(line, "page") == [("ok", f"127.0.0.1:{port} is free")]


class Leading:
    """A policy that says where it leads."""

    id = "mine"

    def routes_to(self) -> list[str]:
        return ["gone", "bare", "held", "gone"]


def test_a_route_that_no_request_can_take_is_pointed_out(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = types.SimpleNamespace(id="bare", held=None, ca_file=None, origin=None)
    held = types.SimpleNamespace(id="held", held="secret", ca_file=None, origin=None)
    monkeypatch.setattr(Plugins, "policies", lambda self, settings: [("lectr-mine", Leading()), ("x", object())])
    monkeypatch.setattr(Plugins, "providers", lambda self, settings: [("lectr-x", bare), ("lectr-y", held)])
    assert told(line, "routes") == [
        ("warn", "mine leads to 'bare', which has no held credential"),
        ("warn", "mine leads to 'gone', which is not installed"),
    ]


@pytest.mark.parametrize(
    ("days", "level", "text"), [(90, "ok", "89 more days"), (5, "warn", "4 more days"), (-1, "fail", "no longer")]
)
def test_a_certificate_is_looked_at_with_its_end(
    tmp_path: Path, line: CommandLine, days: int, level: str, text: str
) -> None:
    assert told(line, "certificate") == []
    now = datetime.now(UTC)
    made = trustme.CA().issue_cert("x.test", not_before=now - timedelta(days=9), not_after=now + timedelta(days=days))
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    (tmp_path / "key.pem").chmod(0o640)
    files = f"tls_certificate = '{tmp_path}/cert.pem'\ntls_key = '{tmp_path}/key.pem'"
    (tmp_path / "lectr.toml").write_text(f"[gateway]\n{files}\n")
    ((found, why),) = told(line, "certificate")
    assert (found, why) == ("fail", f"gateway.tls_certificate: cannot read '{tmp_path}/cert.pem': No such file or directory")
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    ((found, why),) = told(line, "certificate")
    assert (found, text in why) == (level, True), why
    (tmp_path / "key.pem").chmod(0o644)
    assert told(line, "certificate")[0] == ("warn", f"{tmp_path}/key.pem can be read by every user of this machine")
