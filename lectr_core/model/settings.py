"""The settings as values. How they are read, checked and merged is the business of `assembly/settings`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar

import attrs

from lectr_core.model.decision import Drain

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class GatewaySettings:
    """`[gateway]`: what holds for the whole gateway."""

    listen: tuple[str, ...] = ("127.0.0.1:8420",)
    """Addresses to listen on: `host:port`, `[::1]:port` or `unix:/path`."""
    workers: int | Literal["auto"] = 1
    """Worker processes; `auto`: one a processor core."""
    auth: Literal["keys", "none"] = "keys"
    """`none` is refused on anything but loopback."""
    tls_certificate: Path | None = None
    """PEM file of the certificate that clients see, with its chain, for HTTPS on all but unix sockets; absent: plain HTTP.
    A new file is taken over within a second."""
    tls_key: Path | None = None
    """PEM file of the certificate's private key, without a passphrase."""
    data: Path = Path("lectr-data")
    """Directory of keys, journal, database and configuration history."""
    max_body_bytes: int = 33_554_432
    """Largest JSON body, in bytes; other bodies stream through unbuffered."""
    proxy: str | None = None
    """How providers are reached: `direct`; `env`, through the proxy that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY
    name; or a proxy's address, `http://host:3128` or `socks5://host:1080`. Absent: `direct`. Providers on this machine
    always are."""
    proxy_auth_env: str | None = None
    """Name of the environment variable that holds `user:password` for that proxy."""
    default_provider: str | None = None
    """Provider of requests that nothing speaks for; absent: the installed plugin that volunteers."""
    head_limit_s: float = 10.0
    """For a client to send a whole request head, in seconds."""
    idle_limit_s: float = 75.0
    """For a client's connection between requests, in seconds."""
    body_limit_s: float = 30.0
    """Patience with a client that sends a body, in seconds: the longest silence; see `min_bytes_per_s`."""
    take_limit_s: float = 120.0
    """Patience with a client that does not take its answer, in seconds, in the same way."""
    min_bytes_per_s: int = 240
    """Bytes of a body, sent or taken, that give back one second of that patience. Whoever stays slower than that is cut."""
    connect_limit_s: float = 10.0
    """To connect to a provider, TLS included, in seconds."""
    first_byte_limit_s: float = 600.0
    """For a provider's response head, in seconds. The SDKs' own patience is 600 s."""
    silence_limit_s: float = 600.0
    """Longest silence within a provider's response, in seconds."""
    pool_idle_limit_s: float = 55.0
    """How long an unused connection to a provider is kept, in seconds."""
    max_connections: int = 10_000
    """Open client connections per worker; one more is answered 503."""
    max_connections_per_address: int = 5_000
    """The same for one client address (IPv6: one /64 network). Raise it where all clients come through one load balancer."""
    max_requests_per_key: int = 5_000
    """Open requests and streams of one Lectr key per worker; one more is answered 429."""
    max_held_bytes: int = 1_073_741_824
    """Bodies of open requests that are kept in memory because they are read to decide, in bytes per worker; more: 503."""
    max_upstream_connections: int = 5_000
    """Open connections to one address of a provider per worker; who needs one more waits for its turn."""
    upstream_wait_limit_s: float = 10.0
    """For that turn to come, in seconds; then 503."""
    drain_s: float = 30.0
    """How long open requests may go on after a stop was asked for, in seconds."""
    hang_limit_s: float = 20.0
    """A worker that shows no sign of life for this long is killed and started again, in seconds."""


@attrs.frozen(kw_only=True)
class AdminSettings:
    """`[admin]`: where the gateway tells how it is."""

    listen: str | None = None
    """Address of `/healthz` and `/readyz`, such as `127.0.0.1:8429`; absent: there is none. Anything but loopback needs
    `token_env`."""
    token_env: str | None = None
    """Name of the environment variable that holds the token to ask with: `Authorization: Bearer TOKEN`."""


@attrs.frozen(kw_only=True)
class DrainSettings:
    """`drain = { … }`: how far an answer is read on when its client has left."""

    max_s: float
    """From the client's leaving, in seconds."""
    max_usd: Decimal | None = None
    """What the whole answer may cost at most; absent: no matter. A request that asks for no highest number of output tokens
    (`max_tokens` and the like) has no such bound, and is then cancelled."""
    usd_per_million_tokens: Decimal | None = None
    """The highest price of an output token that this can meet, times a million: what `max_usd` is held against."""

    def __attrs_post_init__(self) -> None:
        if self.max_s <= 0:
            raise ValueError(f"max_s: expected more than 0 seconds, got {self.max_s:g}")
        if (self.max_usd is None) != (self.usd_per_million_tokens is None):
            raise ValueError("max_usd and usd_per_million_tokens: expected both or neither")
        for name, amount in (("max_usd", self.max_usd), ("usd_per_million_tokens", self.usd_per_million_tokens)):
            if amount is not None and amount <= 0:
                raise ValueError(f"{name}: expected more than 0, got {amount}")

    def allowance(self) -> Drain:
        """The same, with money turned into tokens."""
        if self.max_usd is None or self.usd_per_million_tokens is None:
            return Drain(self.max_s)
        return Drain(self.max_s, int(self.max_usd * 1_000_000 / self.usd_per_million_tokens))


def drain_of(said: Literal["cancel"] | DrainSettings) -> Drain:
    """What `drain` says, as a value to decide by."""
    return Drain(0.0) if said == "cancel" else said.allowance()


@attrs.frozen(kw_only=True)
class ProviderSettings:
    """`[provider.ID]`: what every provider has. A plugin subclasses it for what is its own."""

    base_url: str | None = None
    """Replaces the provider's usual address."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the credential; absent: clients send their own."""
    ca_file: Path | None = None
    """PEM file of certificate authorities to trust instead of the system's."""
    client_certificate: Path | None = None
    """PEM file of the certificate to show to the provider, with its chain. A new file is taken for the next connection."""
    client_key: Path | None = None
    """PEM file of that certificate's private key, without a passphrase; absent: it is in the certificate's file."""
    proxy: str | None = None
    """As `gateway.proxy`, for this provider alone; absent: what that says."""
    proxy_auth_env: str | None = None
    """Name of the environment variable that holds `user:password` for that proxy."""
    http2: bool = False
    """Offer HTTP/2, and speak it where the provider agrees; needs the extra `lectr[http2]`."""
    retry_stale: bool = False
    """Whether the provider may see a request twice: one that a kept connection lost, since the provider closed it at that
    moment, is then sent again on a fresh one. Else only if not a byte of it was written."""
    drain: Literal["cancel"] | DrainSettings = "cancel"
    """When a client leaves: `cancel` its request at once, or read the answer on to count it: `{ max_s = 60 }`."""


@attrs.frozen
class Section:
    """A plugin's part of the settings file."""

    path: str
    """`sink.sqlite`; `rule` for an array of tables; `provider.*` for every table there that has no section of its own."""
    schema: type[Any]  # Any: the class is the plugin's own
    """An attrs class; every attribute needs a default or is required of the operator."""
    many: bool = False
    """An array of tables: the section's value is then a tuple of instances."""
    help: str = ""
    """One line for the reference."""


@attrs.frozen
class Settings:
    """One valid version of everything."""

    gateway: GatewaySettings
    sections: Mapping[str, Any]  # Any: each value is an instance of its section's own class
    """By path: an instance, or a tuple of instances where the section is an array. `provider.*` sections stand under
    their full path (`provider.mine`). A section that the file leaves out is there with its defaults, unless it has a
    required attribute; an array is then empty."""
    version: str
    """First 12 hex digits of the SHA-256 of the document."""
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """The process's environment: where credentials are looked up by name."""

    def section(self, path: str, schema: type[T]) -> T:
        """The instance at *path*, or one made of defaults. Errors: TypeError where the section is not a *schema*."""
        found = self.sections.get(path)
        if found is None:
            return schema()
        if not isinstance(found, schema):
            raise TypeError(f"section {path!r} holds {type(found).__name__}, not {schema.__name__}")
        return found
