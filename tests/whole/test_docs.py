"""The Python that the pages show runs as it stands there, with the real SDKs, and its requests become rows.

Only what a reader fills in is filled in here: keys, model names, messages and the gateway's port.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from tests.whole.gateway import Gateway, gateway
from tests.whole.upstream import Upstream

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (
    "README.md",
    "docs/tutorial/quickstart.md",
    "docs/tutorial/demo.md",
    *(f"docs/how-to/providers/{name}.md" for name in ("openai", "anthropic", "gemini", "groq", "azure")),
)
ASKED: Final[list[Any]] = [{"role": "user", "content": "hi"}]  # Any: what every SDK takes
FILLED_IN: Final = {
    "sk-ant-…": "sk-ant-canary",
    "AIza…": "AIza-canary",
    "gsk_…": "gsk_canary",
    'api_key="…"': 'api_key="canary"',
    '"claude-…"': '"claude-haiku-4-5"',
    '"gemini-…"': '"gemini-2.5-flash"',
    "[…]": repr(ASKED),
    "(...,": f'(model="gpt-4o-mini", messages={ASKED!r},',
}
ADMITTED: Final = "org = 'acme'"
ENVIRONMENT: Final = {
    "OPENAI_API_KEY": "sk-proj-canary",
    "ANTHROPIC_API_KEY": "sk-ant-canary",
    "GROQ_API_KEY": "gsk_canary",
    "GEMINI_API_KEY": "AIza-canary",
}


def snippets(page: str) -> list[str]:
    """Every block of Python, each standing on those before it where it makes no client itself."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return [block if "import" in block else f"{blocks[0]}\n{block}" for block in blocks]


SNIPPETS: Final = [(page, number, text) for page in PAGES for number, text in enumerate(snippets(page))]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway with an address for Azure, too."""
    azure = f'[provider.azure]\nbase_url = "{upstream.url}"'
    with gateway(tmp_path_factory.mktemp("docs"), upstream.url, held=False, extra=azure) as running:
        yield running


def ask(client: Any) -> None:  # Any: a client of any SDK
    """One small request, in the way of the client's own SDK."""
    if hasattr(client, "chat"):
        client.chat.completions.create(model="gpt-4o-mini", messages=ASKED)
    elif hasattr(client, "messages"):
        client.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=ASKED)
    else:
        client.models.generate_content(model="gemini-2.5-flash", contents="hi")


@pytest.mark.parametrize(("page", "number", "text"), SNIPPETS, ids=[f"{page}-{number}" for page, number, _ in SNIPPETS])
def test_a_pages_python_runs_as_it_stands_there(
    own: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, page: str, number: int, text: str
) -> None:
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    for shown, meant in {"lc_key_…": own.key, "http://127.0.0.1:8420": own.url, **FILLED_IN}.items():
        text = text.replace(shown, meant)
    assert "…" not in text, "the page leaves something open that nobody fills in"
    before, asked = len(own.rows(ADMITTED)), upstream.count()
    scope: dict[str, Any] = {}  # Any: whatever the page's code makes
    exec(compile(text, page, "exec"), scope)
    with closing(scope["client"]) as client:
        ask(client)
    rows = own.stored(before + upstream.count() - asked, ADMITTED)
    assert len(rows) > before
    assert (rows[-1]["status"], rows[-1]["outcome"], rows[-1]["tokens_source"]) == (200, "ok", "reported")


def test_every_page_that_shows_python_is_tried() -> None:
    """Other pages show code that is part of something else and is tried there: a plugin's tests, `test_sdk_realtime.py`."""
    elsewhere = {"docs/tutorial/first-plugin.md", "docs/how-to/write-plugins.md", "docs/how-to/websockets.md"}
    shown = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md") if "```python\n" in path.read_text()}
    assert shown - elsewhere <= set(PAGES)
