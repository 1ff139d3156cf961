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
from lectr_core.errors import OperatorError
from lectr_core.model.settings import GatewaySettings

_log = logging.getLogger("lectr.certificate")

Stamp = tuple[tuple[int, int, int] | None, ...]


def make_context(gateway: GatewaySettings) -> ssl.SSLContext | None:
    """What workers serve HTTPS with; None: the settings name no certificate.

    Errors: OperatorError that names the setting and the file at fault.
    """
    certificate, key = gateway.tls_certificate, gateway.tls_key
    if certificate is None or key is None:
        return None
    _look_into("gateway.tls_certificate", certificate, b"-----BEGIN CERTIFICATE-----", "a certificate")
    _look_into("gateway.tls_key", key, b"PRIVATE KEY-----", "a private key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    passphrases_asked = 0

    def no_passphrase() -> str:  # without it, OpenSSL would ask on the terminal
        nonlocal passphrases_asked
        passphrases_asked += 1
        return ""

    try:
        context.load_cert_chain(certificate, key, password=no_passphrase)
    except (OSError, ValueError) as exc:
        if passphrases_asked:
            raise OperatorError(f"gateway.tls_key: {str(key)!r} has a passphrase; expected a key without one") from None
        reason = exc.reason if isinstance(exc, ssl.SSLError) else None
        if reason == "KEY_VALUES_MISMATCH":
            told = f"gateway.tls_key: {str(key)!r} is not the key of the certificate in {str(certificate)!r}"
            raise OperatorError(told) from None
        why = (reason or type(exc).__name__).lower().replace("_", " ")
        told = f"gateway.tls_certificate, gateway.tls_key: cannot use {str(certificate)!r} with {str(key)!r}: {why}"
        raise OperatorError(told) from None
    return context


@attrs.define
class Pair:
    """The two files as a worker watches them."""

    gateway: GatewaySettings
    _known: Stamp = attrs.field(init=False)
    _seen: Stamp = attrs.field(init=False)

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

    def _stamp(self) -> Stamp:
        return tuple(_stamp_of(path) for path in (self.gateway.tls_certificate, self.gateway.tls_key) if path is not None)


def expires_at(context: ssl.SSLContext, gateway: GatewaySettings) -> float | None:
    """When the certificate ends, in seconds since 1970; None: it holds no longer, or not for a server.

    The standard library shows a certificate's dates only to a peer that has accepted it; so a client that trusts just this
    one shakes hands with *context* in memory.
    """
    peer = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    peer.check_hostname = False
    peer.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    to_peer, to_us = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        peer.load_verify_locations(cafile=gateway.tls_certificate)
        sides = (peer.wrap_bio(to_peer, to_us), context.wrap_bio(to_us, to_peer, server_side=True))
        for side in (*sides, *sides):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
    except (OSError, ValueError):
        return None
    ends = (sides[0].getpeercert() or {}).get("notAfter")
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


def _look_into(setting: str, path: Path, mark: bytes, what: str) -> None:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise OperatorError(f"{setting}: cannot read {str(path)!r}: {exc.strerror}") from None
    if mark not in content:
        raise OperatorError(f"{setting}: {str(path)!r} holds no PEM block of {what}")


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
