"""The explorer in a real browser: everybody can use it, on a phone too, it asks nothing of the network, and news arrive.

One browser, and one explorer on each Datasette that is promised: the one that is installed, and the newest 1.0 alpha. Both
show two weeks of an imagined company's past.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.whole.chromium import PROGRAM, Page, browser

HERE: Final = Path(__file__).with_name("axe")
PAGES: Final = {
    "overview": "/?period=7d",
    "overview of today": "/",
    "explore": "/-/lectr/explore?period=7d&by=model&outcome=ok",
    "feature": "/-/lectr/feature?period=7d&feature=chat-assistant",
    "model": "/-/lectr/model?period=7d&model=claude-sonnet-4-6&provider=anthropic",
    "provider": "/-/lectr/provider?period=7d&provider=openai",
    "errors": "/-/lectr/errors?period=7d",
    "leaks": "/-/lectr/leaks?period=7d",
    "change": "/-/lectr/change?period=7d",
    "statement": "/-/lectr/statement",
    "how sure": "/-/lectr/sure?period=7d",
    "nothing there": "/-/lectr/feature?period=hour&feature=nobody",
}
TABLES: Final = {"requests": "/lectr/requests", "a question": "/lectr/cost_by_feature?days=30", "all tables": "/lectr"}
"""Datasette's own pages: their letters and colours are not Lectr's, but what Lectr adds must fit."""
ALPHA: Final = "datasette>=1.0a0,<2"
DESKTOP: Final = (1280, 900)
PHONE: Final = (390, 800)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a past."""
    pytest.importorskip("lectr_datasette", reason="lectr-datasette is not installed")
    place = tmp_path_factory.mktemp("data")
    lectr = str(Path(sys.executable).with_name("lectr"))
    history = ["demo", "--history", "15d", "--requests", "3000", "--only-history", "--data", str(place)]
    subprocess.run([lectr, *history], check=True, stdout=subprocess.DEVNULL, timeout=240)
    return place


@pytest.fixture(scope="module", params=["installed", "alpha"])
def explorer(data: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Its address."""
    environ = dict(os.environ)
    if request.param == "alpha":
        environ["PYTHONPATH"] = str(alpha(request.config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "lectr_datasette.serve", str(data / "lectr.db"), "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ)
    url = f"http://127.0.0.1:{port}"
    try:
        give_up = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/-/lectr.js", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None, "the explorer ended at once"
                assert time.monotonic() < give_up, "the explorer did not start"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def alpha(config: pytest.Config) -> Path:
    """A directory with the newest 1.0 alpha of Datasette and what it needs, kept from run to run."""
    cache = config.cache
    assert cache is not None
    place = cache.mkdir("datasette-alpha")
    if not list(place.glob("datasette-1*.dist-info")):
        uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
        if not Path(uv).is_file():
            assert not os.environ.get("CI"), "uv must be there where changes are judged"
            pytest.skip("uv, which fetches the other Datasette, is not installed")
        options = ["--quiet", "--python", sys.executable, "--target", str(place), "--prerelease", "allow"]
        subprocess.run([uv, "pip", "install", *options, ALPHA], check=True, stdout=subprocess.DEVNULL)
    return place


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One page of one browser, for all tests."""
    if PROGRAM is None:
        assert not os.environ.get("CI"), "Chromium must be there where changes are judged"
        pytest.skip("Chromium is not installed")
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found.zone("UTC")


@pytest.fixture(scope="module")
def axe(pytestconfig: pytest.Config) -> str:
    """axe-core's source, kept from run to run."""
    if not shutil.which("npm"):
        assert not os.environ.get("CI"), "npm must be there where changes are judged"
        pytest.skip("npm is not installed")
    cache = pytestconfig.cache
    assert cache is not None
    place = cache.mkdir("axe")
    script = place / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        shutil.copy(HERE / "package.json", place)
        quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        subprocess.run(["npm", "install", *quiet], cwd=place, check=True, stdout=subprocess.DEVNULL)
    return script.read_text()


def test_it_is_the_datasette_that_it_should_be(explorer: str, request: pytest.FixtureRequest) -> None:
    said = httpx.get(f"{explorer}/-/versions.json", trust_env=False).json()["datasette"]["version"]
    assert said.startswith("1." if "[alpha]" in request.node.name else version("datasette"))


def one_id(data: Path, where: str) -> str:
    with closing(sqlite3.connect(data / "lectr.db")) as store:
        (found,) = store.execute(f"select id from requests where {where} order by id desc limit 1").fetchone()
        return str(found)


def judged(page: Page, axe: str) -> list[str]:
    """What axe finds serious or critical, in words."""
    page.run(f"{axe}; void 0")
    violations = page.run("axe.run().then((found) => JSON.stringify(found.violations))")
    found: list[dict[str, Any]] = json.loads(violations)  # Any: JSON
    return [
        f"{each['id']}: {each['help']} ({node['html'][:120]})"
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"][:3]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_use_it(page: Page, explorer: str, axe: str, name: str, dark: bool) -> None:
    page.size(*(PHONE if dark else DESKTOP), dark=dark).open(explorer + PAGES[name])
    assert judged(page, axe) == []


@pytest.mark.parametrize(
    "where",
    [
        "outcome = 'ok' and streamed",
        "outcome = 'upstream_failed'",
        "client_retry > 0",
        "tokens_source = 'measured' and outcome = 'ok'",
        "tokens_source = 'measured' and usage_check = 1",
    ],
)
def test_everybody_can_read_a_request(page: Page, explorer: str, axe: str, data: Path, where: str) -> None:
    page.size(*PHONE).open(f"{explorer}/-/lectr/request?id={one_id(data, where)}")
    assert page.run("document.querySelectorAll('.moments li').length") >= 4
    assert judged(page, axe) == []


@pytest.mark.parametrize("name", PAGES)
def test_it_asks_nothing_of_the_network_and_complains_of_nothing(page: Page, explorer: str, name: str) -> None:
    page.size(*DESKTOP).open(explorer + PAGES[name])
    assert [url for url in page.asked if not url.startswith((explorer, "data:"))] == []
    assert page.errors == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_it_fits_its_window(page: Page, explorer: str, name: str, width: int) -> None:
    page.size(width, 800).open(explorer + PAGES[name])
    assert page.run("document.documentElement.scrollWidth") <= width


SHIFTED: Final = """new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const each of list.getEntries()) sum += each.value; })
    .observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
})"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_moves_while_it_loads(page: Page, explorer: str, name: str, size: tuple[int, int]) -> None:
    page.size(*size).open(explorer + PAGES[name])
    assert page.run(SHIFTED) == 0


def test_times_are_the_viewers(page: Page, explorer: str) -> None:
    page.size(*DESKTOP).zone("Asia/Tokyo")
    try:
        page.open(explorer)
        page.until("document.documentElement.dataset.zone === 'Asia/Tokyo'")
        assert "Times are in Asia/Tokyo" in page.run("document.querySelector('footer').textContent")
    finally:
        page.zone("UTC").open(explorer)
        page.until("document.documentElement.dataset.zone === 'UTC'")


@pytest.mark.parametrize("name", ["overview", "explore", "how sure"])
def test_the_keyboard_reaches_everything(page: Page, explorer: str, name: str) -> None:
    page.size(*DESKTOP).open(explorer + PAGES[name])
    page.key("Tab", 9)
    assert page.run("document.activeElement.className") == "skip"
    first = page.run("[...document.querySelectorAll('*')].indexOf(document.activeElement)")
    reached, last = set(), first
    for _ in range(400):
        page.key("Tab", 9)
        place = page.run("[...document.querySelectorAll('*')].indexOf(document.activeElement)")
        # A field for a date takes the key some times over.
        if place in reached and place != last:
            break
        reached.add(place)
        last = place
    wanted = page.run(
        """JSON.stringify([...document.querySelectorAll('a[href], summary, [tabindex="0"]')]
        .filter((each) => each.tabIndex >= 0 && each.checkVisibility({ contentVisibilityAuto: true }))
        .map((each) => [...document.querySelectorAll('*')].indexOf(each)))"""
    )
    assert len(reached) > 50
    assert set(json.loads(wanted)) - reached <= {first}


def test_a_chart_is_read_step_by_step_with_the_keyboard(page: Page, explorer: str) -> None:
    page.size(*DESKTOP).open(explorer + PAGES["explore"])
    page.run("document.querySelector('.steps').focus({ focusVisible: true })")
    page.key("ArrowLeft", 37)
    said = page.run("document.querySelector('.tip').textContent")
    assert page.run("document.activeElement.getAttribute('aria-valuetext')") == said.replace("\n", ", ")
    assert page.run("document.activeElement.getAttribute('role')") == "slider"
    page.key("Home", 36)
    assert page.run("document.activeElement.getAttribute('aria-valuenow')") == "0"
    page.key("Enter", 13)
    page.until("location.search.includes('since=')")
    page.run("history.back()")
    page.until("location.search.includes('period=7d')")


def test_without_scripts_it_is_all_there(page: Page, explorer: str) -> None:
    page.scripts(run=False)
    try:
        page.size(*DESKTOP).open(explorer + PAGES["overview of today"])
        assert "reload" in page.run("document.querySelector('[data-status]').textContent")
        assert "Newest requests" in page.run("document.body.textContent")
        assert page.run("document.querySelectorAll('.plot svg').length") >= 1
        for path in PAGES.values():
            page.open(explorer + path)
            assert "Times are in" in page.run("document.querySelector('footer').textContent")
            assert page.run("document.querySelector('main').innerText.length") > 200
    finally:
        page.scripts(run=True)


def test_where_news_do_not_come_it_says_to_reload(page: Page, explorer: str) -> None:
    page.block("*/-/lectr/live*")
    try:
        page.size(*DESKTOP).open(explorer + PAGES["overview of today"])
        page.until("document.querySelector('[data-status]').textContent.includes('reload')")
        assert "Newest requests" in page.run("document.body.textContent")
    finally:
        page.block()


@pytest.mark.parametrize("name", TABLES)
def test_datasettes_own_pages_ask_nothing_of_the_network_either(page: Page, explorer: str, name: str) -> None:
    page.size(*DESKTOP).open(explorer + TABLES[name])
    assert [url for url in page.asked if not url.startswith((explorer, "data:"))] == []
    assert page.errors == []
    tallest = page.run(
        "Math.max(0, ...[...document.querySelectorAll('table.rows-and-columns td')].map((each) => each.offsetHeight))"
    )
    assert tallest < 60, "a row is a line or two"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_request_shows_up_by_itself(page: Page, explorer: str, data: Path, size: tuple[int, int]) -> None:
    page.size(*size).open(explorer + PAGES["overview of today"])
    page.until("document.querySelector('[data-status]').classList.contains('on')")
    # Shifts count where they can be seen.
    page.run("document.querySelector('[data-newest]').scrollIntoView({ block: 'center' })")
    with closing(sqlite3.connect(data / "lectr.db")) as store, store:
        names = [row[1] for row in store.execute("pragma table_info(requests)")]
        of = {
            "id": "'ffffffff-new'",
            "seq": "seq + 1000000",
            "feature": "'just-now'",
            "model_actual": "'just-now-with-a-name-that-is-longer-than-any-column-is-wide'",
            "started_at": "'2099-01-01T00:00:00.000Z'",
        }
        columns = ", ".join(of.get(name, name) for name in names)
        store.execute(
            f"insert into requests ({', '.join(names)}) select {columns} from requests order by rowid desc limit 1"
        )
    try:
        page.until("document.querySelector('[data-newest]').textContent.includes('just-now')")
        assert page.run(SHIFTED) == 0, "what comes in moves nothing"
    finally:
        with closing(sqlite3.connect(data / "lectr.db")) as store, store:
            store.execute("delete from requests where id = 'ffffffff-new'")
