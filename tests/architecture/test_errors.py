"""Where an exception of any kind may be caught: at the two supervisors, and around calls into plugins. Nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import CORE, PLUGINS, ROOT, name_of, python_files, tree_of

BROAD: Final = {"Exception", "BaseException", "BaseExceptionGroup", "ExceptionGroup"}

# Each with its reason. A file here may catch what it does not know; the handler must still do something with it.
MAY_CATCH_ALL: Final[dict[str, str]] = {
    "lectr_core/assembly/cli/run.py": "asks providers what to paste: one that fails is named, and the gateway runs",
    "lectr_core/assembly/money.py": "asks price books: one that fails is a finding, and the doctor goes on",
    "lectr_core/assembly/plugins.py": "calls hooks: a plugin's fault is reported under the plugin's name",
    "lectr_core/hot/guard.py": "asks plugins: what one raises is counted and named, and the request goes on",
    "lectr_core/hot/accept.py": "a supervisor: one connection's fault must not end the others",
    "lectr_core/cold/prices.py": "calls price books: one that fails is counted and named, and the next is asked",
    "lectr_core/cold/verify.py": "asks sinks what they hold: one that is down must not hide what the others prove",
    "lectr_core/cold/way.py": "a supervisor: one sink's fault must not end the others",
}


def _handlers(path: Path) -> list[ast.ExceptHandler]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ExceptHandler)]


def _names(handler: ast.ExceptHandler) -> set[str]:
    """The classes a handler names; a bare `except` names them all."""
    if handler.type is None:
        return {"BaseException"}
    parts = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {part.id if isinstance(part, ast.Name) else ast.unparse(part).rpartition(".")[2] for part in parts}


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Whether it catches what its author did not know of. Catching to clean up and raise again is not that."""
    if not _names(handler) & BROAD:
        return False
    last = handler.body[-1]
    return not (isinstance(last, ast.Raise) and last.exc is None)


@pytest.mark.parametrize("path", python_files(CORE, PLUGINS), ids=name_of)
def test_only_supervisors_and_guards_around_plugins_catch_everything(path: Path) -> None:
    if name_of(path) in MAY_CATCH_ALL or "tests" in path.relative_to(ROOT).parts:
        return
    faults = [
        f"{name_of(path)}:{found.lineno}: catches {sorted(_names(found))}" for found in _handlers(path) if is_broad(found)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("path", python_files(CORE, PLUGINS), ids=name_of)
def test_no_broad_handler_drops_its_error_in_silence(path: Path) -> None:
    silent = [
        f"{name_of(path)}:{found.lineno}"
        for found in _handlers(path)
        if is_broad(found) and all(isinstance(node, (ast.Pass, ast.Continue)) for node in found.body)
    ]
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("name", sorted(MAY_CATCH_ALL))
def test_the_list_of_guards_names_only_files_that_guard(name: str) -> None:
    path = ROOT / name
    assert path.is_file(), f"{name} is gone: take it off the list"
    assert any(is_broad(found) for found in _handlers(path)), f"{name} catches nothing broad: take it off the list"
