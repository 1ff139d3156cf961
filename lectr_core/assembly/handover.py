"""Replacing the program of a gateway that runs, so that no request is dropped: what one supervisor leaves to the next.

The supervisor's process stays, under the same id, and becomes the newly installed program by exec; whoever watches it (a
service manager, a terminal, a container) notices nothing. It takes over the listening sockets, the hold on the data
directory, and the old workers, which go on serving until new ones accept; then they finish what they have begun (`Retired`).
Before all this the new program is rehearsed: one that cannot start with these settings is never begun. Called by `up` and
`supervisor`.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import attrs
import trio

from lectr_core.assembly.child import Child, lines, show_lines
from lectr_core.assembly.ground import Doors
from lectr_core.assembly.health import FOLDER
from lectr_core.errors import Bug, OperatorError
from lectr_core.model import codec

_log = logging.getLogger("lectr.supervisor")

VARIABLE: Final = "LECTR_HANDOVER"
REHEARSAL: Final = "LECTR_REHEARSAL"
"""Set: come as far as a start without touching anything, and end."""
REHEARSAL_LIMIT_S: Final = 60.0
SIGNALS: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2})
"""Held back while there is nobody who could heed them."""
CUT_LIMIT_S: Final = 5.0
"""Beyond the drain time, for an old worker to end by itself; then it is killed."""


@attrs.frozen(kw_only=True)
class OldWorker:
    """A worker of the program before."""

    name: str
    pid: int
    orders: int
    """Descriptor of its standard input."""
    log: int
    """Descriptor of what it writes to standard error."""


@attrs.frozen(kw_only=True)
class Handover:
    """What is left to the next program, as descriptors that it inherits."""

    pid: int
    lock: int
    doors: tuple[tuple[str, int], ...]
    """Listening sockets with the setting's words for their address; empty words: a service manager opened it."""
    admin: tuple[tuple[str, int], ...] = ()
    workers: tuple[OldWorker, ...] = ()

    @property
    def is_managed(self) -> bool:
        """Whether a service manager opened the doors."""
        return any(not text for text, _ in self.doors)


def take_handover(environ: MutableMapping[str, str], pid: int) -> Handover | None:
    """What the program before left to process *pid*; None where there was none. It is taken once."""
    text = environ.pop(VARIABLE, None)
    if text is None:
        return None
    try:
        found = codec.decode(text, Handover)
    except ValueError:
        raise Bug(f"{VARIABLE} holds no handover") from None
    return found if found.pid == pid else None


def named(doors: Doors) -> tuple[tuple[str, int], ...]:
    """Each door's words and descriptor."""
    texts = doors.texts or ("",) * len(doors.sockets)
    return tuple(zip(texts, (opened.fileno() for opened in doors.sockets), strict=True))


async def rehearse(environ: Mapping[str, str]) -> None:
    """See whether the program as it is installed now would start.

    Waits: for a process that tries, REHEARSAL_LIMIT_S at most. Errors: OperatorError with what it said.
    """
    said, code = b"", -1
    with trio.move_on_after(REHEARSAL_LIMIT_S):
        done = await trio.run_process(
            _command(),
            env={**environ, REHEARSAL: "1"},
            stdin=b"",
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        said, code = done.stderr, done.returncode
    if code != 0:
        raise OperatorError(f"the new program does not start (exit code {code}): {said.decode(errors='replace').strip()}")


def become(lock: int, doors: Doors, admin: Doors | None, workers: Sequence[Child]) -> NoReturn:
    """Become the new program, and leave it what is given. To be called with SIGNALS held back. Errors: OSError."""
    handover = Handover(
        pid=os.getpid(),
        lock=lock,
        doors=named(doors),
        admin=named(admin) if admin is not None else (),
        workers=old_workers(workers),
    )
    kept = [handover.lock, *(fd for _, fd in (*handover.doors, *handover.admin))]
    kept += [fd for worker in handover.workers for fd in (worker.orders, worker.log)]
    for descriptor in kept:
        os.set_inheritable(descriptor, True)
    sys.stdout.flush()
    sys.stderr.flush()
    command = _command()
    os.execve(command[0], command, {**os.environ, VARIABLE: json.dumps(attrs.asdict(handover))})


def hold_signals() -> None:
    """From now on signals wait."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def heed_signals() -> None:
    """Those that waited come now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def old_workers(workers: Sequence[Child]) -> tuple[OldWorker, ...]:
    """Those that live, under the names by which they set themselves aside."""
    found = []
    for worker in workers:
        if (held := worker.held()) is not None:
            pid, orders, log = held
            found.append(OldWorker(name=aside(worker.order().name), pid=pid, orders=orders, log=log))
    return tuple(found)


def aside(name: str) -> str:
    """What a worker is called once it is to be replaced."""
    return f"{name}-before"


@attrs.define(eq=False)
class Retired:
    """Old workers, until the last one is gone."""

    data: Path
    workers: tuple[OldWorker, ...] = ()
    gone: trio.Event = attrs.field(init=False, factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        if not self.workers:
            self.gone.set()

    async def see_out(self, drain_s: float, hurry: trio.Event) -> None:
        """Have them finish what they have begun. Waits: until the last one has ended. Cancel: they drain by themselves."""
        if not self.workers:
            return
        async with trio.open_nursery() as nursery:
            for worker in self.workers:
                nursery.start_soon(self._see_out, worker, drain_s, hurry)
        _log.info("the workers of the program before have ended")
        self.gone.set()

    async def _see_out(self, worker: OldWorker, drain_s: float, hurry: trio.Event) -> None:
        for descriptor in (worker.orders, worker.log):
            os.set_inheritable(descriptor, False)

        async def press() -> None:
            await hurry.wait()
            _tell(worker, "stop 0")

        async def kill() -> None:
            await trio.sleep(drain_s + CUT_LIMIT_S)
            os.kill(worker.pid, signal.SIGKILL)

        _tell(worker, f"retire {drain_s}")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lines, worker.log, show_lines(worker.name))
            nursery.start_soon(press)
            nursery.start_soon(kill)
            await _end_of(worker.pid)
            nursery.cancel_scope.cancel()
        for descriptor in (worker.orders, worker.log):
            os.close(descriptor)
        (self.data / FOLDER / f"{worker.name}.json").unlink(missing_ok=True)


def _tell(worker: OldWorker, order: str) -> None:
    try:
        os.write(worker.orders, order.encode() + b"\n")
    except (BrokenPipeError, BlockingIOError):
        _log.warning("%s did not take an order", worker.name)


async def _end_of(pid: int) -> None:
    """Waits: for the end of a process that this one's forerunner started."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await trio.lowlevel.wait_readable(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass  # somebody else has taken note of it


def _command() -> tuple[str, ...]:
    """What this process was started with."""
    return sys.executable, *sys.orig_argv[1:]
