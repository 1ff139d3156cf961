"""What is measured: each gateway started in front of the same provider, with one worker, and how a client reaches it.

Lectr runs with everything on: key check, detection, ten rules, a reader on each answer, the journal, the cold process with
prices and SQLite. The others are plain proxies, except where their name says more. Called by the measures.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

from tests.bench import machine, peers
from tests.whole.gateway import Gateway, free_port, gateway, until
from tests.whole.wire_client import request, wire

HERE: Final = Path(__file__).parent
LECTR, ENVOY, NGINX, DIRECT = "Lectr", "Envoy", "nginx", "no gateway"
PORTKEY, LITELLM, LITELLM_PASS = "Portkey", "LiteLLM", "LiteLLM, pass-through"
NAMES: Final = (LECTR, ENVOY, NGINX, PORTKEY, LITELLM_PASS, LITELLM)

RULE: Final = """
[[rule]]
name = "rule {n}"
when = {{ {when} }}
route = {{ model = "gpt-4o" }}
"""


def rules(count: int, *, globs: bool = False) -> str:
    """So many rules of which none fits; with patterns, each has one of its own."""
    when = 'model = "*-{n}-*x"' if globs else 'feature = "feature-{n}", task = "classification"'
    return "".join(RULE.format(n=n, when=when.format(n=n)) for n in range(count))


NGINX_CONF: Final = """
daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/error.log crit; worker_rlimit_nofile 20000;
events {{ worker_connections 9000; }}
http {{
  access_log off;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/f;
  uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 10000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096; keepalive_requests 10000000; keepalive_timeout 600;
    client_max_body_size 64m; client_body_buffer_size 64k;
    proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600;
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""

ENVOY_CONF: Final = """
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          stream_idle_timeout: 0s
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{ match: {{ prefix: "/" }}, route: {{ cluster: provider, timeout: 0s }} }}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: provider
    type: STATIC
    circuit_breakers: {{ thresholds: [{{ max_connections: 9000, max_pending_requests: 9000, max_requests: 9000 }}] }}
    load_assignment:
      cluster_name: provider
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {upstream} }} }} }}
"""

LITELLM_CONF: Final = """
model_list:
  - model_name: gpt-4o-mini
    litellm_params: {{ model: openai/gpt-4o-mini, api_base: "http://127.0.0.1:{upstream}/v1", api_key: sk-bench }}
general_settings:
  pass_through_endpoints:
    - path: /pass
      target: http://127.0.0.1:{upstream}/v1/chat/completions
      headers: {{ Authorization: Bearer sk-bench }}
"""


@attrs.frozen
class Subject:
    """One thing that is measured."""

    name: str
    port: int
    carriers: Callable[[], list[int]] = attrs.field(repr=False, default=list)
    """The processes that carry the requests."""
    fields: tuple[tuple[str, str], ...] = attrs.field(repr=False, default=())
    path: str = "/v1/chat/completions"
    cost: float = 1.0
    """About how many times as long as the quick ones it takes: so many times fewer requests are sent."""
    gateway: Gateway | None = attrs.field(repr=False, default=None)
    """Where it is Lectr."""
    beside: tuple[Subject, ...] = ()
    """Other ways through the same processes."""

    def request(self, body: bytes) -> bytes:
        """A request with this body, as this gateway wants it."""
        fields = (("Content-Type", "application/json"), ("Authorization", "Bearer sk-proj-bench"), *self.fields)
        return request("POST", self.path, *fields, body=body)

    def settle(self) -> None:
        """Put its carriers on their core."""
        machine.pin(self.carriers(), machine.cores()[0])


@contextlib.contextmanager
def provider() -> Iterator[int]:
    """The provider. Gives its port."""
    command = [sys.executable, str(HERE / "provider.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextlib.contextmanager
def lectr(place: Path, upstream: int, *, extra: str = "", settings: str = "", name: str = LECTR) -> Iterator[Subject]:
    """Lectr as its users start it; ten rules where *extra* says nothing."""
    place.mkdir(parents=True, exist_ok=True)
    with gateway(place, f"http://127.0.0.1:{upstream}", held=False, extra=extra or rules(10), gateway=settings) as running:
        fields = (("X-Lectr-Key", running.key), ("X-Lectr-Feature", "bench"))

        def carriers() -> list[int]:
            return [pid for pid, line in running.pids().items() if "assembly.worker" in line]

        yield Subject(name, running.port, carriers, fields, gateway=running)


@contextlib.contextmanager
def nginx(place: Path, upstream: int) -> Iterator[Subject]:
    """nginx with one worker. Errors: LookupError where there is none."""
    port = free_port()
    command = _command(peers.nginx())
    config = place / "nginx.conf"
    config.write_text(NGINX_CONF.format(place=place, upstream=upstream, port=port))
    with _running([*command, "-c", str(config), "-p", str(place)], place, port) as process:
        yield Subject(NGINX, port, lambda: machine.family(process.pid)[1:])


@contextlib.contextmanager
def envoy(place: Path, upstream: int) -> Iterator[Subject]:
    """Envoy with one worker thread. Errors: LookupError."""
    port = free_port()
    config = place / "envoy.yaml"
    config.write_text(ENVOY_CONF.format(upstream=upstream, port=port))
    quiet = ["--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    with _running([*_command(peers.envoy()), "-c", str(config), *quiet], place, port) as process:
        yield Subject(ENVOY, port, lambda: machine.family(process.pid))


@contextlib.contextmanager
def portkey(place: Path, upstream: int) -> Iterator[Subject]:
    """Portkey's gateway. Errors: LookupError."""
    port = free_port()
    # It refuses hosts inside a network unless they are named.
    environ = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    command = [*_command(peers.portkey()), "--headless", f"--port={port}"]
    with _running(command, place, port, environ) as process:
        fields = (("x-portkey-provider", "openai"), ("x-portkey-custom-host", f"http://127.0.0.1:{upstream}/v1"))
        yield Subject(PORTKEY, port, lambda: machine.family(process.pid), fields, cost=20)


@contextlib.contextmanager
def litellm(place: Path, upstream: int) -> Iterator[Subject]:
    """LiteLLM's proxy without a database: its own route, and the one that passes through. Errors: LookupError."""
    port = free_port()
    config = place / "litellm.yaml"
    config.write_text(LITELLM_CONF.format(upstream=upstream))
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "NO_DOCS": "True"}
    environ["LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"] = "true"  # it runs without keys: less work for it
    command = [*_command(peers.litellm()), "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
    with _running(command, place, port, environ, patience_s=120) as process:

        def carriers() -> list[int]:
            return machine.family(process.pid)

        passing = Subject(LITELLM_PASS, port, carriers, path="/pass", cost=60)
        yield Subject(LITELLM, port, carriers, cost=60, beside=(passing,))


Maker = Callable[[Path, int], contextlib.AbstractContextManager[Subject]]
MAKERS: Final[dict[str, Maker]] = {NGINX: nginx, ENVOY: envoy, PORTKEY: portkey, LITELLM: litellm}


@contextlib.contextmanager
def started(wanted: set[str], place: Path, upstream: int, missing: dict[str, str]) -> Iterator[list[Subject]]:
    """Every gateway of *wanted*, warm and pinned; those that cannot be had are noted in *missing*."""
    with contextlib.ExitStack() as stack:
        found: list[Subject] = [stack.enter_context(lectr(place / "lectr", upstream))] if LECTR in wanted else []
        for name, make in MAKERS.items():
            if not wanted & {name, f"{name}, pass-through"}:
                continue
            folder = place / name
            folder.mkdir()
            try:
                made = stack.enter_context(make(folder, upstream))
            except (LookupError, AssertionError) as exc:
                missing[name] = " ".join(str(exc).split())[:300]
                continue
            found += [made, *made.beside]
        for subject in found:
            subject.settle()
        yield sorted((one for one in found if one.name in wanted), key=lambda one: NAMES.index(one.name))


def _command(peer: peers.Peer) -> list[str]:
    if peer.missing:
        raise LookupError(peer.missing)
    return list(peer.command)


@contextlib.contextmanager
def _running(
    command: list[str], place: Path, port: int, environ: Mapping[str, str] | None = None, patience_s: float = 30.0
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that listens on a port, for as long as the block lasts."""
    with (place / "log").open("wb") as log:
        whole = {**os.environ, **(environ or {})}
        with subprocess.Popen(command, cwd=place, env=whole, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process:
            try:
                until(
                    lambda: process.poll() is not None or _answers(port),
                    what=f"{command[0]} answers",
                    patience_s=patience_s,
                )
                if process.poll() is not None:
                    raise LookupError(f"ended at once: {(place / 'log').read_text(errors='replace')[-300:]}")
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()


def _answers(port: int) -> bool:
    try:
        with wire(f"http://127.0.0.1:{port}") as line:
            line.send(request("GET", "/", ("Connection", "close")))
            return bool(line.sock.recv(9))
    except OSError:
        return False
