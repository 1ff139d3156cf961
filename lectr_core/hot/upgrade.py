"""A request that asks to leave HTTP (RFC 9110 §7.8): what it asks for, what of that goes on, whether an answer agrees.

Called by `identify.py` (keys in sub-protocols, the model in the query) and by `forward.py` (what goes up, an answer 101).
Pure. A connection that would carry HTTP again (`h2c`, `HTTP/2.0`, `TLS/1.0`) is not asked for: requests in it would pass
unseen, without a key and without a record. Nor is one from an HTTP/1.0 client or one with a body: those stay ordinary
requests, and the provider is not told of the wish.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_plus

import attrs

from lectr_core.hot.guard import text_of
from lectr_core.model.call import Call
from lectr_core.model.secret import KEY_PREFIX, Credential, Secret
from lectr_core.ports import Provider, Tunnels
from lectr_core.wire.heads import RequestHead, ResponseHead

SUB_PROTOCOLS: Final = b"sec-websocket-protocol"
"""A browser can send a key nowhere else but in the URL."""

WEBSOCKET: Final = b"websocket"

MAX_MODEL_CHARS: Final = 1024
"""As of a body's `model`: a longer one is no name of a model."""

_KEY: Final = KEY_PREFIX.encode()
# How SDKs for browsers mark the one sub-protocol that is a provider's credential; the vendor's name stands in front.
_CREDENTIAL_MARK: Final = b"insecure-api-key."
_CARRIERS: Final = (b"h2c", b"h2", b"http/", b"tls/")
_PLAIN_CONNECTION: Final = frozenset({b"upgrade", b"keep-alive"})


@attrs.define
class Upgrade:
    """What one request asks for, and which keys it brings in its sub-protocols."""

    protocols: tuple[bytes, ...]
    """As sent, those that go on; empty: none does, and the request is like any other."""
    offered: tuple[bytes, ...] = attrs.field(repr=False)
    """Sub-protocols as sent."""
    own: frozenset[bytes] = attrs.field(repr=False)
    """Those of them that hold a Lectr key: they never go on."""
    theirs: frozenset[bytes] = attrs.field(repr=False)
    """Those that hold a provider's credential: they go to the provider that was meant, and to no other."""
    names_model: bool = False
    """The provider says that the request names the model; else one may be chosen within, where no rule sees it."""

    @property
    def goes_on(self) -> bool:
        """Whether the provider is asked to leave HTTP."""
        return bool(self.protocols)


def asked_for(head: RequestHead, given: set[bytes], credentials: list[Credential]) -> Upgrade:
    """Read what *head* asks for. Keys found in its sub-protocols are added to *given* and to *credentials*."""
    fields = head.fields
    offered = _listed(fields.values(SUB_PROTOCOLS))
    own: set[bytes] = set()
    theirs: set[bytes] = set()
    for one in offered:
        mark = one.find(_KEY)
        if mark >= 0:
            given.add(one[mark:])
            own.add(one)
        elif (mark := one.lower().find(_CREDENTIAL_MARK)) >= 0:
            credentials.append(Credential(SUB_PROTOCOLS, b"", Secret(one[mark + len(_CREDENTIAL_MARK) :])))
            theirs.add(one)
    protocols: tuple[bytes, ...] = ()
    if head.minor and not head.has_body and b"upgrade" in fields.tokens(b"connection"):
        protocols = tuple(one for one in _listed(fields.values(b"upgrade")) if not one.lower().startswith(_CARRIERS))
    return Upgrade(protocols, offered, frozenset(own), frozenset(theirs))


def lines(upgrade: Upgrade, head: RequestHead, *, keeps_credential: bool) -> dict[bytes, bytes | None]:
    """What stands upstream in place of the fields that ask for an upgrade: as they came, wherever that can be.

    Shapes: as *replace* of `forwarding.request_lines`. *keeps_credential*: the provider is the one the client meant.
    """
    fields = head.fields
    replace: dict[bytes, bytes | None] = {}
    if upgrade.protocols:
        plain = fields.tokens(b"connection") <= _PLAIN_CONNECTION and len(fields.values(b"connection")) == 1
        replace[b"connection"] = fields.line(b"connection") if plain else b"Connection: Upgrade"
        as_sent = fields.values(b"upgrade")
        whole = len(as_sent) == 1 and len(upgrade.protocols) == len(_listed(as_sent))
        replace[b"upgrade"] = fields.line(b"upgrade") if whole else b"Upgrade: " + b", ".join(upgrade.protocols)
    leaving = upgrade.own if keeps_credential else upgrade.own | upgrade.theirs
    if leaving:
        kept = [one for one in upgrade.offered if one not in leaving]
        name = (fields.line(SUB_PROTOCOLS) or b"")[: len(SUB_PROTOCOLS)]
        replace[SUB_PROTOCOLS] = name + b": " + b", ".join(kept) if kept else None
    return replace


def is_agreed(upgrade: Upgrade | None, answer: ResponseHead) -> bool:
    """Whether an answer 101 switches to what was asked for. One that nobody asked for is a fault of the provider."""
    if upgrade is None or not upgrade.protocols or not answer.minor or answer.chunked or answer.length:
        return False
    asked = {one.lower() for one in upgrade.protocols}
    chosen = answer.fields.tokens(b"upgrade")
    return bool(chosen) and chosen <= asked and b"upgrade" in answer.fields.tokens(b"connection")


def model_in(query: str) -> str | None:
    """The first parameter `model` of a query, which in a tunnel's request stands for a body's."""
    for part in query.split("&"):
        name, _, text = part.partition("=")
        if name == "model" and 0 < len(text) <= MAX_MODEL_CHARS:
            return unquote_plus(text)
    return None


def named_by(provider: Provider, call: Call) -> str | None:
    """The model that the provider reads out of a tunnel's request. Errors: PluginError; whatever its plugin raises."""
    return text_of(provider.model_of_tunnel(call)) if isinstance(provider, Tunnels) else None


def _listed(values: list[bytes]) -> tuple[bytes, ...]:
    """The members of a field that is a list, empty ones left out."""
    return tuple(part for value in values for one in value.split(b",") if (part := one.strip(b" \t")))
