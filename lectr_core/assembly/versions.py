"""Versions of the configuration: kept on disk, and built into what decides.

`<data>/config/<version>.toml` holds each version that was ever in force. The supervisor keeps them, workers and the cold
process read them, so all speak of the same document. Called by the processes at start and at each reload.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lectr_core.assembly.certificate import make_context
from lectr_core.assembly.egress import check_files, egress_of
from lectr_core.assembly.plugins import Plugins
from lectr_core.assembly.settings import Loaded, declared, read_kept
from lectr_core.errors import OperatorError, UnsettledSettings
from lectr_core.journal.whole import make_directory, replace_file
from lectr_core.model.settings import Settings
from lectr_core.ports import Policy, Provider

_log = logging.getLogger("lectr.supervisor")

FOLDER = "config"


def keep(data: Path, loaded: Loaded) -> Path:
    """Keep a version; one that is kept already is left as it is. Errors: OperatorError."""
    path = data / FOLDER / f"{loaded.settings.version}.toml"
    try:
        make_directory(path.parent)
        if not path.exists():
            replace_file(path, loaded.text.encode())
    except OSError as exc:
        raise OperatorError(f"cannot keep the configuration in {str(path.parent)!r}: {exc.strerror}") from exc
    return path


def keep_again(data: Path, loaded: Loaded) -> None:
    """Keep what was kept already: somebody may have removed the data directory since. What fails is logged."""
    try:
        keep(data, loaded)
    except OperatorError as exc:
        _log.warning("%s", exc)


def recall(data: Path, version: str, plugins: Plugins) -> Settings:
    """The settings of a kept version. Errors: OperatorError where it is not there or no longer valid."""
    return read_kept(data / FOLDER / f"{version}.toml", declared(plugins), os.environ).settings


def build(
    plugins: Plugins, settings: Settings, *, with_files: bool = True
) -> tuple[dict[str, Provider], tuple[Policy, ...]]:
    """The providers and policies of a version.

    *with_files*: look into the certificates that providers' tables name as well. A worker does without: while it is up, one
    provider's files must not keep it from serving the others.
    Errors: PluginError; UnsettledSettings; OperatorError from a plugin.
    """
    faults: list[OperatorError] = []
    with _gathered(faults):
        make_context(settings.gateway)  # workers make their own; here it is seen whether they can
    providers: dict[str, Provider] = {}
    with _gathered(faults):
        providers = {provider.id: provider for _, provider in plugins.providers(settings)}
        with _gathered(faults):
            _check_default(settings, providers)
        if with_files:
            check_files(egress_of(settings, providers.values()))
    policies: tuple[Policy, ...] = ()
    with _gathered(faults):
        policies = tuple(policy for _, policy in plugins.policies(settings))
    if len(faults) == 1:
        raise faults[0]
    if faults:
        told = [exc.faults if isinstance(exc, UnsettledSettings) else (str(exc),) for exc in faults]
        raise UnsettledSettings(tuple(fault for some in told for fault in some), "settings")
    return providers, policies


@contextmanager
def _gathered(faults: list[OperatorError]) -> Iterator[None]:
    """Go on after a fault, so that all of them can be told at once."""
    try:
        yield
    except OperatorError as exc:
        faults.append(exc)


def _check_default(settings: Settings, providers: Mapping[str, Provider]) -> None:
    wanted = settings.gateway.default_provider
    if wanted is not None and wanted not in providers:
        known = ", ".join(sorted(providers)) or "none"
        fault = f"gateway.default_provider: expected an installed provider ({known}), got {wanted!r}"
        raise UnsettledSettings((fault,), "settings")


def cold_part(plugins: Plugins, settings: Settings) -> object:
    """All that the cold process depends on: equal for two versions where it need not be started again."""
    cold = {plugin.distribution for plugin in plugins.found if {"lectr_sinks", "lectr_price_books"} & set(plugin.hooks)}
    paths = ["money", *(section.path for owner, section in plugins.sections() if owner in cold)]
    return {path: settings.sections.get(path) for path in paths}, settings.gateway.data
