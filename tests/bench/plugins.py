"""Plugins made up for a measurement, installed for one gateway alone: a folder of distributions on its path.

Called by `curves.py` and `gate.py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.bench.subjects import LECTR, Subject, rules
from tests.whole.gateway import Gateway, document, free_port, new_key

IDLE: Final = '''"""A plugin that has nothing to say: a provider to whom nothing belongs, and no policy."""

from lectr_core import DialectProvider, hookimpl


@hookimpl
def lectr_providers(settings):
    return [DialectProvider("idle-{n}", "http://127.0.0.1:9", None, families=("idle-{n}-",), key_prefixes=(b"idle-{n}-",))]


@hookimpl
def lectr_policies(settings):
    return []
'''
METADATA: Final = "Metadata-Version: 2.1\nName: lectr-made-up-{name}\nVersion: 1.0\n"
ENTRY: Final = "[lectr]\n{name} = lectr_made_up_{module}\n"


def write_plugin(site: Path, name: str, source: str) -> None:
    """Make one distribution with one module."""
    module = name.replace("-", "_")
    (site / f"lectr_made_up_{module}.py").write_text(source)
    info = site / f"lectr_made_up_{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA.format(name=name))
    (info / "entry_points.txt").write_text(ENTRY.format(name=name, module=module))


def write_idle(site: Path, count: int) -> Path:
    """So many plugins that have nothing to say."""
    site.mkdir(parents=True)
    for n in range(count):
        write_plugin(site, f"idle-{n}", IDLE.format(n=n))
    return site


@contextlib.contextmanager
def with_plugins(place: Path, upstream: int, site: Path) -> Iterator[Subject]:
    """Lectr with the plugins of *site* beside its usual ones."""
    place.mkdir(parents=True)
    running = Gateway(place=place, port=free_port(), key="", environ={"PYTHONPATH": str(site)})
    text = document(f"http://127.0.0.1:{upstream}", running.port, running.data, held=False, extra=rules(10))
    running.config.write_text(text)
    running.key = new_key(running)
    found = running.lectr("plugins", "--json", check=False).stdout.count('"lectr-made-up-')
    wanted = len(list(site.glob("*.dist-info")))
    assert found >= wanted, f"{found} of {wanted} plugins are installed"
    running.start()
    try:
        workers = [pid for pid, line in running.pids().items() if "assembly.worker" in line]
        fields = (("X-Lectr-Key", running.key), ("X-Lectr-Feature", "bench"))
        yield Subject(LECTR, running.port, lambda: workers, fields, gateway=running)
    finally:
        running.stop()
