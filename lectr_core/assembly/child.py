"""One process that the supervisor keeps alive: started, heard, told, watched, started again with growing pauses.

Its standard input carries orders, its standard output answers (of a companion: just more log), its standard error goes to
the supervisor's with the child's name in front. A child is in a process group of its own, so that Ctrl-C reaches the
supervisor alone. Knows nothing of what a child does. Called by `supervisor`.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs
import trio

_log = logging.getLogger("lectr.supervisor")

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0
HEALTHY_S: Final = 60.0
"""After this long without an end, the next pause is short again."""
PIPES_LIMIT_S: Final = 1.0
"""After a child's end; something that it started may hold its pipes open for ever."""
EXIT_NOT_STARTED: Final = 127
_LINE_BYTES = 64 * 1024

Heard = Callable[[list[str]], None]


@attrs.frozen(kw_only=True)
class Order:
    """How a child is started."""

    name: str
    command: Sequence[str]
    """Holds no secret: anybody on the machine can read it."""
    environ: Mapping[str, str] = attrs.field(repr=False)
    """The whole environment."""
    files: tuple[int, ...] = ()
    """Descriptors it inherits."""
    speaks: bool = True
    """Whether its standard output are answers; else they are log."""


@attrs.define(eq=False)
class Child:
    """One child, over all its lives."""

    order: Callable[[], Order]
    """Asked before each start, so that a new life begins with what holds now."""
    heard: Heard = attrs.field(default=lambda words: None)
    """Told each answer, as words."""
    starts: int = attrs.field(init=False, default=0)
    began_at: float = attrs.field(init=False, default=0.0)
    """When the present life began. Units: seconds of Trio's clock."""
    ended: trio.Event = attrs.field(init=False, factory=trio.Event)
    """Set when it has ended and is not wanted back."""
    exit_code: int | None = attrs.field(init=False, default=None)
    """Of the last life."""
    _wanted: bool = attrs.field(init=False, default=True)
    _process: subprocess.Popen[bytes] | None = attrs.field(init=False, default=None)
    _pause: trio.CancelScope = attrs.field(init=False, factory=trio.CancelScope)

    @property
    def pid(self) -> int | None:
        """Of the present life; None between two."""
        return self._process.pid if self._process is not None else None

    async def keep(self) -> None:
        """Keep it alive until it is dismissed. Waits: until then. Cancel: it is killed."""
        pause_s = FIRST_PAUSE_S
        while self._wanted:
            began = trio.current_time()
            name = await self._live()
            if not self._wanted:
                break
            if trio.current_time() - began >= HEALTHY_S:
                pause_s = FIRST_PAUSE_S
            _log.warning("%s ended (%s) and is started again in %.1f s", name, _end(self.exit_code), pause_s)
            with trio.CancelScope() as self._pause:
                await trio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        self.ended.set()

    def held(self) -> tuple[int, int, int] | None:
        """Process id, and the descriptors of its orders and of its log; None between two lives."""
        process = self._process
        if process is None or process.stdin is None or process.stderr is None:
            return None
        return process.pid, process.stdin.fileno(), process.stderr.fileno()

    def tell(self, *words: object) -> None:
        """Give an order; a child between two lives hears what holds now when it starts."""
        if self._process is None or self._process.stdin is None:
            return
        try:
            os.write(self._process.stdin.fileno(), " ".join(str(word) for word in words).encode() + b"\n")
        except (BrokenPipeError, BlockingIOError):
            _log.warning("process %d did not take an order", self._process.pid)

    def dismiss(self, *words: object, by: signal.Signals | None = None) -> None:
        """Do not start it again, and ask it to end: by an order or by a signal."""
        self._wanted = False
        self._pause.cancel()
        if words:
            self.tell(*words)
        if by is not None:
            self.send(by)

    def again(self) -> None:
        """End it and start it anew at once (its sections of the settings changed)."""
        self.send(signal.SIGTERM)
        self._pause.cancel()

    def send(self, what: signal.Signals) -> None:
        """Send a signal, where it lives."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(what)

    async def _live(self) -> str:
        order = self.order()
        try:
            process = self._process = _start(order)
        except OSError as exc:
            _log.warning("%s cannot be started: %s", order.name, exc.strerror)
            self.exit_code = EXIT_NOT_STARTED
            return order.name
        self.starts += 1
        self.began_at = trio.current_time()
        pipes = [pipe for pipe in (process.stdin, process.stdout, process.stderr) if pipe is not None]
        os.set_blocking(pipes[0].fileno(), False)
        try:
            async with trio.open_nursery() as nursery:
                answers = self._hear if order.speaks else show_lines(order.name)
                nursery.start_soon(lines, pipes[1].fileno(), answers)
                nursery.start_soon(lines, pipes[2].fileno(), show_lines(order.name))
                self.exit_code = await _wait(process)
                nursery.cancel_scope.deadline = trio.current_time() + PIPES_LIMIT_S
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            for pipe in pipes:
                pipe.close()
            self._process = None
        return order.name

    def _hear(self, line: bytes) -> None:
        self.heard(line.decode(errors="replace").split())


def _start(order: Order) -> subprocess.Popen[bytes]:
    """Start a process, in this very thread: the kernel ties a leash (see `leash`) to the thread that started it."""
    return subprocess.Popen(
        list(order.command),
        env=dict(order.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=order.files,
        start_new_session=True,
    )


async def _wait(process: subprocess.Popen[bytes]) -> int:
    """The exit code. Waits: for the process's end. Cancel: it goes on."""
    descriptor = os.pidfd_open(process.pid)
    try:
        await trio.lowlevel.wait_readable(descriptor)
    finally:
        os.close(descriptor)
    return process.wait()


async def lines(descriptor: int, take: Callable[[bytes], None]) -> None:
    """Hand each line to *take*. Waits: for the other end to close."""
    async with trio.lowlevel.FdStream(os.dup(descriptor)) as stream:
        held = b""
        async for data in stream:
            *whole, held = (held + data).split(b"\n")
            for line in whole:
                take(line)
            if len(held) > _LINE_BYTES:
                take(held)
                held = b""
        if held:
            take(held)


def show_lines(name: str) -> Callable[[bytes], None]:
    """Passes lines on to standard error, with *name* in front."""

    def show(line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        try:
            if text:
                print(f"{name} | {text}", file=sys.stderr, flush=True)
        except OSError:
            pass  # the terminal, or whoever read the log, is gone; that is no reason to stop

    return show


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
