"""`lectr prices update`: another catalog is taken whole or not at all, after it was shown, and a gateway takes it up."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import attrs
import click
import pytest
from click.testing import CliRunner, Result
from lectr_prices_genai import catalog, lectr_commands, taken
from lectr_prices_genai.asking import fetch
from lectr_prices_genai.catalog import Catalog
from lectr_prices_genai.difference import ELSE, compare
from lectr_prices_genai.listed import ListedBook
from lectr_prices_genai.reading import built, dumped, parse, unknown_keys
from lectr_prices_genai.settings import PricesSettings

from lectr_core import CommandLine, GatewaySettings, OperatorError, PriceCatalog, PriceQuestion, Settings, TellsFault

DAY = date(2026, 11, 20)
MODEL = {"id": "acme-1", "match": {"starts_with": "acme-1"}, "context_window": 9_000}
ASKED = PriceQuestion("openai", "acme-1", DAY, None, 100)
Raw = Any  # whatever JSON can hold


def document(prices: Raw, **more: Raw) -> list[Raw]:
    model = {**MODEL, "prices": prices, **more}
    return [{"id": "openai", "name": "OpenAI", "api_pattern": "https://api", "models": [model]}]


CHEAP = document({"input_mtok": 0.1, "output_mtok": 0.4})


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings with a data directory of their own, which is returned."""
    made = Settings(GatewaySettings(data=tmp_path / "data"), {}, "abc")
    monkeypatch.setattr(CommandLine, "settings", lambda _: made)
    return tmp_path / "data"


def call(*arguments: str) -> Result:
    cli = click.Group()
    lectr_commands(cli)
    return CliRunner().invoke(cli, ["prices", "update", *arguments], obj=CommandLine(), standalone_mode=False)


def fails(*arguments: str) -> str:
    result = call(*arguments)
    assert isinstance(result.exception, OperatorError | click.UsageError), result.output
    return str(result.exception)


def kept(path: Path, prices: Raw = CHEAP) -> Path:
    path.write_text(json.dumps(prices))
    os.utime(path, (0, datetime(2026, 11, 5, 12, tzinfo=UTC).timestamp()))
    return path


def test_a_file_is_shown_taken_and_named_by_every_price(line: Path, tmp_path: Path) -> None:
    file = kept(tmp_path / "corp.json")
    shown = call("--from", str(file), "--dry-run", "--all")
    assert "nothing has changed yet" in shown.output
    assert not (line / "prices.json").exists()
    assert [text.split()[:6] for text in shown.output.splitlines() if "acme-1" in text] == [
        ["new", "openai", "acme-1", "input", "–", "0.1"],
        ["new", "openai", "acme-1", "output", "–", "0.4"],
    ]
    assert "new: 1," in shown.output
    done = call("--from", str(file))
    assert "also by a gateway that runs" in done.output
    quote = ListedBook(line / "prices.json").quote(ASKED)
    assert quote is not None
    assert quote.rates["input"] == Decimal("0.0000001"), "as it is written, not as a float has it"
    assert (quote.dated, quote.limit_tokens) == ("2026-11-05", 9_000)
    assert quote.source.startswith("genai-prices file corp.json ")
    assert quote.price_id == "openai/acme-1@2026-11-05"


def test_the_way_back_is_the_packages_own_list(line: Path, tmp_path: Path) -> None:
    call("--from", str(kept(tmp_path / "corp.json")), "--dated", "2026-11-01")
    assert "of 2026-11-01" in ListedBook(line / "prices.json").told()
    back = json.loads(call("--json").output)
    assert (back["taken"], back["models"]["gone"]) == (True, 1)
    assert ListedBook(line / "prices.json").told() == catalog.installed().told()


def test_a_book_in_use_takes_up_what_was_taken(line: Path, tmp_path: Path) -> None:
    book = ListedBook(line / "prices.json")
    assert isinstance(book, PriceCatalog)
    assert (book.quote(ASKED), book.renew_now()) == (None, False)
    call("--from", str(kept(tmp_path / "corp.json")))
    assert book.quote(ASKED) is None, "remembered until it looks again"
    assert book.renew_now()
    found = book.quote(ASKED)
    assert found is not None
    assert "corp.json" in found.source
    assert not book.renew_now()
    call()
    assert book.renew_now()
    assert book.quote(ASKED) is None


def test_a_newer_package_is_taken_up_without_a_restart_and_an_older_file_holds_none_back(
    line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is written by a process that has the new package; the gateway that runs still has the old one loaded."""
    path = taken.path_in(line)
    newer = attrs.evolve(catalog.installed(), source="genai-prices 9.0.0", providers=built(CHEAP, "x"))
    taken.write(path, taken.Taken(catalog=newer, taken_at="2026-11-20T00:00:00Z", package="9.0.0"))
    assert ListedBook(path).told().startswith("genai-prices 9.0.0")
    monkeypatch.setattr(taken, "VERSION", "9.1.0")
    assert ListedBook(path).told() == catalog.installed().told()


def test_the_packages_list_reads_back_as_it_was_written() -> None:
    listed = catalog.installed().providers
    assert built(json.loads(json.dumps(dumped(listed))), "x") == list(listed)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("{}", "expected an array of providers, as genai-prices publishes it, got an object"),
        ("[]", "expected at least one provider with one model"),
        ('[{"name": "x"}]', "id: Field required"),
        (json.dumps(document({"input_mtok": "dear"})), "not in the format|input_mtok|decimal"),
        (json.dumps(document({"input_mtok": -1})), "openai/acme-1: input_mtok: expected 0 to 1,000,000 USD, got -1"),
        (json.dumps(document({"input_mtok": 2e6})), "got 2000000|got 2E"),
        (json.dumps(document({"input_mtok": 1e999})), "is no price"),
        (json.dumps(document({"input_mtok": {"base": 1, "tiers": [{"start": 5, "price": -2}]}})), "got -2"),
        (json.dumps(document([])), "openai/acme-1: expected a price, got none"),
        (json.dumps(document({"input_mtok": 1}, context_window="long")), "openai/acme-1: context_window: Input should be"),
        (json.dumps(CHEAP + CHEAP), "provider 'openai' is there twice"),
        (json.dumps(document({"input_mtok": 1}, match={"like": "a"})), "match|format"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_taken(line: Path, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    said = fails("--from", str(tmp_path / "bad.json"))
    assert any(one in said for one in told.split("|")), said
    assert "\n" not in said
    assert not (line / "prices.json").exists()


def test_rates_that_nobody_knows_are_left_out_and_said(line: Path, tmp_path: Path) -> None:
    odd = document({"input_mtok": 1, "dreams_mtok": 2})
    assert unknown_keys(parse(json.dumps(odd).encode(), "x")) == {"dreams_mtok": 1}
    assert "dreams_mtok (1 models)" in call("--from", str(kept(tmp_path / "odd.json", odd))).output


def whole(**more: Raw) -> str:
    return json.dumps({"format": 1, "source": "x", "dated": None, "mark": "m", "taken_at": "t", "package": None} | more)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        (whole(providers=CHEAP)[:-9], "it is no whole JSON"),
        ("[" * 100_000, "it is no whole JSON"),
        ("{}", "not what Lectr writes there"),
        ("[1]", "not what Lectr writes there"),
        ('{"format": 2}', "written by another version of Lectr (format 2)"),
        (whole(providers=[]), "expected at least one provider"),
        (whole(providers=CHEAP, package=5), "not what Lectr writes there"),
        (whole(providers=CHEAP, dated="soon"), "not what Lectr writes there"),
    ],
)
def test_a_damaged_file_is_said_and_the_packages_prices_are_used(
    line: Path, text: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    line.mkdir()
    (line / "prices.json").write_text(text)
    book = ListedBook(line / "prices.json")
    assert isinstance(book, TellsFault)
    assert book.what_is_wrong() is None, "asked once a second, it reads nothing for that"
    assert book.told() == catalog.installed().told()
    wrong = book.what_is_wrong()
    assert wrong is not None
    assert why in wrong[0]
    assert "prices.json" in wrong[0]
    assert f"priced with the package's own list meanwhile: {catalog.installed().told()}" in wrong[0]
    assert "lectr prices update" in wrong[1]
    assert wrong[0] in caplog.text
    assert call().exception is None, "and updating mends it"
    assert book.renew_now()
    assert book.told() == catalog.installed().told()
    assert book.what_is_wrong() is None


def test_a_file_that_may_not_be_read_is_said(line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("--from", str(kept(tmp_path / "corp.json")))

    def forbidden(_: Path) -> bytes:  # the superuser may read anything, so the answer is given instead of a mode set
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    book = ListedBook(line / "prices.json")
    assert book.told() == catalog.installed().told()
    wrong = book.what_is_wrong()
    assert wrong is not None
    assert "Permission denied" in wrong[0]


def test_a_disk_that_is_full_leaves_the_old_one(line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("--from", str(kept(tmp_path / "corp.json")))
    before = (line / "prices.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in fails()
    assert (line / "prices.json").read_bytes() == before
    assert [one.name for one in line.iterdir()] == ["prices.json"]


def test_differences_are_by_rate_and_what_no_rate_shows_is_said() -> None:
    def made(prices: Raw, **more: Raw) -> Catalog:
        return Catalog("x", None, "m", built(document(prices, **more), "x"))

    old = made({"input_mtok": 1, "output_mtok": 4})
    (one,) = compare(old, made({"input_mtok": 1, "output_mtok": 2}), DAY).changes
    assert (one.kind, one.unit, one.old_usd, one.new_usd) == ("changed", "output", Decimal("4E-6"), Decimal("2E-6"))
    (tier,) = compare(
        old, made({"input_mtok": 1, "output_mtok": {"base": 4, "tiers": [{"start": 9, "price": 8}]}}), DAY
    ).changes
    assert tier.unit == ELSE
    assert compare(old, made({"input_mtok": 1, "output_mtok": 4}, description="news"), DAY).changes == []
    assert compare(old, old, DAY).same == 1


# ── the network, only when told ───────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def published(status: int, body: bytes, *, stalls: bool = False) -> Iterator[str]:
    """A server on loopback; its address."""
    enough = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body) + stalls))
            self.end_headers()
            self.wfile.write(body)
            if stalls:
                self.wfile.flush()
                enough.wait(30)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/data.json"
    finally:
        enough.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_published_list_is_fetched_when_told(line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with published(200, json.dumps(CHEAP).encode()) as url:
        own = PricesSettings(fetch_url=url)
        made = Settings(GatewaySettings(data=line), {"prices": own}, "abc")
        monkeypatch.setattr(CommandLine, "settings", lambda _: made)
        told = json.loads(call("--fetch", "--json").output)
    assert told["source"].startswith("genai-prices as published ")
    assert told["dated"] == datetime.now(UTC).date().isoformat()
    assert ListedBook(line / "prices.json").told() == told["new"]


def test_nothing_else_asks_the_network(line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", asked)
    assert call().exception is None
    assert call("--from", str(kept(tmp_path / "corp.json"))).exception is None
    assert "expected --from or --fetch" in fails("--from", str(tmp_path / "corp.json"), "--fetch")
    assert "--dated goes with --from" in fails("--dated", "2026-01-01")


def test_a_fetch_that_fails_says_so_and_what_to_do() -> None:
    with published(404, b"") as url, pytest.raises(OperatorError, match=r"it answered 404; nothing has changed; .*--from"):
        fetch.fetch(url)
    with published(200, b"x" * 5_000) as url, pytest.raises(OperatorError, match="longer than 100 bytes"):
        fetch.fetch(url, most_bytes=100)
    with published(200, b"[", stalls=True) as url, pytest.raises(OperatorError, match=r"no answer in time|not whole within"):
        fetch.fetch(url, limit_s=0.05)
    with pytest.raises(OperatorError, match=r"cannot fetch http://127.0.0.1:9/x"):
        fetch.fetch("http://127.0.0.1:9/x")
    with pytest.raises(OperatorError, match="cannot fetch"):
        fetch.fetch("no address")
