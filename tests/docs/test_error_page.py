"""The page's table of errors is what the code can answer: no code is missing there, and none stands there that is gone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PLACES = {"Refusal": (0, 1), "_unauthorized": (None, 0), "ProviderConfigMissing": (None, 1)}
"""Calls that name an error: which argument is its status, and which its code."""


def _in_the_code() -> set[tuple[int, str]]:
    """Status and code of every refusal that is written down in a source file."""
    found = {(400, "provider_config_missing")}  # what a provider's plugin says without a word of its own
    sources = [*(ROOT / "lectr_core").rglob("*.py"), *(ROOT / "plugins").glob("*/src/**/*.py")]
    for path in sources:
        if path.is_relative_to(ROOT / "lectr_core" / "testing"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _PLACES:
                at_status, at_code = _PLACES[node.func.id]
                words = {keyword.arg: keyword.value for keyword in node.keywords}
                code = words.get("code", node.args[at_code] if len(node.args) > at_code else None)
                if not isinstance(code, ast.Constant):
                    continue  # handed on: it is named where it was made
                status = node.args[at_status] if at_status is not None else None
                default = 401 if node.func.id == "_unauthorized" else 400
                found.add((status.value if isinstance(status, ast.Constant) else default, code.value))  # type: ignore[arg-type]  # a test would show
    return found


def _on_the_page() -> set[tuple[int, str]]:
    page = (ROOT / "docs" / "reference" / "interface.md").read_text()
    rows = re.findall(r"^\| (\d{3}) \| ([^|]+) \|", page, re.MULTILINE)
    return {(int(status), code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}


def test_the_errors_of_the_page_are_those_of_the_code() -> None:
    code, page = _in_the_code(), _on_the_page()
    assert len(code) > 10
    assert sorted(code - page) == [], "the code answers with these, and docs/reference/interface.md does not say so"
    assert sorted(page - code) == [], "docs/reference/interface.md promises these, and nothing in the code answers so"
