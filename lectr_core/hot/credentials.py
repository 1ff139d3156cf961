"""Whose credential goes to which provider, in which form. Called by `forward.py`; pure.

A Lectr key never goes on. A client's own credential goes to the provider it was sent for and to no other; where a route
leads elsewhere, or the client sent none, the operator's held credential takes its place.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from lectr_core.errors import PluginError
from lectr_core.hot.exchange import Exchange
from lectr_core.hot.guard import Faults
from lectr_core.hot.upgrade import SUB_PROTOCOLS
from lectr_core.model.call import Call
from lectr_core.model.secret import CREDENTIAL_FIELDS, QUERY_KEY, Credential
from lectr_core.ports import Provider

_QUERY_NAMES: Final = ("key=", "api-key=")
_Line = tuple[str, bytes]

# A held credential with an end of line in it, or a name with a blank, would become another field.
_LINE: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\x00-\x08\x0a-\x1f\x7f]*\Z")


def substitutions(
    exchange: Exchange, call: Call, provider: Provider, faults: Faults
) -> tuple[dict[bytes, bytes | None], list[bytes]]:
    """Which credential lines of the request are replaced, and which are added.

    Shapes: (replace, add) as `forwarding.request_lines` takes them. QUERY_KEY in *replace*: the query's stays here too.
    Errors: PluginError where a plugin's line is none; whatever else the provider's plugin raises.
    """
    replace: dict[bytes, bytes | None] = dict.fromkeys(exchange.own_key_fields)
    routed = provider is not exchange.provider
    if exchange.credentials and not routed:
        first = exchange.credentials[0]
        if first.field == SUB_PROTOCOLS:
            return replace, []  # it stays where a browser can put it; `upgrade.py` sees to it
        for other in exchange.credentials[1:]:
            if other.field not in (first.field, SUB_PROTOCOLS) and _belongs_elsewhere(exchange, other, provider, faults):
                replace[other.field] = None
        changed = provider.pass_on(call, first)
        in_a_field = None if first.field == QUERY_KEY else first.field
        return _place(replace, changed, in_a_field) if changed is not None else (replace, [])
    # Whatever stands in such a field, read as a credential or not, stays here.
    replace.update(dict.fromkeys(name for name in CREDENTIAL_FIELDS if name in exchange.asked.fields))
    if routed and b"cookie" in exchange.asked.fields:
        replace[b"cookie"] = None  # whoever set it, it was another
    if provider.held is None:
        return replace, []
    return _place(replace, provider.authorize(call, provider.held), None)


def without_key(call: Call) -> Call:
    """The same without what its query holds of credentials; every other byte of it stays."""
    query = "&".join(part for part in call.query.split("&") if not part.startswith(_QUERY_NAMES))
    return attrs.evolve(call, credential=None, query=query)


def keeps_sub_protocols(exchange: Exchange, provider: Provider, faults: Faults) -> bool:
    """Whether a credential among the sub-protocols goes to *provider*, as one in a field beside another would."""
    beside = [one for one in exchange.credentials[1:] if one.field == SUB_PROTOCOLS]
    return provider is exchange.provider and not any(_belongs_elsewhere(exchange, one, provider, faults) for one in beside)


def _place(
    replace: dict[bytes, bytes | None], line: _Line, instead_of: bytes | None
) -> tuple[dict[bytes, bytes | None], list[bytes]]:
    """Put the line where the client had its own of that name, or of the one it stands for; else at the end."""
    name, value = line
    whole = name.encode("ascii") + b": " + value
    if _LINE.match(whole) is None:
        raise PluginError(f"the line that carries a credential is no field: name {name!r}")
    lower = name.lower().encode("ascii")
    if instead_of is not None and instead_of != lower:
        replace[instead_of] = whole
        replace.setdefault(lower, None)
        return replace, []
    if lower in replace or instead_of == lower:
        replace[lower] = whole
        return replace, []
    vacant = next((field for field, other in replace.items() if other is None and not field.startswith(b"?")), None)
    if vacant is not None:
        replace[vacant] = whole
        return replace, []
    return replace, [whole]


def _belongs_elsewhere(exchange: Exchange, credential: Credential, provider: Provider, faults: Faults) -> bool:
    for other in exchange.version.providers.values():
        if other is not provider:
            with faults.of(other.id):
                if other.claims_credential(credential):
                    return True
    return False
