"""The stand-in as a process beside the gateway. Says how to start it; the supervisor does the starting."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from lectr_provider_echo.settings import EchoSettings


class EchoCompanion:
    """Satisfies `ports.Companion`."""

    id = "echo"

    def __init__(self, settings: EchoSettings) -> None:
        self._settings = settings

    def command(self) -> Sequence[str]:
        """See `ports.Companion`."""
        chosen = self._settings
        manner = ("--speed", str(chosen.speed), "--seed", str(chosen.seed), "--errors", str(chosen.errors))
        return (sys.executable, "-m", "lectr_provider_echo.server", "--listen", chosen.listen, *manner)

    def environ(self) -> Mapping[str, str]:
        """See `ports.Companion`: nothing."""
        return {}

    def url(self) -> str:
        """See `ports.Companion`."""
        return self._settings.address
