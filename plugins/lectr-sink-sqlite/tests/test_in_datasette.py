"""What a Datasette of anybody's finds when this plugin is installed beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.metadata import entry_points

from lectr_sink_sqlite import in_datasette


def test_datasette_finds_the_functions_and_gets_them_on_its_connections() -> None:
    (point,) = entry_points(group="datasette", name="lectr-histograms")
    assert point.load() is in_datasette
    with closing(sqlite3.connect(":memory:")) as connection:
        in_datasette.prepare_connection(connection)
        assert connection.execute("SELECT histogram_percentile('[300, 1]', 0.5) > 0").fetchone() == (1,)
