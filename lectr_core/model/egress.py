"""How a provider is reached: trusting whom, shown which certificate, through which proxy, in which version of HTTP.

Values alone. They come from the settings (`assembly/egress.py`) and never from a request; connections are opened by them
(`hot/connect.py`) and shared only where all of it is the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

from lectr_core.model.call import Origin
from lectr_core.model.secret import Secret


@attrs.frozen
class Proxy:
    """Who makes connections on the gateway's behalf."""

    scheme: Literal["http", "socks5"]
    host: str
    port: int
    login: Secret | None = attrs.field(default=None, eq=False)
    """`user:password`, as the environment had it. A connection that was granted is as good under another one."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@attrs.frozen(cache_hash=True)
class Egress:
    """The way to one provider. All absent: straight there, trusting the system's authorities."""

    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    """None: it is in the certificate's file."""
    proxy: Proxy | None = None
    http2: bool = False
    """Whether HTTP/2 is offered."""


@attrs.frozen(cache_hash=True)
class Place:
    """What may share connections: one provider's, at one origin, reached in one way."""

    provider: str
    """Its id."""
    origin: Origin
    egress: Egress = Egress()

    def without_http2(self) -> Place:
        """The same by HTTP/1.1."""
        return attrs.evolve(self, egress=attrs.evolve(self.egress, http2=False)) if self.egress.http2 else self
