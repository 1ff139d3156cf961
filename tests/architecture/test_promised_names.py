"""What `lectr_core` promises to plugin authors stands in three places, and they say the same."""

from __future__ import annotations

import ast

import lectr_core
from tests.architecture.source import CORE, tree_of

TREE = tree_of(CORE / "__init__.py")


def _for_type_checkers() -> dict[str, str]:
    """Each name that is imported under `if TYPE_CHECKING`, with its room."""
    found: dict[str, str] = {}
    for node in TREE.body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for imported in node.body:
                assert isinstance(imported, ast.ImportFrom)
                found |= {alias.name: str(imported.module) for alias in imported.names}
    return found


def test_a_promised_name_is_known_to_type_checkers_and_found_at_run_time() -> None:
    assert sorted(_for_type_checkers()) == sorted(lectr_core.__all__)
    assert _for_type_checkers() == lectr_core._ROOM_OF


def test_every_promised_name_can_be_imported() -> None:
    assert [name for name in lectr_core.__all__ if getattr(lectr_core, name, None) is None] == []
    assert set(lectr_core.__all__) <= set(dir(lectr_core))


def test_a_name_that_is_not_promised_is_not_there() -> None:
    assert not hasattr(lectr_core, "Sincc")
