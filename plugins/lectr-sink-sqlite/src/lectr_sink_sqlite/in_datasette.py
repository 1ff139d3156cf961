"""What is plugged into Datasette: the SQL functions of the histograms, on every connection. Called by Datasette."""

from __future__ import annotations

import sqlite3

import pluggy

hookimpl = pluggy.HookimplMarker("datasette")


@hookimpl
def prepare_connection(conn: sqlite3.Connection) -> None:
    """Add `histogram_sum`, `histogram_percentile` and the others."""
    from lectr_sink_sqlite import histogram

    histogram.register(conn)
