"""What no client should send: refused as documented or passed on, and never a crash, a stall or a heap of memory."""

from __future__ import annotations

import json

import pytest

from tests.whole.answers import whole
from tests.whole.gateway import Gateway
from tests.whole.upstream import Upstream, send
from tests.whole.wire_client import Got, request, wire

CREDENTIAL = ("Authorization", "Bearer sk-proj-1")
JSON = ("Content-Type", "application/json")


def code_of(got: Got) -> str:
    """Lectr's own error code."""
    return str(json.loads(got.body)["error"]["code"])


def exchange(gateway: Gateway, sent: bytes, method: str = "POST") -> Got:
    """Send bytes on a new connection and read one response."""
    with wire(gateway.url) as line:
        line.send(sent)
        return line.get(method=method)


def is_fine(gateway: Gateway) -> bool:
    """Whether it still serves."""
    return exchange(gateway, request("GET", "/v1/models", ("X-Lectr-Key", gateway.key), CREDENTIAL), "GET").status == 200


LINE = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
MALFORMED = {
    "no http": b"hello there\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40 + b"\r\n\r\n",
    "no host": b"GET /v1/models HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two lengths": LINE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": LINE + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": LINE + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "length of words": LINE + b"Content-Length: many\r\n\r\n",
    "negative length": LINE + b"Content-Length: -1\r\n\r\n",
    "signed length": LINE + b"Content-Length: +1\r\n\r\na",
    "endless length": LINE + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "unknown coding": LINE + b"Transfer-Encoding: gzip\r\n\r\n",
    "chunked twice": LINE + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": LINE + b"X-A : b\r\n\r\n",
    "folded line": LINE + b"X-A: b\r\n c\r\n\r\n",
    "no colon": LINE + b"nonsense\r\n\r\n",
    "nul in a value": LINE + b"X-A: a\x00b\r\n\r\n",
    "bare cr": LINE + b"X-A: a\rb\r\n\r\n",
    "bad chunk size": LINE + b"X-Lectr-Key: %KEY%\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "bad chunk end": LINE + b"X-Lectr-Key: %KEY%\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naXX\r\n0\r\n\r\n",
    "length as a trailer": LINE
    + b"X-Lectr-Key: %KEY%\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nContent-Length: 1\r\n\r\n",
    "line end before the method": b"\nTRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tab behind the coding": LINE + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
    "absurd version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_http_gets_400_and_a_close(case: str, passing: Gateway, upstream: Upstream) -> None:
    before = upstream.count()
    with wire(passing.url) as line:
        line.send(MALFORMED[case].replace(b"%KEY%", passing.key.encode()))
        got = line.get()
        assert got.status == 400, got.body
        assert code_of(got) == "invalid_request"
        assert line.is_closed()
    assert not [seen for seen in upstream.since(before) if seen.complete], "nothing of it may reach a provider"


def test_a_head_without_end_is_refused(passing: Gateway) -> None:
    with wire(passing.url) as line:
        try:
            line.send(LINE + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 1000) for n in range(1000)))
        except ConnectionError:
            return  # it closed before we were through, which is a refusal too
        got = line.get()
        assert 400 <= got.status < 500
    assert is_fine(passing)


DEEP = 100_000
BODIES = {
    "deep arrays": b'{"model":"gpt-4o","messages":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep and open": b'{"model":"gpt-4o","messages":' + b"[" * DEEP,
    "model twice": b'{"model":"gpt-4o","model":"claude-3"}',
    "model of a number": b'{"model":4,"stream":"yes","max_tokens":"many"}',
    "model of a tree": b'{"model":{"a":[1]},"stream":{}}',
    "an array": b'[{"model":"gpt-4o"}]',
    "a number": b"1e999999",
    "huge number": b'{"model":"gpt-4o","max_tokens":' + b"9" * 10_000 + b"}",
    "not json": b"<xml/>",
    "half": b'{"model":"gpt-4',
    "not utf-8": b'{"model":"gpt-\xff\xfe"}',
    "nul": b'{"model":"gpt\\u0000-4o"}',
    "lone surrogate": b'{"model":"\\ud800"}',
    "empty": b"",
    "spaces": b" " * 100_000,
    "bom": b'\xef\xbb\xbf{"model":"gpt-4o"}',
    "long model": b'{"model":"' + b"m" * 200_000 + b'"}',
    "many keys": b"{" + b",".join(b'"k%d":1' % n for n in range(50_000)) + b',"model":"gpt-4o"}',
}


@pytest.mark.parametrize("case", BODIES)
def test_a_strange_body_is_passed_on_as_it_is(case: str, upstream: Upstream, passing: Gateway, name: str) -> None:
    body = BODIES[case]
    upstream.script(name, send(whole(b"{}")))
    fields = (("X-Lectr-Key", passing.key), ("X-Lectr-Feature", name), ("x-standin", name), CREDENTIAL, JSON)
    got = exchange(passing, request("POST", "/v1/chat/completions", *fields, body=body))
    assert got.status == 200
    (seen,) = upstream.seen(name)
    assert seen.body_bytes == len(body)
    assert seen.body == body[: len(seen.body)]
    (row,) = passing.stored(1, "feature = ?", name)
    assert row["outcome"] == "ok"


def test_a_body_at_the_limit_passes_and_one_over_it_is_refused(upstream: Upstream, passing: Gateway, name: str) -> None:
    limit = 33_554_432
    start = b'{"model":"gpt-4o","messages":["'
    body = start + b"x" * (limit - len(start) - 3) + b'"]}'
    assert len(body) == limit
    upstream.script(name, send(whole(b"{}")))
    fields = (("X-Lectr-Key", passing.key), ("x-standin", name), CREDENTIAL, JSON)
    assert exchange(passing, request("POST", "/v1/chat/completions", *fields, body=body)).status == 200
    assert upstream.seen(name)[0].body_bytes == limit
    before = upstream.count()
    over = request("POST", "/v1/chat/completions", *fields, ("Content-Length", str(limit + 1)), framed=False)
    got = exchange(passing, over)
    assert (got.status, code_of(got)) == (413, "request_too_large")
    assert upstream.count() == before


def test_chunks_over_the_limit_are_refused(passing: Gateway) -> None:
    fields = (("X-Lectr-Key", passing.key), CREDENTIAL, JSON, ("Transfer-Encoding", "chunked"))
    with wire(passing.url) as line:
        line.send(request("POST", "/v1/chat/completions", *fields, framed=False))
        piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        try:
            for _ in range(34):
                line.send(piece)
        except ConnectionError:
            pass
        assert line.get().status == 413
    assert is_fine(passing)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ((CREDENTIAL,), 401, "missing_lectr_key"),
        ((("X-Lectr-Key", "lc_key_" + "A" * 43),), 401, "invalid_lectr_key"),
        ((("X-Lectr-Key", "something"),), 401, "invalid_lectr_key"),
        ((("Authorization", "Bearer lc_key_" + "A" * 43),), 401, "invalid_lectr_key"),
        ((("X-Lectr-Key", "{key}"), ("X-Lectr-Provider", "nobody")), 400, "invalid_provider"),
        ((("X-Lectr-Key", "{key}"), ("X-Lectr-Provider", "http://127.0.0.1:1/")), 400, "invalid_provider"),
        ((("X-Lectr-Key", "{key}"), ("X-Lectr-Provider", "azure")), 400, "azure_config_missing"),
    ],
)
def test_a_refusal_has_its_documented_code_and_costs_the_provider_nothing(
    fields: tuple[tuple[str, str], ...], status: int, code: str, upstream: Upstream, passing: Gateway, name: str
) -> None:
    before = upstream.count()
    sent = [(key, value.replace("{key}", passing.key)) for key, value in fields]
    body = b'{"model":"gpt-4o"}'
    got = exchange(passing, request("POST", "/v1/chat/completions", *sent, ("X-Lectr-Feature", name), JSON, body=body))
    assert (got.status, code_of(got)) == (status, code)
    assert got.values("content-type") == [b"application/json"]
    assert set(json.loads(got.body)["error"]) >= {"message", "type", "code", "param"}
    assert upstream.count() == before
    (row,) = passing.stored(1, "feature = ?", name)
    assert (row["outcome"], row["status"]) == ("lectr_refused", status)


def test_a_refusal_on_a_native_path_has_that_providers_shape(passing: Gateway) -> None:
    got = exchange(passing, request("POST", "/v1/messages", JSON, body=b'{"model":"claude-haiku-4-5"}'))
    assert got.status == 401
    assert json.loads(got.body)["type"] == "error"


def test_a_thousand_broken_connections_leave_nothing_behind(passing: Gateway) -> None:
    for n in range(1000):
        with wire(passing.url) as line:
            line.send([b"", b"GET", b"GET / HTTP/1.1\r\n", LINE + b"Content-Length: 10\r\n\r\nabc"][n % 4])
    assert is_fine(passing)
