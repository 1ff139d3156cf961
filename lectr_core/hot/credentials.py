"""Whose credential goes to which provider, in which form. Called by `forward.py`; pure.

A Lectr key never goes on. A client's own credential goes to the provider it was sent for and to no other; where a route
leads elsewhere, or the client sent none, the operator's held credential takes its place.
"""

from __future__ import annotations

from lectr_core.hot.exchange import Exchange
from lectr_core.model.call import Call
from lectr_core.ports import Provider

_Line = tuple[str, bytes]


def substitutions(exchange: Exchange, call: Call, provider: Provider) -> tuple[dict[bytes, bytes | None], list[bytes]]:
    """Which credential lines of the request are replaced, and which are added.

    Shapes: (replace, add) as `forwarding.request_lines` takes them.
    """
    replace: dict[bytes, bytes | None] = dict.fromkeys(exchange.own_key_fields)
    routed = provider is not exchange.provider
    if exchange.credentials and not routed:
        first = exchange.credentials[0]
        for other in exchange.credentials[1:]:
            if other.field != first.field and _belongs_elsewhere(exchange, other.field, provider):
                replace[other.field] = None
        changed = provider.pass_on(call, first)
        in_a_field = None if first.field == b"?key" else first.field
        return _place(replace, changed, in_a_field) if changed is not None else (replace, [])
    replace.update(dict.fromkeys(credential.field for credential in exchange.credentials))
    if provider.held is None:
        return replace, []
    return _place(replace, provider.authorize(call, provider.held), None)


def _place(
    replace: dict[bytes, bytes | None], line: _Line, instead_of: bytes | None
) -> tuple[dict[bytes, bytes | None], list[bytes]]:
    """Put the line where the client had its own of that name, or of the one it stands for; else at the end."""
    name, value = line
    whole = name.encode("ascii") + b": " + value
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


def _belongs_elsewhere(exchange: Exchange, field: bytes, provider: Provider) -> bool:
    credential = next(c for c in exchange.credentials if c.field == field)
    others = exchange.version.providers.values()
    return any(other is not provider and other.claims_credential(credential) for other in others)
