"""The certificate: both files or none, faults that name the file and show nothing of it, dates, and what watches it."""

from __future__ import annotations

import logging
import shutil
import ssl
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from lectr_core.assembly.certificate import Pair, expires_at, make_context, warn_if_plain
from lectr_core.assembly.document import parse
from lectr_core.assembly.ground import open_doors
from lectr_core.assembly.settings import settle
from lectr_core.errors import OperatorError, UnsettledSettings
from lectr_core.model.settings import GatewaySettings

AUTHORITY = trustme.CA()


def issue(folder: Path, *, days: int = 90) -> GatewaySettings:
    now = datetime.now(UTC)
    made = AUTHORITY.issue_cert("gateway.test", not_before=now - timedelta(days=100), not_after=now + timedelta(days=days))
    made.private_key_pem.write_to_path(str(folder / "key.pem"))
    (folder / "cert.pem").write_bytes(b"".join(one.bytes() for one in made.cert_chain_pems))
    return GatewaySettings(tls_certificate=folder / "cert.pem", tls_key=folder / "key.pem")


def fault(gateway: GatewaySettings) -> str:
    with pytest.raises(OperatorError) as caught:
        make_context(gateway)
    told = str(caught.value)
    key = gateway.tls_key
    if key is not None and key.is_file():
        lines = [line for line in key.read_text().splitlines() if line and not line.startswith("-----")]
        assert not any(line in told for line in lines), "nothing of the key is told"
    assert "\n" not in told
    return told


@pytest.mark.parametrize(("one", "other"), [("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")])
def test_both_files_or_none(one: str, other: str) -> None:
    with pytest.raises(UnsettledSettings, match=rf"gateway\.{other}: needed where gateway\.{one} is set"):
        settle(parse(f"[gateway]\n{one} = 'x.pem'"), (), environ={})
    assert make_context(GatewaySettings()) is None


def test_the_context_is_strict(tmp_path: Path) -> None:
    context = make_context(issue(tmp_path))
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_each_file_at_fault_is_named(tmp_path: Path) -> None:
    gateway = issue(tmp_path)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    good_cert, good_key = cert.read_bytes(), key.read_bytes()
    cert.unlink()
    assert fault(gateway) == f"gateway.tls_certificate: cannot read {str(cert)!r}: No such file or directory"
    cert.write_bytes(good_key)
    assert fault(gateway) == f"gateway.tls_certificate: {str(cert)!r} holds no PEM block of a certificate"
    cert.write_bytes(good_cert)
    key.write_bytes(good_cert)
    assert fault(gateway) == f"gateway.tls_key: {str(key)!r} holds no PEM block of a private key"
    AUTHORITY.issue_cert("gateway.test").private_key_pem.write_to_path(str(key))
    assert fault(gateway) == f"gateway.tls_key: {str(key)!r} is not the key of the certificate in {str(cert)!r}"
    key.write_bytes(good_key[: len(good_key) // 2])
    assert str(key) in fault(gateway)
    key.unlink()
    key.mkdir()
    assert fault(gateway) == f"gateway.tls_key: cannot read {str(key)!r}: Is a directory"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="nothing here can lock a key")
def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(tmp_path: Path) -> None:
    gateway = issue(tmp_path)
    key = tmp_path / "key.pem"
    command = ["openssl", "pkcs8", "-topk8", "-in", str(key), "-out", str(tmp_path / "locked"), "-passout", "pass:word"]
    subprocess.run(command, check=True, capture_output=True)
    (tmp_path / "locked").replace(key)
    assert fault(gateway) == f"gateway.tls_key: {str(key)!r} has a passphrase; expected a key without one"


def test_its_end_is_known_and_one_that_has_ended_has_none(tmp_path: Path) -> None:
    gateway = issue(tmp_path, days=20)
    context = make_context(gateway)
    assert context is not None
    ends = expires_at(context, gateway)
    assert ends is not None
    assert abs(ends - time.time() - 20 * 86_400) < 60
    gateway = issue(tmp_path, days=-1)
    context = make_context(gateway)
    assert context is not None
    assert expires_at(context, gateway) is None


def test_a_change_counts_once_both_files_stand_still(tmp_path: Path) -> None:
    pair = Pair(issue(tmp_path))
    assert not pair.changed()
    issue(tmp_path)
    assert [pair.changed(), pair.changed(), pair.changed()] == [False, True, False]
    (tmp_path / "key.pem").unlink()
    assert [pair.changed(), pair.changed(), pair.changed()] == [False, True, False]
    assert not Pair(GatewaySettings()).changed()


def test_plain_http_warns_where_others_can_reach_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="lectr"), open_doors(["127.0.0.1:0", f"unix:{tmp_path}/s"]) as doors:
        warn_if_plain(GatewaySettings(), doors)
        assert caplog.messages == []
    with caplog.at_level(logging.WARNING, logger="lectr"), open_doors(["127.0.0.1:0", "0.0.0.0:0"]) as doors:
        warn_if_plain(issue(tmp_path), doors)
        assert caplog.messages == []
        warn_if_plain(GatewaySettings(), doors)
        (told,) = caplog.messages
    assert told.startswith(f"plain HTTP on {doors.addresses[1]}: ")
    assert "gateway.tls_certificate and gateway.tls_key" in told
