"""Who may see the explorer: an ASGI layer around Datasette that checks the password and the name it is called by.

Without a password it serves only under the names it knows, so that no web page can reach it through a name of its own
(DNS rebinding). Called by `pages.py` once at start.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]  # Any: as ASGI has it
App = Callable[[Scope, Any, Any], Awaitable[None]]  # Any: receive and send
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def guarded(app: App, password: str | None, names: Collection[str]) -> App:
    """*app*, for those who may. *names* are hosts without a port; they matter only where there is no password."""
    known = LOCAL_NAMES | {f"[{name}]" if ":" in name else name.lower() for name in names}

    async def guard(scope: Scope, receive: Any, send: Any) -> None:  # Any: as ASGI has it
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif password is not None and not _knows(scope, password):
            await _refuse(send, 401, b"this explorer needs its password", [(b"www-authenticate", b'Basic realm="Lectr"')])
        elif password is None and _host(scope) not in known:
            await _refuse(send, 403, b"this explorer is not served under this name; see explorer.hosts", [])
        else:
            # What is behind the door has no use for the key, and prints whatever it has when it fails.
            fields = [field for field in scope["headers"] if field[0].lower() != b"authorization"]
            await app({**scope, "headers": fields}, receive, send)

    return guard


def _field(scope: Scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name.lower() == wanted), b"")


def _host(scope: Scope) -> str:
    host = _field(scope, b"host").decode("latin-1").lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _knows(scope: Scope, password: str) -> bool:
    scheme, _, coded = _field(scope, b"authorization").partition(b" ")
    if scheme.lower() != b"basic":
        return False
    try:
        given = base64.b64decode(coded.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, password.encode())


async def _refuse(send: Any, status: int, text: bytes, fields: list[tuple[bytes, bytes]]) -> None:  # Any: as ASGI has it
    head = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode()), *fields]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": text})
