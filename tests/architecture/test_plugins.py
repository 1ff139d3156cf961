"""What a plugin may look like: its folder, its metadata, its face, and how deep it may reach into the core."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

import lectr_core
from tests.architecture.source import ROOT, imports_of, name_of, plugin_folders, python_files, text_of, tree_of

FOLDERS: Final = plugin_folders()
MAY_IMPORT: Final = {"lectr_core", "lectr_core.testing"}


def _project(folder: Path) -> dict[str, Any]:  # Any: TOML as it is
    return tomllib.loads(text_of(folder / "pyproject.toml"))


def _face(folder: Path) -> Path:
    """The `__init__.py` that its entry point names."""
    (module,) = _project(folder)["project"]["entry-points"]["lectr"].values()
    return folder / "src" / str(module) / "__init__.py"


def _is_hook(node: ast.stmt) -> bool:
    """Whether it is a function marked `@hookimpl`, plainly or with options."""
    if not isinstance(node, ast.FunctionDef):
        return False
    return any(ast.unparse(mark).partition("(")[0].endswith("hookimpl") for mark in node.decorator_list)


def _is_face_statement(node: ast.stmt) -> bool:
    """A docstring, an import, an import for the type checker alone, or a hook."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, (ast.Import, ast.ImportFrom)) or _is_hook(node)


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_plugin_is_a_distribution_of_its_own(folder: Path) -> None:
    document = _project(folder)
    project = document["project"]
    assert project["name"] == folder.name
    assert project["requires-python"] == ">=3.11"
    assert project["license"] == "MIT"
    assert project["version"] == _project(ROOT)["project"]["version"]
    assert f"lectr=={project['version']}" in project["dependencies"]
    assert "lectr" in project["entry-points"]
    assert _face(folder).is_file()
    assert (_face(folder).parent / "py.typed").is_file()
    assert (folder / "README.md").is_file()
    assert list((folder / "tests").glob("test_*.py")), "its tests travel with it"
    assert "error" in document["tool"]["pytest"]["ini_options"]["filterwarnings"]


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_plugin_reaches_no_deeper_than_the_promised_names(folder: Path) -> None:
    faults = []
    for path in python_files(folder):
        for found in imports_of(path):
            if found.root == "lectr_core" and found.module not in MAY_IMPORT and not _is_promised(found.module):
                faults.append(f"{name_of(path)}:{found.line}: {found.module}")
            elif found.root in {"plugins", "tests"}:
                faults.append(f"{name_of(path)}:{found.line}: {found.module} is not there beside the wheel")
    assert not faults, "\n".join(faults)


def _is_promised(module: str) -> bool:
    """Whether a module is itself a promised name, as `units` is: `from lectr_core import units`."""
    return module.startswith("lectr_core.") and module.removeprefix("lectr_core.") in lectr_core.__all__


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_plugin_knows_no_other_plugin(folder: Path) -> None:
    others = {_face(other).parent.name for other in FOLDERS if other != folder}
    known = {found.root for path in python_files(folder) for found in imports_of(path)} & others
    assert not known


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_plugins_face_holds_its_hooks_and_nothing_else(folder: Path) -> None:
    path = _face(folder)
    body = tree_of(path).body
    strange = [f"{name_of(path)}:{node.lineno}: {ast.unparse(node)[:60]}" for node in body if not _is_face_statement(node)]
    assert not strange, "\n".join(strange)
    assert any(_is_hook(node) for node in body), "no hook: nothing gets plugged in"
    heavy = [
        found.module
        for node in body
        for found in imports_of(path)
        if found.line == node.lineno and not _is_light(found.module, path)
    ]
    assert not heavy, f"imported at start by every process: {heavy}"


def _is_light(module: str, face: Path) -> bool:
    """Whether a face may import it before a hook is called."""
    return module.partition(".")[0] in {"lectr_core", "collections", "typing", "__future__", face.parent.name}


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_every_hook_a_plugin_implements_exists(folder: Path) -> None:
    specs = {name for name in vars(lectr_core.hookspecs) if name.startswith("lectr_")}
    hooks = {node.name for node in tree_of(_face(folder)).body if isinstance(node, ast.FunctionDef)}
    assert hooks <= specs


def test_the_standard_set_and_a_checkout_install_the_same_plugins() -> None:
    standard = {need.partition("==")[0] for need in _project(ROOT)["project"]["optional-dependencies"]["standard"]}
    lines = text_of(ROOT / "requirements-dev.txt").splitlines()
    checkout = {line.removeprefix("-e ./plugins/") for line in lines if line.startswith("-e ./plugins/")}
    assert checkout == {folder.name for folder in FOLDERS}
    assert standard <= checkout
