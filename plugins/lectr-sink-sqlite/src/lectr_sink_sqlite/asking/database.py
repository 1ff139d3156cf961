"""How a command gets at the database: found by the settings, opened for reading only, errors said as the operator's.

Called by the commands of this plugin.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import click

from lectr_core import CommandLine, OperatorError, Settings
from lectr_sink_sqlite import file
from lectr_sink_sqlite.settings import SqliteSettings

_IS_MADE = "SELECT 1 FROM sqlite_master WHERE name = 'usage_daily'"


def path_of(settings: Settings) -> Path:
    """Where the database is, or would be."""
    return settings.section("sink.sqlite", SqliteSettings).path or settings.gateway.data / "lectr.db"


@contextmanager
def opened(line: CommandLine) -> Iterator[sqlite3.Connection]:
    """The database of these settings, for reading. Errors: OperatorError where there is none, or it cannot be read."""
    settings = line.settings()
    path = path_of(settings)
    busy_limit_s = settings.section("sink.sqlite", SqliteSettings).busy_limit_s
    try:
        connection = file.connect_for_reading(path, busy_limit_s)
        if connection is None:
            told = "go where `lectr up` runs, or name its data: lectr --data DIRECTORY COMMAND"
            raise OperatorError(f"there is no database at {path}; {told}")
        with closing(connection):
            if connection.execute(_IS_MADE).fetchone() is None:
                raise OperatorError(f"{path} has no sums by the day: let `lectr up` or `lectr serve` bring it up to date")
            yield connection
    except sqlite3.Error as exc:
        raise _fault("read", path, exc) from exc


@contextmanager
def changing(line: CommandLine) -> Iterator[sqlite3.Connection]:
    """The same database, to be changed beside a gateway at work. It must be up to date. Errors: OperatorError."""
    from sqlite_utils import Database  # a quarter of a second that commands which only read need not pay

    from lectr_sink_sqlite.schema import refuse_newer

    settings = line.settings()
    path = path_of(settings)
    try:
        with closing(file.connect(path, settings.section("sink.sqlite", SqliteSettings).busy_limit_s)) as connection:
            refuse_newer(Database(connection, execute_plugins=False))
            yield connection
    except sqlite3.Error as exc:
        raise _fault("change", path, exc) from exc


def _fault(verb: str, path: Path, exc: sqlite3.Error) -> OperatorError:
    if any(words in str(exc) for words in ("no such column", "no such table", "has no column named")):
        told = "let `lectr up` or `lectr serve` bring it up to date"
        return OperatorError(f"{path} was made by an older Lectr ({exc}): {told}")
    return OperatorError(f"cannot {verb} {path}: {exc}")


def where_of(conditions: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """`column=value` pairs, each column known. Errors: click.UsageError."""
    found: dict[str, str] = {}
    for condition in conditions:
        name, sign, value = condition.partition("=")
        if not sign or name.strip() not in columns:
            raise click.UsageError(f"--where: expected COLUMN=VALUE with one of {', '.join(columns)}, got {condition!r}")
        if found.setdefault(name.strip(), value.strip()) != value.strip():
            raise click.UsageError(f"--where: {name.strip()} cannot be two things at once; ask for one after the other")
    return found
