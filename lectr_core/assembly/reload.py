"""What a new version of the settings means for a gateway that runs: what is taken over now, what waits for a restart.

Only decides; the supervisor acts. Also watches the file, so that a half-written one is not read. Called by `supervisor`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from lectr_core.assembly import versions
from lectr_core.assembly.ground import Doors
from lectr_core.assembly.plugins import Plugins
from lectr_core.assembly.settings import Loaded
from lectr_core.errors import OperatorError, UnsettledSettings
from lectr_core.model.settings import AdminSettings

Stamp = tuple[int, int, int] | None


@attrs.frozen
class Change:
    """What follows from a new version."""

    loaded: Loaded
    is_new: bool
    """False: the file says the same as before."""
    restart_cold: bool
    later: tuple[str, ...]
    """Settings that changed and hold from the next start on."""


def weigh(now: Loaded, new: Loaded, plugins: Plugins, doors: Doors) -> Change:
    """Check *new* against what runs. Errors: UnsettledSettings, PluginError, OperatorError: the old version stays."""
    gateway = new.settings.gateway
    faults = []
    if gateway.data != now.settings.gateway.data:
        faults.append("gateway.data: cannot change while the gateway runs; stop it first")
    if gateway.auth == "none" and not doors.is_loopback:
        faults.append("gateway.auth: 'none' is allowed on loopback only, and the gateway listens on other addresses now")
    if faults:
        raise UnsettledSettings(tuple(faults), str(new.file or "settings"))
    versions.build(plugins, new.settings)
    return Change(
        loaded=new,
        is_new=new.settings.version != now.settings.version,
        restart_cold=versions.cold_part(plugins, new.settings) != versions.cold_part(plugins, now.settings),
        later=tuple(_later(now, new)),
    )


def _later(now: Loaded, new: Loaded) -> Iterator[str]:
    for name in ("listen", "workers"):
        if getattr(now.settings.gateway, name) != getattr(new.settings.gateway, name):
            yield f"gateway.{name}"
    if now.settings.section("admin", AdminSettings) != new.settings.section("admin", AdminSettings):
        yield "admin"


@attrs.define
class Watch:
    """The settings file as it was last looked at."""

    find: Callable[[], Path | None]
    """Where it is now: it may appear later."""
    _known: Stamp = attrs.field(init=False)
    _seen: Stamp = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._known = self._seen = self._stamp()

    def changed(self) -> bool:
        """Whether it is another file than at the last change, and has stood still since the last look."""
        now = self._stamp()
        is_still = now == self._seen
        self._seen = now
        if not is_still or now == self._known:
            return False
        self._known = now
        return True

    def noted(self) -> None:
        """The file as it is now is about to be read: no need to say that it changed."""
        self._known = self._seen = self._stamp()

    def _stamp(self) -> Stamp:
        try:
            file = self.find()
            if file is None:
                return None
            status = file.stat()
        except (OSError, OperatorError):
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
