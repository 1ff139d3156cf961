"""A certificate and its key, read from PEM files into a TLS context; what is wrong names the setting and the file.

No text of this module quotes the files. Called for the gateway's own certificate (`assembly/certificate`) and
for the ones it shows to providers (`trust`).
"""

from __future__ import annotations

import ssl
from pathlib import Path

from lectr_core.errors import OperatorError

Stamp = tuple[int, int, int] | None
"""What tells two files under one name apart: inode, time of the last change, size. None: there is none."""


def load_pair(context: ssl.SSLContext, certificate: Path, key: Path | None, settings: tuple[str, str]) -> None:
    """Let *context* show the certificate. Without *key*, the key is in the same file.

    Shapes: *settings* are the names of the two settings, for messages.
    Errors: OperatorError that names the setting and the file at fault. Waits: for the disk.
    """
    of_certificate, of_key = settings
    _look_into(of_certificate, certificate, b"-----BEGIN CERTIFICATE-----", "a certificate")
    if key is None:
        _look_into(of_certificate, certificate, b"PRIVATE KEY-----", f"a private key, and {of_key} names no other file")
        key, of_key = certificate, of_certificate
    else:
        _look_into(of_key, key, b"PRIVATE KEY-----", "a private key")
    passphrases_asked = 0

    def no_passphrase() -> str:  # without it, OpenSSL would ask on the terminal
        nonlocal passphrases_asked
        passphrases_asked += 1
        return ""

    try:
        context.load_cert_chain(certificate, key, password=no_passphrase)
    except (OSError, ValueError) as exc:
        if passphrases_asked:
            raise OperatorError(f"{of_key}: {str(key)!r} has a passphrase; expected a key without one") from None
        reason = exc.reason if isinstance(exc, ssl.SSLError) else None
        if reason == "KEY_VALUES_MISMATCH":
            told = f"{of_key}: {str(key)!r} is not the key of the certificate in {str(certificate)!r}"
            raise OperatorError(told) from None
        why = (reason or type(exc).__name__).lower().replace("_", " ")
        both = of_key if of_key == of_certificate else f"{of_certificate}, {of_key}"
        raise OperatorError(f"{both}: cannot use {str(certificate)!r} with {str(key)!r}: {why}") from None


def stamp_of(path: Path) -> Stamp:
    """Which file stands at *path* now. Waits: for the disk, a microsecond."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _look_into(setting: str, path: Path, mark: bytes, what: str) -> None:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise OperatorError(f"{setting}: cannot read {str(path)!r}: {exc.strerror}") from None
    if mark not in content:
        raise OperatorError(f"{setting}: {str(path)!r} holds no PEM block of {what}")
