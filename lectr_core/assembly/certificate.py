"""The certificate that clients see: read, checked, watched, and until when it holds.

Two PEM files that somebody else renews. No text of this module quotes them. Called by `versions` (to check), the workers
(to serve with it and to notice a new one), the supervisor and the doctor.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import attrs

from lectr_core.assembly.ground import Doors
from lectr_core.hot.certify import Stamp, load_pair, stamp_of
from lectr_core.model.egress import Egress
from lectr_core.model.settings import GatewaySettings

_log = logging.getLogger("lectr.certificate")

# What renews certificates by itself does so some 30 days before; below this it has missed its turn.
CERTIFICATE_WARN_DAYS = 14


def make_context(gateway: GatewaySettings) -> ssl.SSLContext | None:
    """What workers serve HTTPS with; None: the settings name no certificate.

    Errors: OperatorError that names the setting and the file at fault.
    """
    certificate, key = gateway.tls_certificate, gateway.tls_key
    if certificate is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    load_pair(context, certificate, key, ("gateway.tls_certificate", "gateway.tls_key"))
    return context


@attrs.define
class Pair:
    """The two files as a worker watches them."""

    gateway: GatewaySettings
    _known: tuple[Stamp, ...] = attrs.field(init=False)
    _seen: tuple[Stamp, ...] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._known = self._seen = self._stamp()

    def changed(self) -> bool:
        """Whether either is another file than at the last change, and both have stood still since the last look.

        Costs two `stat`, and nothing where there is no certificate.
        """
        if self.gateway.tls_certificate is None:
            return False
        now = self._stamp()
        is_still = now == self._seen
        self._seen = now
        if not is_still or now == self._known:
            return False
        self._known = now
        return True

    def _stamp(self) -> tuple[Stamp, ...]:
        return tuple(stamp_of(path) for path in (self.gateway.tls_certificate, self.gateway.tls_key) if path is not None)


def expires_at(context: ssl.SSLContext, gateway: GatewaySettings) -> float | None:
    """When the certificate ends, in seconds since 1970; None: it holds no longer, or not for a server.

    The standard library shows a certificate's dates only to a peer that has accepted it; so a client that trusts just this
    one shakes hands with *context* in memory.
    """
    peer = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    peer.check_hostname = False
    to_peer, to_us = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        _trust_just(peer, gateway.tls_certificate)
        sides = (peer.wrap_bio(to_peer, to_us), context.wrap_bio(to_us, to_peer, server_side=True))
        return _end_of_other(*sides)
    except (OSError, ValueError):
        return None


def client_expires_at(egress: Egress) -> float | None:
    """The same of a certificate that is shown to a provider; None: it holds no longer, or not for a client.

    Here it is a server that trusts just this one; as it needs a certificate itself, it shows the same.
    """
    assert egress.client_certificate is not None
    us, peer = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    us.check_hostname, us.verify_mode, peer.verify_mode = False, ssl.CERT_NONE, ssl.CERT_REQUIRED
    to_peer, to_us = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        _trust_just(peer, egress.client_certificate)
        for side in (us, peer):
            side.load_cert_chain(egress.client_certificate, egress.client_key, password="")
        return _end_of_other(peer.wrap_bio(to_peer, to_us, server_side=True), us.wrap_bio(to_us, to_peer))
    except (OSError, ValueError):
        return None


def _trust_just(context: ssl.SSLContext, certificate: Path | None) -> None:
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cafile=certificate)


def _end_of_other(one: ssl.SSLObject, other: ssl.SSLObject) -> float | None:
    """Shake hands; until when the certificate holds that *one* was shown."""
    for side in (one, other) * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
    ends = (one.getpeercert() or {}).get("notAfter")
    return ssl.cert_time_to_seconds(ends) if isinstance(ends, str) else None


def warn_if_plain(gateway: GatewaySettings, doors: Doors) -> None:
    """Say it, where keys and prompts travel readable through a network."""
    if gateway.tls_certificate is None and not doors.is_loopback:
        open_to = ", ".join(str(address) for address in doors.addresses if not address.is_loopback)
        _log.warning(
            "plain HTTP on %s: keys and prompts can be read on the way; set gateway.tls_certificate and gateway.tls_key, "
            "or let only a proxy with TLS reach it",
            open_to,
        )
