"""Which endpoints are offered as providers, out of what is known and what the operator wrote. Called by the hooks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from lectr_core import OperatorError, ProviderSettings, Secret, Settings, upstream_of
from lectr_provider_compatible.endpoints import KNOWN, REMOTE, Endpoint
from lectr_provider_compatible.paths import Place, place_under
from lectr_provider_compatible.provider import BillingProvider, CompatibleProvider
from lectr_provider_compatible.settings import CompatibleSettings

# An id is a path prefix, too: one of these would hide a path that clients use.
_TAKEN: Final = re.compile(r"v\d\w*|api|chat|completions|embeddings|models|responses|messages|files|images|audio|batches")

_NO_KEY: Final = Secret(b"none")
"""Sent to servers that ask for no key, where the client sends none: so that a rule may route to them like to others."""


def providers_of(settings: Settings) -> Sequence[CompatibleProvider]:
    """The endpoints of *settings*. Errors: OperatorError with every fault there is."""
    offered: list[CompatibleProvider] = []
    faults: list[str] = []
    for id, section in _wanted(settings).items():
        try:
            offered.append(_provider(settings, id, section))
        except OperatorError as exc:
            faults.append(str(exc))
    if faults:
        raise OperatorError("; ".join(faults))
    return offered


def _wanted(settings: Settings) -> Mapping[str, CompatibleSettings]:
    """Every endpoint to offer with its settings. A table that is another plugin's leaves its id to that plugin."""
    tables = {
        path.removeprefix("provider."): section
        for path, section in settings.sections.items()
        if path.startswith("provider.") and isinstance(section, ProviderSettings)
    }
    remote = {endpoint.id: CompatibleSettings() for endpoint in REMOTE}
    return {id: section for id, section in (remote | tables).items() if isinstance(section, CompatibleSettings)}


def _of_other_plugins(settings: Settings) -> list[str]:
    tables = {path: section for path, section in settings.sections.items() if path.startswith("provider.")}
    return [path.removeprefix("provider.") for path, of in tables.items() if not isinstance(of, CompatibleSettings)]


def _provider(settings: Settings, id: str, section: CompatibleSettings) -> CompatibleProvider:
    path = f"provider.{id}"
    endpoint = KNOWN.get(id)
    if endpoint is None:
        if section.base_url is None:
            meant = get_close_matches(id, [*KNOWN, *_of_other_plugins(settings)], 1)
            told = f"; did you mean [provider.{meant[0]}]?" if meant else f" (known without it: {', '.join(KNOWN)})"
            raise OperatorError(f"{path}.base_url: required, but missing; no installed plugin knows {id!r}{told}")
        if _TAKEN.fullmatch(id):
            raise OperatorError(f"{path}: this id would hide the paths that begin with /{id}; choose another one")
        endpoint = Endpoint(id=id, host="")
    upstream = upstream_of(settings, path, section, endpoint.host or None)
    host, place = _place(upstream.base_url or "", endpoint)
    keyless = endpoint.local if section.keyless is None else section.keyless
    return (BillingProvider if endpoint.tells_cost else CompatibleProvider)(
        id,
        host,
        place,
        upstream.held or (_NO_KEY if keyless else None),
        families=[*endpoint.models, *(model.removesuffix("*").lower() for model in section.models)],
        key_prefixes=endpoint.keys,
        key_header=section.key_header,
        ca_file=upstream.ca_file,
    )


def _place(base_url: str, endpoint: Endpoint) -> tuple[str, Place]:
    """Host and place of *base_url*: an address without a path has the API where *endpoint* has it."""
    url = urlsplit(base_url)
    path = url.path.rstrip("/")
    own = Place(endpoint.v1, "", endpoint.moved)
    return f"{url.scheme}://{url.netloc}", own if path in ("", endpoint.v1) else place_under(path)
