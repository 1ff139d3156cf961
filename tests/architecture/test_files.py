"""What a file may look like: how long, how named, how opened, and what must not stand in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import (
    CORE,
    PLUGINS,
    ROOT,
    comments_of,
    holds_word,
    listed,
    name_of,
    provider_words,
    python_files,
    text_of,
    tree_of,
)

MAX_LINES: Final = 400
VAGUE_NAMES: Final = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
FILES: Final = python_files()
CORE_FILES: Final = python_files(CORE)

# `click.echo` is the click library's name for printing, not the provider.
NOT_A_PROVIDER: Final = re.compile(r"\bclick\.echo\b|Example: plugins/[\w-]+\.$")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_short_well_named_and_says_what_it_is(path: Path) -> None:
    lines = text_of(path).count("\n")
    assert lines <= MAX_LINES, f"{lines} lines; the limit is {MAX_LINES}: it answers more than one question"
    assert path.stem not in VAGUE_NAMES, "a name that says nothing: name the question it answers"
    assert ast.get_docstring(tree_of(path)), "no docstring that says what lives here"


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_the_core_knows_no_provider_by_name(path: Path) -> None:
    words = provider_words()
    assert words, "no provider plugin found: the test would forbid nothing"
    faults = []
    for number, line in enumerate(text_of(path).splitlines(), start=1):
        plain = NOT_A_PROVIDER.sub("", line)
        faults += [f"{name_of(path)}:{number}: {word}" for word in words if holds_word(plain, word)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("OpenAI", True),
        ("an openai-like path", True),
        ("OpenAIReader", True),
        ("read_openai_usage", True),
        ("MyOpenAI", True),
        ("reopenai", False),
        ("openair", False),
    ],
)
def test_a_word_is_found_in_any_spelling(text: str, found: bool) -> None:
    assert bool(holds_word(text, "openai")) is found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_any_and_ignored_types_say_why_on_their_line(path: Path) -> None:
    reasons = {comment.line: comment.text for comment in comments_of(path)}
    faults = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Name) and node.id == "Any" and not _reason(reasons.get(node.lineno, "")):
            faults.append(f"{name_of(path)}:{node.lineno}: Any without a reason")
    for line, text in reasons.items():
        if text.startswith("type: ignore") and not (_reason(text) and re.match(r"type: ignore\[[\w, -]+\]", text)):
            faults.append(f"{name_of(path)}:{line}: type: ignore without a code or a reason")
    assert not faults, "\n".join(faults)


def _reason(comment: str) -> bool:
    """Whether a comment says more than an instruction to a tool."""
    return bool(
        re.search(r"[a-z]{2}", re.sub(r"(type: ignore|noqa)(\[[^]]*\]|: *[A-Z0-9, ]+)?|pragma: no cover", "", comment))
    )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_there_is_no_plan_in_a_comment(path: Path) -> None:
    plans = [
        f"{name_of(path)}:{found.line}" for found in comments_of(path) if re.match(r"(TODO|FIXME|XXX|HACK)\b", found.text)
    ]
    assert not plans, plans


# A home directory, a temporary build place or a registry's host has no meaning on the reader's machine.
MACHINE: Final = re.compile(
    r"(?<![\w.])/(?:home|root|Users|work|workspace|builds)/[\w.-]"
    r"|(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|deb\.debian\.org|registry\.yarnpkg|proxy\.golang)",
    re.IGNORECASE,
)
# The scheme of a file written here is the pattern itself.
SELF: Final = Path(__file__).resolve()


def test_no_file_names_a_machine_or_a_registry() -> None:
    faults = []
    for path in listed():
        if path == SELF:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        faults += [
            f"{name_of(path)}:{n}: {line.strip()[:80]}"
            for n, line in enumerate(text.splitlines(), 1)
            if MACHINE.search(line)
        ]
    assert not faults, "\n".join(faults)


def test_the_tree_is_laid_out_as_the_architecture_says() -> None:
    assert not list(ROOT.glob("*.py")), "no loose module at the top"
    assert not [name_of(path) for path in listed() if path.name == "__init__.py" and "tests" in path.parts], (
        "tests are no package"
    )
    assert not [name_of(path) for path in python_files(PLUGINS) if path.parts[-2] not in {"tests"} and not _in_src(path)]


def _in_src(path: Path) -> bool:
    inside = path.relative_to(PLUGINS).parts
    return len(inside) > 2 and inside[1] in {"src", "tests", "bench", "docs"}
