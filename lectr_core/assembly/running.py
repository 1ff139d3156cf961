"""A whole gateway run from Python, for plugins that bring one up with settings of their own (a demonstration, a rehearsal).

Only the promised signature and its value live here; the processes are the supervisor's business and are imported when it is
called. Called by plugins' commands through `lectr_core`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from lectr_core.model.settings import Settings
from lectr_core.ports import Companion


@attrs.frozen
class Running:
    """A gateway that accepts connections."""

    base_url: str
    """`http://127.0.0.1:8420` (`https` with a certificate), without a path; of several addresses the first that is TCP."""
    key: str = attrs.field(repr=False)
    """A fresh org key for this run, revoked when it is over."""
    urls: Mapping[str, str]
    """Where companions are found, by id: `explorer`."""
    settings: Settings
    """What it runs with; `settings.gateway.data` is the data directory."""


Ready = Callable[[Running], Awaitable[int | None]]


def run_up(
    document: Mapping[str, Any],  # Any: a settings document, as tomllib would return it
    *,
    data: Path,
    ready: Ready,
    companions: Sequence[Companion] = (),
    explorer: bool = True,
    org: str = "demo",
) -> int:
    """Run a whole gateway (workers, cold side, companions) as `lectr up` does, from a document instead of a file.

    Shapes: *document* is what `lectr.toml` would hold; environment and flags do not touch it, and `gateway.data` is *data*.
        *companions* are started before the workers, beside those that plugins offer; those are left out where *explorer*
        is False. A port 0 in `gateway.listen` takes any free port. *org* owns the key of this run.
        Returns the exit code: *ready*'s, else 0 after a clean stop, 1 where not everything could be stored.
    Waits:  starts an event loop of its own (Trio) and returns when all is over. *ready* runs inside it, beside the
        supervisor, once the gateway accepts connections: what it returns ends the run (open requests are drained,
        everything is stored, then processes stop); None lets it go on until Ctrl-C or SIGTERM.
    Errors: UnsettledSettings where the document is invalid; OperatorError where the port or the directory is in use.
    """
    from lectr_core.assembly.up import run  # heavy: everything that runs processes

    return run(document, data=data, ready=ready, companions=companions, explorer=explorer, org=org)
