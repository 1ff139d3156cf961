"""Files of the data directory that are replaced whole: a reader, or a crash, finds the old one or the new one, never half.

What processes tell each other beside the journal itself: keys, settings, health, what was learnt, the catalog of prices.
Knows nothing of what the files mean. Called by cold, assembly and, as a promised name, by plugins.
"""

from __future__ import annotations

import os
from pathlib import Path

from lectr_core.journal.layout import DIRECTORY_MODE, FILE_MODE


def make_directory(path: Path) -> None:
    """Make *path*, readable by its owner alone; one that exists keeps its mode. Errors: OSError."""
    path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Put *content* at *path* in one step, readable by its owner alone. Errors: OSError; the old file is then still there.

    durable: also survive a loss of power, which costs a wait for the disk.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    if durable:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
