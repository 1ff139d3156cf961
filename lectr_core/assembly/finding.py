"""One line of what the doctor finds. Made by `examine` and what it calls, printed by the command."""

from __future__ import annotations

from typing import Literal

import attrs

Level = Literal["ok", "warn", "fail", "skip"]


@attrs.frozen
class Finding:
    """One thing looked at."""

    level: Level
    what: str
    text: str
    act: str = ""
    """What to do; empty where nothing is."""
