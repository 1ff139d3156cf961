"""What the provider gets is what the client sent, less what was meant for the gateway alone."""

from __future__ import annotations

import json

import pytest

from tests.whole.answers import head, whole
from tests.whole.gateway import HELD_KEYS, Gateway
from tests.whole.upstream import Seen, Upstream, send, wait
from tests.whole.wire_client import Got, request, wire

ASK = b'{ "model" :"gpt-4o",\n "messages": [{"role":"user","content":"\\ud83d\\ude00 \xc3\xbc"}], "n": 1.0 }'
CLIENT_KEY = ("Authorization", "Bearer sk-proj-1")


def ask(
    upstream: Upstream,
    gateway: Gateway,
    name: str,
    *fields: tuple[str, str],
    method: str = "POST",
    target: str = "/v1/chat/completions",
    body: bytes = ASK,
    key: bool = True,
) -> tuple[Seen, Got]:
    """Send one request through the gateway; what the stand-in saw, and what came back."""
    own = (("X-Lectr-Key", gateway.key),) if key else ()
    media = (("Content-Type", "application/json"),) if body else ()
    with wire(gateway.url) as line:
        line.send(request(method, target, ("x-standin", name), *own, *media, *fields, body=body))
        got = line.get(method=method)
    assert got.status < 500, got.body
    return upstream.seen(name)[-1], got


@pytest.mark.parametrize(
    "target",
    [
        "/v1/chat/completions",
        "/v1/chat/completions?a=1&a=2&empty=&b",
        "/v1/chat/completions?",
        "/v1/files/a%2Fb%20c/content",
        "/v1/models/ft:gpt-4o:acme::1",
        "/v1/a//b/./c",
        "/v1/x?q=%E2%82%AC&r=a+b&s='\"<>",
    ],
)
def test_the_target_arrives_byte_for_byte(target: str, upstream: Upstream, passing: Gateway, name: str) -> None:
    upstream.script(name, send(whole(b"{}")))
    seen, _ = ask(upstream, passing, name, CLIENT_KEY, ("X-Lectr-Provider", "openai"), target=target)
    assert seen.line == f"POST {target} HTTP/1.1".encode()
    assert seen.body == ASK


def test_fields_keep_order_case_and_repetition(upstream: Upstream, passing: Gateway, name: str) -> None:
    fields = (
        ("User-Agent", "x/1 (y)"),
        ("x-b", "1"),
        ("X-A", "2"),
        ("x-A", "3"),
        ("X-Stainless-Lang", "python"),
        ("Accept-Encoding", "gzip, br, zstd"),
        ("Cookie", "a=b"),
        ("anthropic-beta", "a"),
        ("anthropic-beta", "b"),
    )
    seen, _ = ask(upstream, passing, name, CLIENT_KEY, *fields)
    wanted = {key.lower() for key, _ in fields}
    got = [(key.decode(), value.decode()) for key, value in seen.fields if key.decode().lower() in wanted]
    assert got == list(fields)
    assert seen.field("host") == f"127.0.0.1:{upstream.port}".encode()


def test_nothing_meant_for_the_gateway_goes_upstream(upstream: Upstream, passing: Gateway, name: str) -> None:
    own = (("X-Lectr-Feature", name), ("x-lectr-TASK", "reasoning"), ("X-LECTR-Provider", "openai"), ("X-Lectr-New", "1"))
    hop = (("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"), ("TE", "trailers"))
    seen, _ = ask(upstream, passing, name, CLIENT_KEY, *own, *hop, ("Proxy-Connection", "keep-alive"))
    assert b"lectr" not in seen.head.lower()
    assert passing.key.encode() not in seen.head
    for gone in ("x-hop", "keep-alive", "te", "proxy-connection", "upgrade"):
        assert seen.field(gone) is None
    assert seen.field("authorization") == b"Bearer sk-proj-1"


def test_the_key_in_the_path_is_taken_off(upstream: Upstream, passing: Gateway, name: str) -> None:
    target = f"/{passing.key}/v1/chat/completions?x=1"
    seen, _ = ask(upstream, passing, name, CLIENT_KEY, target=target, key=False)
    assert seen.line == b"POST /v1/chat/completions?x=1 HTTP/1.1"
    assert passing.key.encode() not in seen.head


@pytest.mark.parametrize(
    ("field", "value", "target", "provider"),
    [
        ("Authorization", "Bearer {key}", "/v1/chat/completions", "openai"),
        ("x-api-key", "{key}", "/v1/messages", "anthropic"),
        ("Authorization", "Bearer {key}", "/v1/messages", "anthropic"),
        ("x-goog-api-key", "{key}", "/v1beta/models/gemini-2.5-flash:generateContent", "gemini"),
        ("Authorization", "Bearer {key}", "/groq/openai/v1/chat/completions", "groq"),
        ("X-Lectr-Key", "{key}", "/v1/chat/completions", "openai"),
    ],
)
def test_a_held_credential_takes_the_place_of_the_lectr_key(
    field: str, value: str, target: str, provider: str, upstream: Upstream, holding: Gateway, name: str
) -> None:
    sent = (field, value.format(key=holding.key))
    seen, got = ask(upstream, holding, name, sent, target=target, key=False)
    assert got.status == 200
    assert holding.key.encode() not in seen.head
    assert seen.head.count(HELD_KEYS[provider].encode()) == 1
    assert not [other for name_, other in HELD_KEYS.items() if name_ != provider and other.encode() in seen.head]


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_a_body_in_chunks_arrives_whole(size: int, upstream: Upstream, passing: Gateway, name: str) -> None:
    upstream.script(name, send(whole(b"{}")))
    body = json.dumps({"model": "gpt-4o", "messages": "x" * size}).encode()
    fields = (("x-standin", name), ("X-Lectr-Key", passing.key), CLIENT_KEY, ("Content-Type", "application/json"))
    head_ = request("POST", "/v1/chat/completions", *fields, ("Transfer-Encoding", "chunked"), framed=False)
    with wire(passing.url) as line:
        line.send(head_)
        for at in range(0, len(body), 70_001):
            piece = body[at : at + 70_001]
            line.send(b"%X;ext=1\r\n%b\r\n" % (len(piece), piece))
        line.send(b"0\r\n\r\n")
        assert line.get().status == 200
    (seen,) = upstream.seen(name)
    assert seen.body_bytes == len(body)
    assert seen.body == body[: len(seen.body)]


@pytest.mark.parametrize("media", ["application/json", "application/octet-stream"])
def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(
    media: str, upstream: Upstream, passing: Gateway, name: str
) -> None:
    upstream.script(name, send(whole(b"{}")), early=(send(head("100 Continue")),))
    fields = (("x-standin", name), ("X-Lectr-Key", passing.key), CLIENT_KEY, ("Content-Type", media))
    sent = request("POST", "/v1/files", *fields, ("Expect", "100-continue"), ("Content-Length", str(len(ASK))), framed=False)
    with wire(passing.url) as line:
        line.send(sent)
        assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        line.send(ASK)
        assert line.get().status == 200
    assert upstream.seen(name)[0].body == ASK


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/v1/models"), ("DELETE", "/v1/files/1"), ("OPTIONS", "/v1/models"), ("HEAD", "/v1/models")],
)
def test_a_request_without_a_body_gets_no_framing(
    method: str, target: str, upstream: Upstream, passing: Gateway, name: str
) -> None:
    upstream.script(name, send(head("204 No Content")))
    fields = (CLIENT_KEY, ("Content-Type", "application/json"))
    seen, _ = ask(upstream, passing, name, *fields, method=method, target=target, body=b"")
    assert seen.line == f"{method} {target} HTTP/1.1".encode()
    assert seen.framing == "none"


def test_pipelined_requests_are_answered_in_order(upstream: Upstream, passing: Gateway, name: str) -> None:
    count = 5
    for n in range(count):
        upstream.script(f"{name}-{n}", send(whole(str(n).encode())))
    sent = [
        request(
            "POST", "/v1/chat/completions", ("x-standin", f"{name}-{n}"), ("X-Lectr-Key", passing.key), CLIENT_KEY, body=ASK
        )
        for n in range(count)
    ]
    with wire(passing.url) as line:
        line.send(b"".join(sent))
        assert [line.get().body for _ in range(count)] == [str(n).encode() for n in range(count)]


def test_connections_are_kept_on_both_sides(upstream: Upstream, passing: Gateway, name: str) -> None:
    with wire(passing.url) as line:
        for _ in range(10):
            fields = (("x-standin", name), ("X-Lectr-Key", passing.key), CLIENT_KEY, ("Content-Type", "application/json"))
            line.send(request("POST", "/v1/chat/completions", *fields, body=ASK))
            assert line.get().status == 200
    assert len({seen.connection for seen in upstream.seen(name, least=10)}) <= 2


def test_a_client_that_asks_to_close_is_obeyed(upstream: Upstream, passing: Gateway, name: str) -> None:
    fields = (("x-standin", name), ("X-Lectr-Key", passing.key), CLIENT_KEY, ("Connection", "close"))
    with wire(passing.url) as line:
        line.send(request("POST", "/v1/chat/completions", *fields, body=ASK))
        assert line.get().status == 200
        assert line.is_closed()


def test_an_answer_that_comes_before_the_upload_ends_is_not_kept_from_the_client(
    upstream: Upstream, passing: Gateway, name: str
) -> None:
    upstream.script(name, wait("never"), early=(send(whole(b"{}", status="413 Too Large")), {"close": "fin"}))
    fields = (("x-standin", name), ("X-Lectr-Key", passing.key), CLIENT_KEY, ("Content-Type", "application/octet-stream"))
    with wire(passing.url) as line:
        line.send(request("POST", "/v1/files", *fields, ("Content-Length", "1000000"), framed=False))
        assert line.get().status == 413
