"""TLS towards providers: whom the gateway trusts, and the certificate it shows to those that ask for one.

Files are looked at whenever a connection is opened, so that new ones hold without a restart; ones that cannot be used
change nothing while the old ones are still in memory. Verification is never off. Called by `connect.py`, and by
the checks of settings.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import attrs

from lectr_core.errors import OperatorError
from lectr_core.hot.certify import Stamp, load_pair, stamp_of
from lectr_core.model.egress import Egress

_log = logging.getLogger("lectr.trust")

_Kind = tuple[Path | None, Path | None, Path | None, bool]


@attrs.define
class _Kept:
    """A context, and the files it was made of."""

    context: ssl.SSLContext
    stamps: tuple[Stamp, ...]
    refused: tuple[Stamp, ...] = ()
    """Newer files that could not be used."""


@attrs.define
class Trust:
    """One context for each kind of connection, so that sessions and certificates are loaded once."""

    _kept: dict[_Kind, _Kept] = attrs.field(factory=dict)

    def context(self, provider: str, egress: Egress) -> ssl.SSLContext:
        """What to secure the next connection with.

        Waits: for the disk: a `stat` of each file, and reading it where it is new.
        Errors: OperatorError where a file cannot be used and no context was made before.
        """
        files = (egress.ca_file, egress.client_certificate, egress.client_key)
        stamps = tuple(stamp_of(path) for path in files if path is not None)
        kind = (*files, egress.http2)
        kept = self._kept.get(kind)
        if kept is None:
            self._kept[kind] = kept = _Kept(make_context(provider, egress), stamps)
        elif stamps not in (kept.stamps, kept.refused):
            try:
                kept.context, kept.stamps = make_context(provider, egress), stamps
                _log.info("provider %s: the new certificates are in force", provider)
            except OperatorError as exc:
                kept.refused = stamps
                _log.error("provider %s: the certificates stay as they were: %s", provider, exc)
        return kept.context


def make_context(provider: str, egress: Egress) -> ssl.SSLContext:
    """A context of its own. Errors: OperatorError that names the setting and the file at fault. Waits: for the disk."""
    path = f"provider.{provider}"
    try:
        context = ssl.create_default_context(cafile=str(egress.ca_file) if egress.ca_file else None)
    except ssl.SSLError:
        raise OperatorError(f"{path}.ca_file: {str(egress.ca_file)!r} holds no PEM block of a certificate") from None
    except OSError as exc:
        raise OperatorError(f"{path}.ca_file: cannot read {str(egress.ca_file)!r}: {exc.strerror}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2", "http/1.1"] if egress.http2 else ["http/1.1"])
    if egress.client_certificate is not None:
        settings = (f"{path}.client_certificate", f"{path}.client_key")
        load_pair(context, egress.client_certificate, egress.client_key, settings)
    return context
