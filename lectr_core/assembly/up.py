"""From settings to a running gateway: the one way in which `lectr up`, `lectr serve` and plugins' commands start one.

Takes the data directory, makes a key where there is none, opens the doors and hands over to the supervisor. Prints nothing:
whoever calls is told through *ready*. Called by the command line and `running`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from lectr_core.assembly import versions
from lectr_core.assembly.admin import open_admin
from lectr_core.assembly.document import Document
from lectr_core.assembly.ground import Doors, adopt_doors, allow_descriptors, hold_data, open_doors
from lectr_core.assembly.handover import REHEARSAL, Handover, Retired, take_handover
from lectr_core.assembly.keys import Key, create_key, read_book, revoke_key
from lectr_core.assembly.plugins import Plugins, load_plugins
from lectr_core.assembly.process import log_to_stderr
from lectr_core.assembly.reload import Watch
from lectr_core.assembly.running import Ready, Running
from lectr_core.assembly.service import Service, take_descriptors
from lectr_core.assembly.settings import Loaded, declared, settle
from lectr_core.assembly.supervisor import Supervisor
from lectr_core.errors import UnsettledSettings
from lectr_core.model.settings import Settings
from lectr_core.ports import Companion

FIRST_ORG = "default"


@attrs.frozen
class FirstKey:
    """The key of this run, where there is one to show."""

    key: Key
    secret: str = attrs.field(repr=False)


KeyFor = Callable[[Path], FirstKey | None]


def start(
    plugins: Plugins,
    loaded: Loaded,
    *,
    ready: Callable[[Supervisor, FirstKey | None], Any],  # Any: an awaitable of an exit code or None
    key_for: KeyFor,
    companions: Sequence[Companion] = (),
    with_companions: bool = True,
    reread: Callable[[], Loaded] | None = None,
    watch: Watch | None = None,
) -> int:
    """Run until stopped. Returns the exit code. Errors: OperatorError where the directory or a port is not to be had."""
    log_to_stderr()
    allow_descriptors()
    versions.build(plugins, loaded.settings)  # every fault before anything is touched
    if REHEARSAL in os.environ:
        return 0
    handed = take_handover(os.environ, os.getpid())
    offered = [companion for _, companion in plugins.companions(loaded.settings)] if with_companions else []
    with (
        hold_data(loaded.settings.gateway.data, handed.lock if handed else None) as (data, lock),
        _doors(loaded.settings, handed) as doors,
        open_admin(loaded.settings, handed.admin if handed else ()) as admin,
    ):
        read_book(data)
        service = Service.of(os.environ, os.getpid())
        retired = Retired(data, handed.workers if handed else ())
        everyone = (*companions, *offered)
        supervisor = Supervisor(plugins, loaded, data, doors, everyone, reread, watch, admin, service, lock, retired)
        key = key_for(data)
        told = key is None

        async def begun(_: Supervisor) -> int | None:
            nonlocal told
            told = True
            code: int | None = await ready(supervisor, key)
            return code

        try:
            return _plainly(partial(supervisor.run, begun))
        finally:
            if key is not None and not told:  # nobody saw it, and while it works no other is made
                revoke_key(data, key.key.id)


def _doors(settings: Settings, handed: Handover | None) -> AbstractContextManager[Doors]:
    """Those that a service manager opened, else those that the settings name."""
    if handed is not None:
        if handed.is_managed:
            numbers: tuple[int, ...] = tuple(number for _, number in handed.doors)
            return adopt_doors(numbers, loopback_only=settings.gateway.auth == "none")
        return open_doors(settings.gateway.listen, handed=handed.doors)
    if numbers := take_descriptors(os.environ, os.getpid()):
        return adopt_doors(numbers, loopback_only=settings.gateway.auth == "none")
    return open_doors(settings.gateway.listen)


def run(
    document: Document,
    *,
    data: Path,
    ready: Ready,
    companions: Sequence[Companion],
    explorer: bool,
    org: str,
) -> int:
    """See `running.run_up`."""
    plugins = load_plugins()
    loaded = settle(_with_data(document, data), declared(plugins), environ=os.environ)
    made: list[FirstKey] = []

    def fresh(data: Path) -> FirstKey:
        made.append(FirstKey(*create_key(data, org, "one run")))
        return made[-1]

    async def tell(supervisor: Supervisor, key: FirstKey | None) -> int | None:
        return await ready(running(supervisor, key))

    try:
        return start(plugins, loaded, ready=tell, key_for=fresh, companions=companions, with_companions=explorer)
    finally:
        for key in made:
            revoke_key(data, key.key.id)


def running(supervisor: Supervisor, key: FirstKey | None) -> Running:
    """What *supervisor* runs, as plugins are told."""
    urls = {companion.id: companion.url() for companion in supervisor.companions}
    return Running(
        base_url=supervisor.base_url,
        key=key.secret if key is not None else "",
        urls={name: url for name, url in urls.items() if url is not None},
        settings=supervisor.settings,
    )


def first_key(data: Path) -> FirstKey | None:
    """A key where there is none that works; None where there is."""
    book = read_book(data)
    if any(not holder.revoked for holder in book.ring().holders.values()):
        return None
    return FirstKey(*create_key(data, FIRST_ORG, "first"))


def no_key(_: Path) -> None:
    """No key is made."""


def _with_data(document: Document, data: Path) -> dict[str, Any]:  # Any: whatever TOML can hold
    gateway = document.get("gateway", {})
    if not isinstance(gateway, Mapping):
        raise UnsettledSettings(("gateway: expected a table",), "settings")
    return {**document, "gateway": {**gateway, "data": str(data)}}


def _plainly(main: Callable[[], Any]) -> int:  # Any: a coroutine that ends in an exit code
    """Run *main*; an error that is alone in its groups comes out as itself."""
    try:
        code: int = trio.run(main)
        return code
    except BaseExceptionGroup as group:
        one: BaseException = group
        while isinstance(one, BaseExceptionGroup) and len(one.exceptions) == 1:
            one = one.exceptions[0]
        if one is not group:
            raise one from None
        raise
