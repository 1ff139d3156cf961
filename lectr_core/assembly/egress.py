"""From `[provider.ID]` to the way in which that provider is reached, and what is wrong with it.

Opens no connection and starts nothing. Called by `sections` (what a table alone shows), `versions` (what its files show),
the workers and the doctor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from lectr_core.errors import OperatorError, UnsettledSettings
from lectr_core.hot.trust import make_context
from lectr_core.model.egress import Egress
from lectr_core.model.settings import ProviderSettings, Settings
from lectr_core.ports import Provider


def table_faults(path: str, section: ProviderSettings) -> Iterator[str]:
    """What is wrong with a provider's table by itself. No file is looked at."""
    if section.client_key is not None and section.client_certificate is None:
        yield f"{path}.client_certificate: needed where {path}.client_key is set"


def egress_of(settings: Settings, providers: Iterable[Provider]) -> Mapping[str, Egress]:
    """How each provider is reached, by its id."""
    return {provider.id: _egress(provider, settings) for provider in providers}


def check_files(ways: Mapping[str, Egress]) -> None:
    """Look into the files that the ways name. Errors: UnsettledSettings with every fault. Waits: for the disk."""
    faults = []
    for name, egress in ways.items():
        if egress.ca_file is None and egress.client_certificate is None:
            continue
        try:
            make_context(name, egress)
        except OperatorError as exc:
            faults.append(str(exc))
    if faults:
        raise UnsettledSettings(tuple(sorted(faults)), "settings")


def _egress(provider: Provider, settings: Settings) -> Egress:
    section = settings.sections.get(f"provider.{provider.id}")
    way = Egress(ca_file=provider.ca_file)
    if not isinstance(section, ProviderSettings):
        return way
    return attrs.evolve(way, client_certificate=section.client_certificate, client_key=section.client_key)
