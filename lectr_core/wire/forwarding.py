"""Which lines of a head go on, and which are this hop's own (RFC 9110 §7.6.1). Sans-IO; called by the hot rooms.

What goes on is the raw line: order, case, blanks and duplicates stay. `Host` and the credential are the only lines of a
request that are replaced, in their places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from lectr_core.wire.heads import Field, RequestHead, ResponseHead

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

OWN_PREFIX: Final = b"x-lectr-"
"""Fields that speak to Lectr alone and never reach a provider."""


def request_lines(
    head: RequestHead,
    target: str,
    authority: str,
    *,
    replace: Mapping[bytes, bytes | None],
    add: Iterable[bytes] = (),
) -> bytes:
    """The head to send to a provider.

    Shapes: *replace* maps lower-case names to the line that takes the place of the first such field (None: no line); *add*
        are whole lines that come last. Lines have no CRLF.
    Source: RFC 9110 §7.6.1, RFC 9112 §3.2.
    """
    named = _named_by_connection(head.fields) if b"connection" in head.first else None
    lines = [head.method + b" " + target.encode("latin-1") + b" HTTP/1.1"]
    replaced: set[bytes] = set()
    hosted = False
    for name, _, line in head.fields:
        if name == b"host":
            lines.append(line[:4] + b": " + authority.encode("ascii"))
            hosted = True
        elif name in replace:
            other = replace[name]
            if other is not None and name not in replaced:
                lines.append(other)
            replaced.add(name)
        elif name in HOP_BY_HOP or name.startswith(OWN_PREFIX) or (named and name in named):
            continue
        else:
            lines.append(line)
    if not hosted:
        lines.insert(1, b"Host: " + authority.encode("ascii"))
    lines.extend(add)
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def response_lines(head: ResponseHead, *, unchunk: bool, keep_alive: bool, client_minor: int) -> bytes:
    """The head to send to the client.

    Shapes: *unchunk*: the client speaks HTTP/1.0, so the content goes without chunks and ends with the connection.
    """
    named = _named_by_connection(head.fields) if b"connection" in head.first else None
    line = head.line if head.minor else b"HTTP/1.1" + head.line[8:]
    lines = [line]
    for name, _, raw in head.fields:
        if name in HOP_BY_HOP or (named and name in named) or (unchunk and name == b"transfer-encoding"):
            continue
        lines.append(raw)
    if not keep_alive:
        lines.append(b"Connection: close")
    elif not client_minor:
        lines.append(b"Connection: keep-alive")
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def is_own(name: bytes) -> bool:
    """Whether a field (or trailer) of this lower-case name must stay here."""
    return name.startswith(OWN_PREFIX) or name in HOP_BY_HOP


def _named_by_connection(fields: list[Field]) -> set[bytes] | None:
    named: set[bytes] | None = None
    for name, value, _ in fields:
        if name == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            named = (named or set()) | {token.strip().lower() for token in value.split(b",")}
    return named - _NOT_FOR_CONNECTION if named else None
