"""Which journal files may go: those that every sink has stored. Called by `way.py`, about once a second.

Without a sink nothing is ever removed, and a sink that has not said how far it is holds everything: better a full disk
that is noticed than a record that is not.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from lectr_core.journal.layout import stream_names
from lectr_core.journal.recovery import free_segments, is_writer_gone, remove_stream
from lectr_core.model.cursor import Cursor

_log = logging.getLogger("lectr.cold")


def free_now(journal: Path, stored: Sequence[Mapping[str, Cursor] | None]) -> None:
    """Remove what all of *stored* have passed; each is one sink's cursors by stream, None where they are not known."""
    known = [cursors for cursors in stored if cursors is not None]
    if not known or len(known) < len(stored):
        return
    for name in stream_names(journal):
        cursors = [sink[name] for sink in known if name in sink]
        if len(cursors) < len(known):
            continue
        try:
            if all(cursor.finished for cursor in cursors) and is_writer_gone(journal / name):
                remove_stream(journal / name)
            else:
                free_segments(journal / name, min(cursor.segment for cursor in cursors))
        except OSError as exc:
            _log.warning("cannot remove journal files of stream %s: %s", name, exc.strerror)
