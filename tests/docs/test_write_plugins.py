"""The plugins of the how-to page are what the page says: written down as they stand there, found by Lectr, and tested."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import attrs
import pytest

from lectr_core import GatewaySettings, Settings
from lectr_core.assembly.plugins import load_plugins
from tests.docs.written import written

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-plugins.md"
MODULES = ("lectr_provider_acme", "lectr_prices_house", "lectr_sink_ledger")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """All of the page's files, with their packages importable."""
    with written(PAGE, tmp_path, MODULES, monkeypatch) as made:
        yield made


@pytest.mark.parametrize("name", ["test_acme", "test_house", "test_ledger"])
def test_the_pages_own_tests_pass(folder: Path, tmp_path: Path, name: str) -> None:
    scope: dict[str, object] = {}
    exec(compile((folder / f"tests/{name}.py").read_text(), f"{name}.py", "exec"), scope)
    (test,) = [found for key, found in scope.items() if key.startswith("test_") and inspect.isfunction(found)]
    test(**({"tmp_path": tmp_path} if "tmp_path" in inspect.signature(test).parameters else {}))


def test_lectr_finds_them_without_a_fault(folder: Path) -> None:
    plugins = load_plugins([EntryPoint(name=module, value=module, group="lectr") for module in MODULES])
    assert not plugins.faults
    own = {section.path: section.schema() for _, section in plugins.sections()}
    assert list(own) == ["provider.acme"]
    settings = Settings(attrs.evolve(GatewaySettings(), data=folder), own, "v1")
    assert [provider.id for _, provider in plugins.providers(settings)] == ["acme"]
    assert [book.id for _, book in plugins.price_books(settings)] == ["house"]
    assert [sink.id for _, sink in plugins.sinks(settings)] == ["ledger"]
    assert not plugins.faults


def test_the_page_forgets_no_file(folder: Path) -> None:
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
    assert files == [
        *("src/lectr_prices_house/__init__.py", "src/lectr_prices_house/house.py", "src/lectr_provider_acme/__init__.py"),
        *("src/lectr_sink_ledger/__init__.py", "src/lectr_sink_ledger/ledger.py"),
        *("tests/test_acme.py", "tests/test_house.py", "tests/test_ledger.py"),
    ]
