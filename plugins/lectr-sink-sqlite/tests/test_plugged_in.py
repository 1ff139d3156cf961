"""What the plugin's hooks give, and that looking at them imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lectr_sink_sqlite
from lectr_sink_sqlite.settings import SqliteSettings
from lectr_sink_sqlite.sink import SqliteSink

from lectr_core import GatewaySettings, Settings
from lectr_core.testing import check_sink


def settings_with(mine: SqliteSettings | None) -> Settings:
    return Settings(GatewaySettings(data=Path("d")), {} if mine is None else {"sink.sqlite": mine}, "abc")


def test_the_file_stands_in_the_data_directory_unless_told_otherwise() -> None:
    (sink,) = lectr_sink_sqlite.lectr_sinks(settings_with(None))
    assert isinstance(sink, SqliteSink)
    assert sink.path == Path("d/lectr.db")
    (sink,) = lectr_sink_sqlite.lectr_sinks(settings_with(SqliteSettings(path=Path("e.db"))))
    assert isinstance(sink, SqliteSink)
    assert sink.path == Path("e.db")


def test_it_can_be_switched_off() -> None:
    assert list(lectr_sink_sqlite.lectr_sinks(settings_with(SqliteSettings(enabled=False)))) == []


async def test_the_sink_keeps_what_every_sink_promises(tmp_path: Path) -> None:
    await check_sink(lambda: SqliteSink(tmp_path / "lectr.db", SqliteSettings()))


def test_the_section_is_declared() -> None:
    (section,) = lectr_sink_sqlite.lectr_settings()
    assert (section.path, section.schema) == ("sink.sqlite", SqliteSettings)


def test_a_worker_that_looks_at_the_hooks_imports_no_sqlite() -> None:
    look = "import lectr_sink_sqlite as p, sys; p.lectr_settings(); sys.exit('sqlite_utils' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
