"""What an operator does to a gateway that runs: keys, orgs, settings, plugins; each takes hold live, or not at all."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.gateway import HELD_KEYS, Gateway, as_json, free_port, gateway, new_key, until
from tests.whole.upstream import Upstream, send, wait
from tests.whole.wire_client import Got, request, wire

RULES = """
[[rule]]
name = "small classifiers"
when = { feature = "classifier" }
route = { provider = "openai", model = "gpt-4o-mini" }

[[rule]]
name = "to the other one"
when = { model = "gpt-4o-route-*" }
route = { provider = "groq", model = "llama-3.1-8b-instant" }

[[rule]]
name = "no secrets here"
when = { feature = "forbidden" }
deny = true
"""


@pytest.fixture
def own(tmp_path: Path, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway to be operated on."""
    with gateway(tmp_path, upstream.url, held=True, extra=RULES) as running:
        yield running


def ask(running: Gateway, key: str, feature: str, model: str = "gpt-4o", *fields: tuple[str, str]) -> Got:
    """One chat completion."""
    sent = (("X-Lectr-Key", key), ("X-Lectr-Feature", feature), ("Content-Type", "application/json"), *fields)
    body = json.dumps({"messages": ["ü"], "model": model, "n": 1}, separators=(" ,", " : ")).encode()
    with wire(running.url) as line:
        line.send(request("POST", "/v1/chat/completions", *sent, body=body))
        return line.get()


def within_a_second(running: Gateway, key: str, status: int) -> None:
    """The promise is a second; the clock starts when the command has returned."""
    start = time.monotonic()
    until(lambda: ask(running, key, "keys").status == status, what=f"the key gets {status}")
    assert time.monotonic() - start < 1.0


def test_a_key_is_live_and_dead_within_a_second(own: Gateway) -> None:
    key = new_key(own, org="globex", name="laptop")
    within_a_second(own, key, 200)
    listed = own.lectr("keys", "list").stdout
    assert "globex" in listed
    assert key not in listed
    (entry,) = [entry for entry in as_json(own.lectr("keys", "list", "--json").stdout)["keys"] if entry["org"] == "globex"]
    own.lectr("keys", "revoke", entry["id"])
    within_a_second(own, key, 401)
    assert ask(own, own.key, "keys").status == 200, "another key is none the worse"


def test_an_org_is_switched_off_and_on(own: Gateway) -> None:
    key = new_key(own, org="initech")
    within_a_second(own, key, 200)
    own.lectr("orgs", "disable", "initech")
    within_a_second(own, key, 401)
    assert json.loads(ask(own, key, "keys").body)["error"]["code"] == "org_disabled"
    own.lectr("orgs", "enable", "initech")
    within_a_second(own, key, 200)


def test_a_rule_rewrites_the_model_and_nothing_else(own: Gateway, upstream: Upstream, name: str) -> None:
    upstream.script(name, send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    ask(own, own.key, "classifier", "gpt-4o", ("x-standin", name))
    (seen,) = upstream.seen(name)
    assert seen.body == b'{"messages" : ["\\u00fc"] ,"model" : "gpt-4o-mini" ,"n" : 1}'
    (row,) = own.stored(1, "feature = 'classifier'")
    assert (row["model_requested"], row["model_sent"], row["rule"]) == ("gpt-4o", "gpt-4o-mini", "small classifiers")


def test_a_rule_routes_to_another_provider_with_its_own_credential(own: Gateway, upstream: Upstream, name: str) -> None:
    ask(own, own.key, name, "gpt-4o-route-x", ("x-standin", name))
    (seen,) = upstream.seen(name)
    assert seen.line == b"POST /openai/v1/chat/completions HTTP/1.1"
    assert seen.field("authorization") == f"Bearer {HELD_KEYS['groq']}".encode()
    assert HELD_KEYS["openai"].encode() not in seen.head
    (row,) = own.stored(1, "feature = ?", name)
    assert (row["provider"], row["model_sent"]) == ("groq", "llama-3.1-8b-instant")


def test_a_rule_denies(own: Gateway, upstream: Upstream) -> None:
    before = upstream.count()
    got = ask(own, own.key, "forbidden")
    assert got.status == 403
    assert json.loads(got.body)["error"]["code"] == "policy_denied"
    assert b"no secrets here" in got.body
    assert upstream.count() == before


def test_changed_settings_take_hold_and_invalid_ones_do_not(own: Gateway, upstream: Upstream) -> None:
    old = own.config.read_text()
    version = own.stored(1, "feature = 'one'")[0]["config_version"] if ask(own, own.key, "one").status == 200 else ""
    own.config.write_text(old.replace('"gpt-4o-mini"', '"gpt-4.1-nano"').replace('"forbidden"', '"other"'))
    until(lambda: ask(own, own.key, "forbidden").status == 200, what="the new rules hold")
    ask(own, own.key, "two")
    newer = own.stored(1, "feature = 'two'")[0]["config_version"]
    assert newer != version

    own.config.write_text(old.replace("[gateway]", "[gateway]\nnonsense = true"))
    until(lambda: "nonsense" in own.log.read_text(), what="the fault is told")
    assert ask(own, own.key, "three").status == 200
    assert own.stored(1, "feature = 'three'")[0]["config_version"] == newer
    assert "nonsense" in own.lectr("doctor", check=False).stdout


def test_a_request_under_way_keeps_the_version_it_began_with(own: Gateway, upstream: Upstream, name: str) -> None:
    upstream.script(name, wait(name), send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    fields = (("X-Lectr-Key", own.key), ("X-Lectr-Feature", name), ("x-standin", name), ("Content-Type", "application/json"))
    assert ask(own, own.key, "first").status == 200
    first = own.stored(1, "feature = 'first'")[0]["config_version"]
    with wire(own.url) as line:
        line.send(request("POST", "/v1/chat/completions", *fields, body=b'{"model":"gpt-4o"}'))
        upstream.seen(name)
        own.config.write_text(own.config.read_text().replace('"forbidden"', '"other"'))
        until(lambda: ask(own, own.key, "forbidden").status == 200, what="the new rules hold")
        upstream.release(name)
        assert line.get().status == 200
    assert own.stored(1, "feature = ?", name)[0]["config_version"] == first


def test_a_provider_that_is_not_there_is_a_502(tmp_path: Path, upstream: Upstream) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    with gateway(tmp_path, dead, held=True) as running:
        got = ask(running, running.key, "dead")
        assert (got.status, json.loads(got.body)["error"]["code"]) == (502, "provider_unreachable")
        (row,) = running.stored(1, "feature = 'dead'")
        assert row["error_source"] == "network"


def test_a_provider_that_never_answers_is_a_504(tmp_path: Path, upstream: Upstream, name: str) -> None:
    upstream.script(name, wait(name))
    with gateway(tmp_path, upstream.url, held=True, gateway="first_byte_limit_s = 0.3\n") as running:
        got = ask(running, running.key, "slow", "gpt-4o", ("x-standin", name))
        assert (got.status, json.loads(got.body)["error"]["code"]) == (504, "provider_timeout")
    assert upstream.seen(name, state="closed")


def test_commands_say_what_is_there(own: Gateway) -> None:
    plugins = as_json(own.lectr("plugins", "--json").stdout)
    assert "lectr-provider-openai" in json.dumps(plugins)
    assert own.lectr("doctor", check=False).stdout
    assert ask(own, own.key, "said").status == 200
    own.stored(1, "feature = 'said'")
    until(lambda: own.lectr("verify", check=False).returncode == 0, what="lectr verify is content")


def test_several_workers_share_one_port_and_one_truth(tmp_path: Path, upstream: Upstream) -> None:
    with gateway(tmp_path, upstream.url, held=True, gateway="workers = 2\n") as running:
        assert len([line for line in running.pids().values() if "assembly.worker" in line]) == 2
        for _ in range(60):
            assert ask(running, running.key, "shared").status == 200
        rows = running.stored(60, "feature = 'shared'")
        assert len(rows) == 60
        assert running.lectr("verify").returncode == 0


def test_a_unix_socket_is_a_door_too(tmp_path: Path, upstream: Upstream) -> None:
    path = tmp_path / "door"
    with gateway(tmp_path, upstream.url, held=True) as running:
        running.stop()
        running.config.write_text(
            running.config.read_text().replace("listen = ", f'listen = ["unix:{path}", ').replace('"\ndata', '"]\ndata', 1)
        )
        running.start()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(request("GET", "/v1/models", ("X-Lectr-Key", running.key)))
            assert sock.recv(12) == b"HTTP/1.1 200"
