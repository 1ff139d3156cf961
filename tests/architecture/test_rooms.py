"""Who may import whom: the table of rooms, line by line.

The table here is the rule; docs/explanation says why. A new room needs a line here, or every file in it fails.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import attrs
import pytest

from tests.architecture.source import CORE, Import, imports_of, module_of, name_of, python_files


# What makes code depend on when and where it runs. A room uses only what its line allows.
@attrs.frozen
class Room:
    """What the files of one room may import."""

    ours: frozenset[str]
    """Rooms, or single modules of rooms, under `lectr_core`."""
    outside: frozenset[str] = frozenset()
    """Packages from elsewhere."""
    impure: frozenset[str] = frozenset()
    """Modules of the standard library beyond the pure ones."""
    any_impure: bool = False
    """Whether every module of the standard library is fine."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What makes code depend on when and where it runs. A room uses only what its line allows.
IMPURE: Final = _set(
    """
    asyncio concurrent ctypes fcntl ftplib getpass http imaplib io mmap multiprocessing os pickle poplib pty queue random
    sched secrets select selectors shelve shutil signal smtplib socket socketserver sqlite3 ssl subprocess syslog tempfile
    termios threading time tkinter urllib uuid webbrowser xmlrpc
    """
)


ROOMS: Final = {
    "errors": Room(ours=_set("")),
    "model": Room(ours=_set("errors model"), outside=_set("attrs")),
    "model.codec": Room(ours=_set("errors model"), outside=_set("attrs cattrs msgspec")),
    "wire": Room(ours=_set("model errors wire"), outside=_set("attrs httptools wsproto brotli zstandard msgspec")),
    "dialects": Room(ours=_set("wire ports model errors dialects"), outside=_set("attrs msgspec")),
    "ports": Room(ours=_set("model errors")),
    "hookspecs": Room(ours=_set("ports model"), outside=_set("pluggy")),
    "journal": Room(ours=_set("model errors journal"), outside=_set("attrs"), impure=_set("os io fcntl time secrets uuid")),
    "hot": Room(
        ours=_set("wire journal.writer ports model errors hot"),
        outside=_set("attrs trio"),
        impure=_set("os io time socket ssl select random secrets"),
    ),
    # The one file that speaks HTTP/2; workers load it when a provider does. h2 brings hpack, and takes its values.
    "hot.multiplex": Room(
        ours=_set("wire model errors hot"),
        outside=_set("h2 hpack trio"),
        impure=_set("socket ssl"),
    ),
    "cold": Room(
        ours=_set("journal ports model errors cold"),
        outside=_set("attrs trio"),
        impure=_set("os time"),
    ),
    "define": Room(ours=_set("ports model errors define"), outside=_set("attrs")),
    "assembly": Room(
        ours=_set("errors model wire dialects ports hookspecs journal hot cold define assembly"),
        outside=_set("attrs cattrs trio pluggy click rich httpx"),
        any_impure=True,
    ),
    "testing": Room(
        ours=_set("errors model wire dialects ports hookspecs testing"),
        outside=_set("attrs trio hypothesis pytest httpx"),
        any_impure=True,
    ),
    # The face of the package: what plugin authors import.
    "": Room(
        ours=_set(
            "errors model wire dialects ports hookspecs journal.whole "
            "assembly.accounting assembly.command_line assembly.running assembly.shared"
        )
    ),
}

# Only the type checker follows these, so that starting a worker does not load the command line.
TYPING_ONLY: Final = {"hookspecs": _set("click")}

# Hot and cold meet in the journal's files and nowhere else; each knows its own end of them.
FORBIDDEN: Final = {
    "hot": _set("cold assembly testing define journal.reader"),
    "cold": _set("hot assembly testing define journal.writer"),
}


def room_of(path: Path) -> str:
    """The line of the table that holds for a file."""
    inner = module_of(path).removeprefix("lectr_core").removeprefix(".")
    return inner if inner in ROOMS else inner.partition(".")[0]


def _within(module: str, allowed: frozenset[str]) -> bool:
    """Whether `lectr_core.<module>` is one of *allowed* or lies below one."""
    inner = module.removeprefix("lectr_core").removeprefix(".")
    return any(inner == name or inner.startswith(f"{name}.") for name in allowed)


def _fault(found: Import, room_name: str) -> str | None:
    room = ROOMS[room_name]
    if found.root == "lectr_core":
        if _within(found.module, FORBIDDEN.get(room_name, frozenset())) or not _within(found.module, room.ours):
            return f"{room_name or 'lectr_core'} must not import {found.module}"
        return None
    if found.root in sys.stdlib_module_names:
        # Value types of an impure module are as pure as a string; urllib.parse and http.HTTPStatus are of that kind.
        pure = found.root not in IMPURE or found.module in {"urllib.parse", "collections.abc", "os.path"}
        return (
            None if pure or room.any_impure or found.root in room.impure else f"{room_name} must not import {found.module}"
        )
    extra = TYPING_ONLY.get(room_name, frozenset()) if found.typing_only else frozenset()
    return None if found.root in room.outside | extra else f"{room_name or 'lectr_core'} must not import {found.module}"


@pytest.mark.parametrize("path", python_files(CORE), ids=name_of)
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    room = room_of(path)
    assert room in ROOMS, f"{name_of(path)} lies in a room without a line in the table"
    faults = [f"{name_of(path)}:{found.line}: {fault}" for found in imports_of(path) if (fault := _fault(found, room))]
    assert not faults, "\n".join(faults)


def _reached(start: str) -> set[str]:
    """Rooms of the core that importing *start* loads, one import leading to the next."""
    by_module = {module_of(path): path for path in python_files(CORE)}
    seen: set[str] = set()
    todo = [name for name in by_module if name == start or name.startswith(f"{start}.")]
    while todo:
        name = todo.pop()
        if name in seen or name not in by_module:
            continue
        seen.add(name)
        todo += [
            found.module for found in imports_of(by_module[name]) if found.root == "lectr_core" and not found.typing_only
        ]
    return seen


@pytest.mark.parametrize(("room", "never"), [("hot", "cold"), ("cold", "hot"), ("wire", "journal"), ("dialects", "hot")])
def test_a_room_does_not_reach_another_by_a_detour(room: str, never: str) -> None:
    reached = _reached(f"lectr_core.{room}")
    assert f"lectr_core.{room}" in reached
    assert not {name for name in reached if _within(name, frozenset({never}))}


def test_nothing_in_the_core_imports_the_testing_kit() -> None:
    users = [
        name_of(path)
        for path in python_files(CORE)
        if room_of(path) != "testing"
        and any(_within(found.module, _set("testing")) for found in imports_of(path) if found.root == "lectr_core")
    ]
    assert not users


@pytest.mark.parametrize(
    ("source", "room", "allowed"),
    [
        ("import trio", "wire", False),
        ("import trio", "hot", True),
        ("from lectr_core.cold import way", "hot", False),
        ("from lectr_core.journal import reader", "hot", False),
        ("from lectr_core.journal.writer import Writer", "hot", True),
        ("from lectr_core.journal.writer import Writer", "cold", False),
        ("from lectr_core import Usage", "hot", False),
        ("import msgspec", "model", False),
        ("import msgspec", "model.codec", True),
        ("from urllib.parse import quote", "dialects", True),
        ("import socket", "dialects", False),
        ("import pluggy", "assembly", True),
    ],
)
def test_the_table_says_no_where_it_should(source: str, room: str, allowed: bool, tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(source)
    assert all(_fault(found, room) is None for found in imports_of(path)) is allowed


def test_importing_the_face_loads_nothing_heavy() -> None:
    """Every process and every plugin imports it, a worker included."""
    heavy = {
        "click",
        "rich",
        "httpx",
        "httptools",
        "sqlite3",
        "cattrs",
        "lectr_core.hot",
        "lectr_core.cold",
        "lectr_core.testing",
    }
    code = f"import sys, lectr_core; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.strip()
