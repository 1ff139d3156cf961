"""The tutorial's plugin is what the tutorial says: its files are taken from the page and used as they stand there."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lectr_core import Settings
from lectr_core.assembly.plugins import load_plugins
from lectr_core.model.settings import GatewaySettings
from tests.docs.written import written

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-plugin.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The plugin's folder, as a reader of the page would have it, with its package importable."""
    with written(PAGE, tmp_path, ("lectr_policy_thrift",), monkeypatch) as made:
        yield made


def test_every_file_of_the_page_is_there(folder: Path) -> None:
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == [
        "pyproject.toml",
        "src/lectr_policy_thrift/__init__.py",
        "src/lectr_policy_thrift/thrift.py",
        "tests/test_thrift.py",
    ]


def test_the_pages_own_test_passes(folder: Path) -> None:
    scope: dict[str, object] = {}
    exec(compile((folder / "tests/test_thrift.py").read_text(), "test_thrift.py", "exec"), scope)
    test = scope["test_only_greedy_experiments_are_refused"]
    assert callable(test)
    test()


def test_lectr_finds_the_plugin_and_its_settings(folder: Path) -> None:
    plugins = load_plugins([EntryPoint(name="thrift", value="lectr_policy_thrift", group="lectr")])
    assert [section.path for _, section in plugins.sections()] == ["thrift"]
    policies = plugins.policies(Settings(GatewaySettings(), {}, "v1"))
    assert [policy.id for _, policy in policies] == ["thrift"]
