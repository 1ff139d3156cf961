"""TLS towards providers: certificates for those that ask, new files without a restart, faults that name file and setting."""

from __future__ import annotations

import logging
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
import trustme

from lectr_core import OperatorError, Origin
from lectr_core.hot.connect import Connector, Unreachable
from lectr_core.hot.reactor import Spot
from lectr_core.hot.trust import Trust, make_context
from lectr_core.model.egress import Egress, Place

from .stage import FakeProvider, request, stage

CA, OTHER = trustme.CA(), trustme.CA()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def issue(folder: Path, name: str = "gateway.client", *, ca: trustme.CA = CA) -> Egress:
    """Files as an operator has them."""
    CA.cert_pem.write_to_path(str(folder / "ca.pem"))
    made = ca.issue_cert(name)
    (folder / "client.pem").write_bytes(b"".join(one.bytes() for one in made.cert_chain_pems))
    made.private_key_pem.write_to_path(str(folder / "client.key"))
    return Egress(ca_file=folder / "ca.pem", client_certificate=folder / "client.pem", client_key=folder / "client.key")


class Demanding:
    """A provider that answers those who show a certificate it trusts, and notes whose it was."""

    def __init__(self, connections: int) -> None:
        self.shown: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.origin = Origin("https", "127.0.0.1", self.listener.getsockname()[1])
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        CA.issue_cert("127.0.0.1").configure_cert(self._context)
        self._context.verify_mode = ssl.CERT_REQUIRED
        CA.configure_trust(self._context)
        self.thread = threading.Thread(target=self._serve, args=(connections,))
        self.thread.start()

    def _serve(self, connections: int) -> None:
        with self.listener:
            for _ in range(connections):
                sock, _ = self.listener.accept()
                try:
                    with self._context.wrap_socket(sock, server_side=True) as far:
                        names = dict((far.getpeercert() or {})["subjectAltName"])  # type: ignore[arg-type]  # pairs of text
                        self.shown.append(names["DNS"])
                        while b"\r\n\r\n{}" not in far.recv(65536):
                            pass
                        far.sendall(ANSWER)
                except ssl.SSLError:
                    self.shown.append("refused")


async def _ask(egress: Egress, provider: Demanding, times: int = 1, renew: object = None) -> list[bytes]:
    answers = []
    async with stage(FakeProvider(origin=provider.origin), egress={"one": egress}) as it:
        it.gateway.pool.connector = Connector(5)
        for number in range(times):
            if number and callable(renew):
                renew()
            client = it.client()
            await client.send(request(b"{}", fields=("Connection: close",)))
            answers.append((await client.rest())[:12])
            it.gateway.pool.close()
            it.gateway.pool.drop_old()
    provider.thread.join()
    return answers


async def test_provider_that_demands_a_certificate_is_shown_it(tmp_path: Path) -> None:
    provider = Demanding(1)
    assert await _ask(issue(tmp_path), provider) == [b"HTTP/1.1 200"]
    assert provider.shown == ["gateway.client"]


async def test_key_may_stand_in_the_certificates_own_file(tmp_path: Path) -> None:
    egress = issue(tmp_path)
    whole = tmp_path / "both.pem"
    whole.write_bytes((tmp_path / "client.key").read_bytes() + (tmp_path / "client.pem").read_bytes())
    provider = Demanding(1)
    assert await _ask(Egress(ca_file=egress.ca_file, client_certificate=whole), provider) == [b"HTTP/1.1 200"]


@pytest.mark.parametrize("kind", ["none", "other"])
async def test_provider_that_demands_another_one_is_unreachable(tmp_path: Path, kind: str) -> None:
    egress = issue(tmp_path, ca=OTHER)
    provider = Demanding(1)
    assert await _ask(egress if kind == "other" else Egress(ca_file=egress.ca_file), provider) == [b"HTTP/1.1 502"]
    assert provider.shown == ["refused"]


async def test_new_files_hold_for_the_next_connection(tmp_path: Path) -> None:
    egress = issue(tmp_path, "first.client")
    provider = Demanding(2)
    answers = await _ask(egress, provider, 2, lambda: issue(tmp_path, "second.client"))
    assert answers == [b"HTTP/1.1 200"] * 2
    assert provider.shown == ["first.client", "second.client"]


def test_files_that_cannot_be_used_change_nothing_and_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    egress, trust = issue(tmp_path), Trust()
    with caplog.at_level(logging.INFO, "lectr.trust"):
        first = trust.context("one", egress)
        assert trust.context("one", egress) is first
        CA.issue_cert("other.client").private_key_pem.write_to_path(str(tmp_path / "client.key"))
        assert [trust.context("one", egress) for _ in range(3)] == [first] * 3
        (told,) = [record.getMessage() for record in caplog.records]
        assert "the certificates stay as they were: provider.one.client_key: " in told
        issue(tmp_path)
        assert trust.context("one", egress) is not first
        assert caplog.records[-1].getMessage() == "provider one: the new certificates are in force"


def test_each_kind_of_connection_has_its_own_context(tmp_path: Path) -> None:
    trust, egress = Trust(), issue(tmp_path)
    assert trust.context("one", egress) is trust.context("two", egress)
    assert trust.context("one", egress) is not trust.context("one", Egress(ca_file=egress.ca_file))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("client.pem", "provider.one.client_certificate: "),
        ("client.key", "provider.one.client_key: "),
        ("ca.pem", "provider.one.ca_file: "),
    ],
)
@pytest.mark.parametrize("how", ["gone", "no pem", "garbage"])
def test_fault_names_setting_and_file_and_shows_nothing_of_it(tmp_path: Path, spoil: str, told: str, how: str) -> None:
    egress, path = issue(tmp_path), tmp_path / spoil
    if how == "gone":
        path.unlink()
    else:
        kind = "CERTIFICATE" if spoil.endswith("pem") else "PRIVATE KEY"
        path.write_text("canary" if how == "no pem" else f"-----BEGIN {kind}-----\ncanary\n-----END {kind}-----\n")
    with pytest.raises(OperatorError) as caught:
        make_context("one", egress)
    assert "canary" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert str(caught.value).startswith(told) or how == "garbage"


async def test_file_that_is_gone_is_a_failure_of_tls_for_its_provider_alone(tmp_path: Path) -> None:
    egress = issue(tmp_path)
    (tmp_path / "client.key").unlink()
    async with stage() as it:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            origin = Origin("https", "127.0.0.1", listener.getsockname()[1])
            with pytest.raises(Unreachable) as caught:
                await Connector(5).open(Place("one", origin, egress), Spot(it.gateway.reactor))
    assert caught.value.stage == "tls"


def test_a_protected_key_is_refused_with_its_reason(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, and it makes the key with a passphrase")
    egress = issue(tmp_path)
    command = [openssl, "pkcs8", "-topk8", "-in", str(tmp_path / "client.key"), "-passout", "pass:canary"]
    subprocess.run([*command, "-out", str(tmp_path / "locked.key")], check=True, capture_output=True)
    with pytest.raises(OperatorError, match=r"provider\.one\.client_key: .* has a passphrase"):
        make_context("one", Egress(client_certificate=egress.client_certificate, client_key=tmp_path / "locked.key"))
