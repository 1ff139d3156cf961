"""The files that a page tells its reader to write, written down and importable. Called by the tests of such pages."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BLOCK = re.compile(r"^```\w+\n# file: (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@contextmanager
def written(page: Path, folder: Path, modules: tuple[str, ...], patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """All of the page's files in *folder*, with their packages importable; *modules* are forgotten at the end."""
    for name, text in _BLOCK.findall(page.read_text()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    patch.syspath_prepend(str(folder / "src"))
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.startswith(modules)]:
        del sys.modules[name]
