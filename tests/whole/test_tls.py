"""HTTPS as clients meet it: the real gateway with a certificate, httpx and the openai SDK, and a renewal under way."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import openai
import pytest
import trustme

from tests.whole.answers import TEXT
from tests.whole.gateway import Gateway, document, free_port, new_key, until
from tests.whole.upstream import Upstream, send, wait

ASK = [{"role": "user", "content": "say hello"}]


class SecureGateway(Gateway):
    """A gateway that is asked over TLS."""

    def answers(self) -> bool:
        """Whether it shakes hands."""
        try:
            return bool(shown(self))
        except OSError:
            return False


@attrs.frozen
class Setting:
    """Who signs, and who serves."""

    authority: trustme.CA
    gateway: Gateway

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client that knows the authority verifies with."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    @property
    def url(self) -> str:
        """Its base address, without a path."""
        return f"https://127.0.0.1:{self.gateway.port}"

    def renew(self) -> None:
        """Put a new pair in place."""
        made = self.authority.issue_cert("127.0.0.1")
        key = self.gateway.place / "key.pem"
        key.touch(0o600)  # the doctor minds a key that everybody can read
        made.private_key_pem.write_to_path(str(key))
        (self.gateway.place / "cert.pem").write_bytes(b"".join(one.bytes() for one in made.cert_chain_pems))

    def health(self) -> dict[str, object]:
        """What the worker notes."""
        noted: dict[str, object] = json.loads((self.gateway.data / "health" / "worker-0.json").read_text())["notes"]
        return noted


def shown(running: Gateway) -> bytes:
    """The certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as sock, context.wrap_socket(sock) as tls:
        return tls.getpeercert(binary_form=True) or b""


@pytest.fixture
def secure(tmp_path: Path, upstream: Upstream) -> Iterator[Setting]:
    running = SecureGateway(place=tmp_path, port=free_port(), key="")
    setting = Setting(trustme.CA(), running)
    setting.renew()
    files = f'tls_certificate = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}/key.pem"'
    running.config.write_text(document(upstream.url, running.port, running.data, held=True, gateway=files))
    running.key = new_key(running)
    try:
        running.start()
        yield setting
    finally:
        running.stop()


def test_clients_that_verify_get_their_answers(secure: Setting, upstream: Upstream, name: str) -> None:
    headers = {"x-standin": name, "X-Lectr-Feature": name}
    http: Any = httpx.Client(verify=secure.trust)  # Any: the types of an SDK are its own business
    with openai.OpenAI(
        base_url=f"{secure.url}/v1", api_key=secure.gateway.key, http_client=http, default_headers=headers, max_retries=0
    ) as made:
        client: Any = made  # Any: as above
        said = client.chat.completions.create(model="gpt-4o-mini", messages=ASK)
        assert said.choices[0].message.content == "".join(TEXT)
        stream = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "".join(TEXT)
    body = b"long " * 200_000
    upstream.script(f"{name}-long", send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body))
    with httpx.Client(verify=secure.trust, headers={"X-Lectr-Key": secure.gateway.key, "x-standin": f"{name}-long"}) as http:
        answer = http.post(f"{secure.url}/v1/chat/completions", content=body, headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.content) == (200, body)
    (seen,) = upstream.seen(f"{name}-long")
    assert seen.body_bytes == len(body)
    assert {row["status"] for row in secure.gateway.stored(3)} == {200}
    with httpx.Client() as stranger, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.get(secure.url)


def test_it_says_https_and_the_doctor_says_how_long(secure: Setting) -> None:
    until(lambda: f"gateway   {secure.url}" in secure.gateway.log.read_text(), what="the address is printed")
    found = json.loads(secure.gateway.lectr("doctor", "--offline", "--json", check=False).stdout)
    (told,) = [one for one in found if one["what"] == "certificate"]
    assert (told["level"], told["text"][:12]) == ("ok", "holds until ")


def test_a_renewed_certificate_is_shown_within_a_second_and_open_connections_go_on(
    secure: Setting, upstream: Upstream, name: str
) -> None:
    upstream.script(name, send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"), wait(name), send(b"def"))
    before = shown(secure.gateway)
    with httpx.Client(verify=secure.trust, headers={"X-Lectr-Key": secure.gateway.key, "x-standin": name}) as http:
        with http.stream("POST", f"{secure.url}/v1/chat/completions", content=b"{}") as answer:
            pieces = answer.iter_raw()
            assert next(pieces) == b"abc"
            secure.renew()
            start = time.monotonic()
            until(lambda: shown(secure.gateway) != before, what="the new certificate is shown")
            assert time.monotonic() - start < 1.0
            upstream.release(name)
            assert b"".join(pieces) == b"def"


def test_a_pair_that_does_not_match_changes_nothing_and_is_told(secure: Setting) -> None:
    before = shown(secure.gateway)
    secure.authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(str(secure.gateway.place / "key.pem"))
    until(lambda: "tls_fault" in secure.health(), what="the fault is noted")
    assert shown(secure.gateway) == before
    assert "is not the key of the certificate" in secure.gateway.log.read_text()
    told = secure.gateway.lectr("doctor", "--offline", check=False).stdout
    assert "the new certificate is not taken over: gateway.tls_key" in told
    secure.renew()
    until(lambda: "tls_fault" not in secure.health(), what="the fault is over")
    assert shown(secure.gateway) != before


def test_a_start_without_the_file_is_refused_with_its_name(tmp_path: Path, upstream: Upstream) -> None:
    running = SecureGateway(place=tmp_path, port=free_port(), key="")
    files = f'tls_certificate = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}/key.pem"'
    running.config.write_text(document(upstream.url, running.port, running.data, held=True, gateway=files))
    done = running.lectr("serve", check=False)
    assert done.returncode == 2
    assert f"gateway.tls_certificate: cannot read '{tmp_path}/cert.pem'" in done.stderr
