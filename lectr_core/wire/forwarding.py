"""Which lines of a head go on, and which are this hop's own (RFC 9110 §7.6.1). Sans-IO; called by the hot rooms.

What goes on is the raw line: order, case, blanks and duplicates stay. `Host` and the credential are the only lines of a
request that are replaced, in their places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lectr_core.errors import PluginError
from lectr_core.wire.fields import Fields
from lectr_core.wire.heads import RequestHead, ResponseHead

# Transfer-Encoding is not here: bodies go on with the framing they came in, so its line stays true.
HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authorization",
        b"te",
        b"upgrade",
    }
)

# `Connection` may name fields that end at this hop. It cannot name these: a client could strip what the provider must
# see, or what frames the message.
_NOT_FOR_CONNECTION: Final = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"transfer-encoding",
        b"x-api-key",
        b"x-goog-api-key",
        b"api-key",
        b"cookie",
    }
)

_ENDS_HERE: Final[dict[bytes, bytes | None]] = dict.fromkeys(HOP_BY_HOP)
_PLAIN_CONNECTION: Final = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close"})

# Latin-1, since it is sent byte for byte; a blank or an end of line in it would make another request.
_TARGET: Final = re.compile(r"/[^\x00-\x20\x7f#\u0100-\U0010ffff]*\Z")

OWN_PREFIX: Final = b"x-lectr-"
"""Fields that speak to Lectr alone and never reach a provider."""


def request_lines(
    head: RequestHead,
    target: str,
    authority: str,
    *,
    replace: dict[bytes, bytes | None],
    add: Iterable[bytes] = (),
) -> bytes:
    """The head to send to a provider.

    Shapes: *replace* maps lower-case names to the line that takes the place of the first such field (None: no line); *add*
        are whole lines that come last. Lines have no CRLF.
    Errors: PluginError where *target*, which a plugin built, is none.
    Source: RFC 9110 §7.6.1, RFC 9112 §3.2.
    """
    fields = head.fields
    host = (fields.line(b"host") or b"Host")[:4] + b": " + authority.encode("ascii")
    instead: dict[bytes, bytes | None] = _ends_here(fields) | replace
    instead[b"host"] = host
    if fields.has_repeated:
        kept = _replaced_once(fields, instead)
    else:
        kept = [instead.get(name, line) for name, line in fields if not name.startswith(OWN_PREFIX)]
    if _TARGET.match(target) is None:
        raise PluginError("the target is no path, or holds a byte that has no place in one")
    lines = [head.method + b" " + target.encode("latin-1") + b" HTTP/1.1"]
    if b"host" not in fields:
        lines.append(host)
    lines += [line for line in kept if line is not None]
    lines += add
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def _replaced_once(fields: Fields, instead: dict[bytes, bytes | None]) -> list[bytes | None]:
    """As above, for heads in which a name comes again: what is put in a field's place stands there once."""
    kept: list[bytes | None] = []
    seen: set[bytes] = set()
    for name, line in fields:
        if name.startswith(OWN_PREFIX):
            continue
        kept.append((None if name in seen else instead[name]) if name in instead else line)
        seen.add(name)
    return kept


def response_lines(head: ResponseHead, *, unchunk: bool, keep_alive: bool, client_minor: int) -> bytes:
    """The head to send to the client.

    Shapes: *unchunk*: the client speaks HTTP/1.0, so the content goes without chunks and ends with the connection.
    """
    ends_here = _ends_here(head.fields)
    if unchunk:
        ends_here = {**ends_here, b"transfer-encoding": None}
    line = head.line if head.minor else b"HTTP/1.1" + head.line[8:]
    if ends_here.keys().isdisjoint(head.fields.names):
        lines = [line, *head.fields.lines]
    else:
        lines = [line, *[line for name, line in head.fields if name not in ends_here]]
    if not keep_alive:
        lines.append(b"Connection: close")
    elif not client_minor:
        lines.append(b"Connection: keep-alive")
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def is_own(name: bytes) -> bool:
    """Whether a field (or trailer) of this lower-case name must stay here."""
    return name.startswith(OWN_PREFIX) or name in HOP_BY_HOP


def _ends_here(fields: Fields) -> dict[bytes, bytes | None]:
    """Hop-by-hop fields, and those that `Connection` names. Not to be changed by the caller."""
    connection = fields.value(b"connection")
    if connection is None or (connection in _PLAIN_CONNECTION and not fields.has_repeated):
        return _ENDS_HERE
    named = fields.tokens(b"connection") - _NOT_FOR_CONNECTION
    return {**_ENDS_HERE, **dict.fromkeys(named)}
