"""The explorer as a process: its command line (without any secret) and its environment. Starts nothing itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lectr_core import MoneySettings, Settings
from lectr_datasette.money import environ_of
from lectr_datasette.settings import ExplorerSettings

DATABASE = "lectr.db"


def database_of(settings: Settings) -> Path:
    """The file the SQLite sink stores to: its own setting, or `lectr.db` in the data directory."""
    chosen = getattr(settings.sections.get("sink.sqlite"), "path", None)
    return chosen if isinstance(chosen, Path) else settings.gateway.data / DATABASE


class Explorer:
    """Satisfies `ports.Companion`."""

    id = "explorer"

    def __init__(self, settings: ExplorerSettings, database: Path, money: MoneySettings | None = None) -> None:
        self._settings = settings
        self._database = database
        self._money = money or MoneySettings()

    def command(self) -> Sequence[str]:
        """See `ports.Companion`. The password stays in the environment; only the variable's name is here."""
        words = [sys.executable, "-m", "lectr_datasette.serve", str(self._database.absolute())]
        words += ["--listen", self._settings.listen]
        if self._settings.password_env is not None:
            words += ["--password-env", self._settings.password_env]
        for host in self._settings.hosts:
            words += ["--host-name", host]
        return words

    def environ(self) -> Mapping[str, str]:
        """See `ports.Companion`: currencies and what is paid for by the hour, where the settings say any."""
        return environ_of(self._money)

    def url(self) -> str:
        """See `ports.Companion`."""
        return self._settings.url()
