"""Which journal files may go: those that every sink has stored. Called by `way.py`, about once a second.

Without a sink nothing is ever removed, and a sink that has not said how far it is holds everything: better a full disk
that is noticed than a record that is not.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from lectr_core.journal.finished import Held, note_finished
from lectr_core.journal.layout import stream_names
from lectr_core.journal.recovery import free_segments, is_writer_gone, remove_stream
from lectr_core.model.cursor import Cursor

_log = logging.getLogger("lectr.cold")


def free_now(journal: Path, stored: Sequence[Mapping[str, Cursor] | None], ids: Sequence[str] = ()) -> None:
    """Remove what all of *stored* have passed; each is one sink's cursors by stream, None where they are not known.

    Shapes: *ids* are the sinks', in the same order; what each had of a stream that goes is noted under its id.
    """
    known = [cursors for cursors in stored if cursors is not None]
    if not known or len(known) < len(stored):
        return
    for name in stream_names(journal):
        cursors = [sink[name] for sink in known if name in sink]
        if len(cursors) < len(known):
            continue
        try:
            if all(cursor.finished for cursor in cursors) and is_writer_gone(journal / name):
                _note(journal, name, dict(zip(ids, cursors, strict=False)))
                remove_stream(journal / name)
            else:
                free_segments(journal / name, min(cursor.segment for cursor in cursors))
        except OSError as exc:
            _log.warning("cannot remove journal files of stream %s: %s", name, exc.strerror)


def _note(journal: Path, name: str, cursors: Mapping[str, Cursor]) -> None:
    """A note that cannot be written (a full disk) must not keep files that would make room."""
    try:
        note_finished(journal, name, {one: Held(at.highest, at.stored, at.lost) for one, at in cursors.items()})
    except OSError as exc:
        _log.warning("cannot note that stream %s is stored: %s", name, exc.strerror)
