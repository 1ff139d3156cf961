"""The repository read as text and as syntax trees: what the architecture tests look at.

No test lives here, and nothing is imported or run: a file that is broken must still be looked at.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import attrs

ROOT: Final = Path(__file__).resolve().parents[2]
CORE: Final = ROOT / "lectr_core"
PLUGINS: Final = ROOT / "plugins"
PROVIDER_PREFIX: Final = "lectr-provider-"

_NOT_OURS: Final = {"node_modules", ".venv", ".tox", "build", "dist", "__pycache__", ".git"}
_WORD_START: Final = re.compile(r"[A-Za-z]")


@attrs.frozen
class Import:
    """One imported module, as written."""

    module: str
    """`lectr_core.model.call`; of `from a.b import c`, `a.b.c` where that is a module of ours, else `a.b`."""
    line: int
    typing_only: bool
    """Whether it stands under `if TYPE_CHECKING`."""

    @property
    def root(self) -> str:
        """The top-level package."""
        return self.module.partition(".")[0]


@attrs.frozen
class Comment:
    """One comment, without the `#` and the space after it."""

    line: int
    text: str


def listed() -> list[Path]:
    """Every file of the repository that is committed or could be, in order."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode == 0:
        found = [ROOT / name.decode() for name in done.stdout.split(b"\0") if name]
    else:  # a source archive has no history to ask
        found = [path for path in ROOT.rglob("*") if not _NOT_OURS & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if path.is_file())


def python_files(*below: Path) -> list[Path]:
    """The Python files under any of *below*, or in the whole repository."""
    return [
        path for path in listed() if path.suffix == ".py" and (not below or any(path.is_relative_to(at) for at in below))
    ]


def plugin_folders() -> list[Path]:
    """One folder a distribution."""
    return sorted(path.parent for path in PLUGINS.glob("*/pyproject.toml"))


def provider_words() -> list[str]:
    """The names that the core must not know: those of the provider plugins."""
    return sorted(path.name.removeprefix(PROVIDER_PREFIX) for path in PLUGINS.glob(f"{PROVIDER_PREFIX}*") if path.is_dir())


def name_of(path: Path) -> str:
    """A path as it is shown in a failure: relative to the repository."""
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    """`lectr_core/model/call.py` as `lectr_core.model.call`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path), filename=str(path))


@cache
def comments_of(path: Path) -> tuple[Comment, ...]:
    """Every comment of a Python file, those behind code included."""
    tokens = tokenize.generate_tokens(io.StringIO(text_of(path)).readline)
    return tuple(Comment(token.start[0], token.string[1:].strip()) for token in tokens if token.type == tokenize.COMMENT)


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a file, wherever in it, written out in full."""
    yield from _imports(tree_of(path), path, typing_only=False)


def _imports(node: ast.AST, path: Path, *, typing_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, typing_only)
        elif isinstance(child, ast.ImportFrom):
            base = _absolute(child, path)
            for alias in child.names:
                whole = f"{base}.{alias.name}"
                yield Import(whole if _is_module(whole) else base, child.lineno, typing_only)
        else:
            guarded = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            yield from _imports(child, path, typing_only=typing_only or guarded)


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    """The module that `from … import` names, dots resolved."""
    if not node.level:
        return node.module or ""
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *([node.module] if node.module else [])])


def _is_module(name: str) -> bool:
    at = ROOT.joinpath(*name.split("."))
    return at.with_suffix(".py").is_file() or (at.is_dir() and any(at.glob("*.py")))


def holds_word(text: str, word: str) -> list[int]:
    """Offsets at which *word* stands as a word of its own, in any case; `_`, digits and a camel's hump part words."""
    found = []
    for match in re.finditer(re.escape(word), text, re.IGNORECASE):
        start, end = match.span()
        first, last = text[start], text[end - 1]
        before = text[start - 1] if start else " "
        after = text[end] if end < len(text) else " "
        opens = not _WORD_START.match(before) or (before.islower() and first.isupper())
        shuts = not _WORD_START.match(after) or after.isupper()
        if opens and shuts and not (last.isupper() and after.isupper() and first.islower()):
            found.append(start)
    return found
