"""What a request costs: CPU time per request of one gateway worker, beside nginx as a plain proxy. `python -m tests.bench`.

Both stand in front of the same stand-in provider and serve the same small, not streamed, chat completion over connections
that are kept. Rounds are interleaved, so that a machine that slows down slows both. CPU time is read from the processes
themselves: it is the figure that other load disturbs least. The load generator and the provider are not counted. Prints a
Markdown table.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs

from tests.whole.gateway import Gateway, free_port, gateway, until
from tests.whole.wire_client import request, wire

TICKS: Final = os.sysconf("SC_CLK_TCK")
HERE: Final = Path(__file__).parent

BODY: Final = (
    b'{"model":"gpt-4o-mini","messages":[{"role":"system","content":"'
    + b"You are a careful assistant. " * 20
    + b'"},{"role":"user","content":"hello"}],"max_tokens":64}'
)

# As many as a policy file of a small company has; none of them matches, so that each is looked at.
RULE: Final = """
[[rule]]
name = "rule {n}"
when = {{ feature = "feature-{n}", task = "classification" }}
route = {{ model = "gpt-4o" }}
"""
RULES: Final = "".join(RULE.format(n=n) for n in range(10))

NGINX: Final = """
daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/f;
  uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port}; keepalive_requests 10000000; client_body_buffer_size 64k;
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


@attrs.frozen
class Subject:
    """One thing that is measured."""

    name: str
    url: str
    fields: tuple[tuple[str, str], ...]
    pid: Callable[[], int]
    """The one process that carries the requests."""


def cpu_s(pid: int) -> float:
    """CPU time a process has used, in user and kernel mode. Units: seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(subject: Subject, requests: int, connections: int) -> float:
    """Send *requests* over *connections* and read every answer. Returns the seconds it took."""
    fields = (("Content-Type", "application/json"), ("Authorization", "Bearer sk-proj-bench"), *subject.fields)
    sent = request("POST", "/v1/chat/completions", *fields, body=BODY)
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(wire(subject.url)) for _ in range(connections)]
        start = time.perf_counter()
        for _ in range(requests // connections):
            for line in lines:
                line.send(sent)
            for line in lines:
                got = line.get()
                assert got.status == 200, got
        return time.perf_counter() - start


def one_round(subject: Subject, requests: int, connections: int) -> tuple[float, float]:
    """CPU µs a request, and requests a second, of one round."""
    before = cpu_s(subject.pid())
    took_s = load(subject, requests, connections)
    return (cpu_s(subject.pid()) - before) / requests * 1e6, requests / took_s


@contextlib.contextmanager
def provider() -> Iterator[int]:
    """The cheapest provider there is. Gives its port."""
    command = [sys.executable, str(HERE / "provider.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextlib.contextmanager
def nginx(place: Path, upstream: int) -> Iterator[Subject | None]:
    """nginx with one worker and connections to the provider that are kept; None where it is not installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    config = place / "nginx.conf"
    config.write_text(NGINX.format(place=place, upstream=upstream, port=port))
    with subprocess.Popen([program, "-c", str(config), "-p", str(place)], stderr=subprocess.DEVNULL) as process:
        try:
            yield Subject("nginx, plain proxy", f"http://127.0.0.1:{port}", (), lambda: _child_of(process.pid))
        finally:
            process.terminate()


def _child_of(pid: int) -> int:
    """The one child of a process: nginx's worker."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return int(until(lambda: children.read_text().split(), what="nginx has a worker")[0])


def _worker_of(running: Gateway) -> int:
    return next(pid for pid, line in running.pids().items() if "assembly.worker" in line)


def table(results: dict[str, list[tuple[float, float]]], arguments: argparse.Namespace) -> str:
    """The figures as Markdown."""
    lines = [
        "| | CPU µs a request, median | lowest to highest | requests a second, median | of nginx |",
        "|---|---|---|---|---|",
    ]
    medians = {name: statistics.median(cpu for cpu, _ in rounds) for name, rounds in results.items()}
    base = next((median for name, median in medians.items() if name.startswith("nginx")), None)
    for name, rounds in results.items():
        costs = [cpu for cpu, _ in rounds]
        rate = statistics.median(rate for _, rate in rounds)
        ratio = f"{medians[name] / base:.1f} ×" if base else "—"
        lines.append(f"| {name} | {medians[name]:.0f} | {min(costs):.0f} to {max(costs):.0f} | {rate:.0f} | {ratio} |")
    where = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    how = f"{arguments.rounds} interleaved rounds of {arguments.requests} requests over {arguments.connections} connections"
    return "\n".join([*lines, "", f"{how}; request body {len(BODY)} bytes; {where}."])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=4000, help="of each round")
    parser.add_argument("--connections", type=int, default=8)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lectr-bench-")))
        upstream = stack.enter_context(provider())
        (place / "nginx").mkdir()
        (place / "lectr").mkdir()
        beside = stack.enter_context(nginx(place / "nginx", upstream))
        running = stack.enter_context(gateway(place / "lectr", f"http://127.0.0.1:{upstream}", held=False, extra=RULES))
        own = (("X-Lectr-Key", running.key), ("X-Lectr-Feature", "bench"))
        subjects = [
            Subject("Lectr: key, detection, 10 rules, reading, journal", running.url, own, lambda: _worker_of(running)),
            *([beside] if beside else []),
        ]
        for subject in subjects:
            load(subject, 500, arguments.connections)  # until it is warm
        results: dict[str, list[tuple[float, float]]] = {subject.name: [] for subject in subjects}
        for _ in range(arguments.rounds):
            for subject in subjects:
                results[subject.name].append(one_round(subject, arguments.requests, arguments.connections))
        print(table(results, arguments))
        if beside is None:
            print("\nnginx is not installed, so there is nothing to compare with.")


if __name__ == "__main__":
    main()
