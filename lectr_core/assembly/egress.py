"""From `[provider.ID]` to the way in which that provider is reached, and what is wrong with it.

The environment's proxies are used where the settings say so and nowhere else: a way must not change because a variable is
set. Opens no connection. Called by `sections` (what a table alone shows), `versions` (what files and environment show), the
workers, the doctor and the greeting.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec

import attrs

from lectr_core.assembly.proxies import (
    DIRECT,
    ENVIRONMENT,
    from_environment,
    is_loopback,
    login_from,
    parse_proxy,
    variables_set,
)
from lectr_core.errors import OperatorError, UnsettledSettings
from lectr_core.hot.trust import make_context
from lectr_core.model.call import Origin
from lectr_core.model.egress import Egress, Proxy
from lectr_core.model.settings import GatewaySettings, ProviderSettings, Settings
from lectr_core.ports import Provider


@attrs.frozen
class Way:
    """How one provider is reached, and who says so."""

    egress: Egress
    because: str = ""
    """The setting or variable that chose; empty where nobody did."""

    def __str__(self) -> str:
        told = f"through {self.egress.proxy}" if self.egress.proxy is not None else "straight"
        if self.egress.http2:
            told += ", HTTP/2 where it is spoken"
        if self.egress.client_certificate is not None:
            told += ", with a client certificate"
        return f"{told} ({self.because})" if self.because else told


def table_faults(path: str, table: ProviderSettings | GatewaySettings) -> Iterator[str]:
    """What is wrong with a table by itself. Neither files nor environment are looked at."""
    if isinstance(table, ProviderSettings) and table.client_key is not None and table.client_certificate is None:
        yield f"{path}.client_certificate: needed where {path}.client_key is set"
    if table.proxy not in (None, DIRECT, ENVIRONMENT):
        try:
            parse_proxy(table.proxy)
        except OperatorError as exc:
            yield f"{path}.proxy: {exc}"
    elif table.proxy_auth_env is not None:
        yield f"{path}.proxy: expected the proxy's address where {path}.proxy_auth_env is set"


def ways_of(settings: Settings, providers: Iterable[Provider]) -> Mapping[str, Way]:
    """How each provider is reached, by its id. Errors: UnsettledSettings with every fault of the environment."""
    ways, faults = {}, []
    for provider in providers:
        try:
            ways[provider.id] = _way(provider, settings)
        except OperatorError as exc:
            faults.append(str(exc))
    if faults:
        raise UnsettledSettings(tuple(sorted(set(faults))), "settings")
    return ways


def egress_of(settings: Settings, providers: Iterable[Provider]) -> Mapping[str, Egress]:
    """The same without reasons. Errors: UnsettledSettings."""
    return {name: way.egress for name, way in ways_of(settings, providers).items()}


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


def told(ways: Mapping[str, Way]) -> Iterator[str]:
    """The ways in words for people, those who go alike together: `a, b: through …`, and last what holds for most."""
    groups: dict[str, list[str]] = {}
    for name, way in sorted(ways.items()):
        groups.setdefault(str(way), []).append(name)
    ranked = sorted(groups.items(), key=lambda group: len(group[1]))
    for text, names in ranked[:-1]:
        yield f"{', '.join(names)}: {text}"
    for text, names in ranked[-1:]:
        whom = ", ".join(names) if len(names) <= 3 else "every provider" if len(ranked) == 1 else "every other provider"
        yield f"{whom}: {text}"


def unused_variables(settings: Settings) -> list[str]:
    """Variables that name a proxy although no setting says anything about proxies: most often a surprise."""
    sections = [value for value in settings.sections.values() if isinstance(value, ProviderSettings)]
    if settings.gateway.proxy is not None or any(section.proxy is not None for section in sections):
        return []
    return variables_set(settings.environ)


def _way(provider: Provider, settings: Settings) -> Way:
    section = settings.sections.get(f"provider.{provider.id}")
    own = section if isinstance(section, ProviderSettings) else ProviderSettings()
    egress = Egress(provider.ca_file, own.client_certificate, own.client_key, http2=own.http2)
    if own.http2 and find_spec("h2") is None:
        where = f"provider.{provider.id}.http2"
        raise OperatorError(f"{where}: needs the package h2, which is not installed: pip install 'lectr[http2]'")
    origin = provider.origin
    if origin is not None and origin.scheme == "http" and own.http2:
        raise OperatorError(f"provider.{provider.id}.http2: expected an https:// address, and {origin} is none")
    if origin is None:
        return Way(egress)
    path, table = (f"provider.{provider.id}", own) if own.proxy is not None else ("gateway", settings.gateway)
    if table.proxy is None:
        return Way(egress)
    if path == "gateway" and table.proxy != DIRECT and is_loopback(origin):
        return Way(egress, "on this machine")
    proxy, because = _proxy(path, table, origin, settings.environ)
    return Way(attrs.evolve(egress, proxy=proxy), because)


def _proxy(
    path: str, table: ProviderSettings | GatewaySettings, origin: Origin, environ: Mapping[str, str]
) -> tuple[Proxy | None, str]:
    assert table.proxy is not None
    if table.proxy == DIRECT:
        return None, f"{path}.proxy"
    if table.proxy == ENVIRONMENT:
        proxy, variable = from_environment(origin, environ)
        return proxy, variable or f"{path}.proxy = 'env', and no variable names one"
    proxy = parse_proxy(table.proxy)
    if table.proxy_auth_env is not None:
        try:
            proxy = attrs.evolve(proxy, login=login_from(table.proxy_auth_env, environ))
        except OperatorError as exc:
            raise OperatorError(f"{path}.proxy_auth_env: {exc}") from None
    return proxy, f"{path}.proxy"
