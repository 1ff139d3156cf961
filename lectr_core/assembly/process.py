"""What every process of a gateway does at its beginning: take its orders, mend its streams, mind its last words.

The supervisor gives a child its boot information in a variable (never in arguments, and never a secret), talks to it through
its standard input, one line an order, and hears from it through what was its standard output; everything else goes to
standard error. The end of standard input means that the supervisor is gone. Called by the mains `worker` and `cold`.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from types import TracebackType

import attrs
import trio

from lectr_core.errors import Bug
from lectr_core.model import codec

VARIABLE = "LECTR_BOOT"
# An order is a word and a version or a number; nothing legitimate comes near.
LONGEST_ORDER = 1024


@attrs.frozen(kw_only=True)
class Boot:
    """What a child has to know before it can read anything."""

    name: str
    """`worker-0`, `cold`."""
    data: str
    """The data directory, absolute."""
    version: str
    """Of the configuration to begin with."""
    listeners: tuple[int, ...] = ()
    """Inherited file descriptors of listening sockets."""
    again: bool = False
    """Whether it takes the place of one that served: then it serves too, also where the disk takes nothing."""

    def environ(self) -> dict[str, str]:
        """The variable that carries it."""
        return {VARIABLE: json.dumps(attrs.asdict(self))}

    @property
    def data_path(self) -> Path:
        """The data directory."""
        return Path(self.data)


def read_boot(environ: Mapping[str, str]) -> Boot:
    """Errors: Bug where the process was not started by a supervisor."""
    try:
        return codec.decode(environ[VARIABLE], Boot)
    except (KeyError, ValueError):
        raise Bug(f"this process is started by `lectr up` and `lectr serve`, with {VARIABLE} set") from None


@attrs.define
class Mouth:
    """Where a child answers its supervisor."""

    _file: int

    def say(self, word: str, *rest: object) -> None:
        """One line: `ready 0123456789ab`. What cannot be said any more (the supervisor is gone) is dropped."""
        line = " ".join(" ".join(str(part).split()) for part in (word, *rest))
        try:
            os.write(self._file, line.encode() + b"\n")
        except (BrokenPipeError, BlockingIOError):
            pass


def begin() -> Mouth:
    """Set up a child's streams, signals and log. Whatever a plugin prints from now on goes to standard error."""
    out = os.dup(1)
    os.set_blocking(out, False)  # a supervisor that stands still must not make its children stand still
    mouth = Mouth(out)
    os.dup2(2, 1)
    # Ctrl-C in a terminal reaches the whole group; the supervisor alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_stderr()
    sys.excepthook = last_words
    return mouth


def log_to_stderr() -> None:
    """Lectr's own messages from INFO on, others' from WARNING on: a library's INFO may show addresses with queries."""
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("lectr").setLevel(logging.INFO)


async def orders() -> AsyncGenerator[list[str], None]:
    """Each line of standard input as words; ends when the supervisor is gone. To be closed by whoever stops early.

    Waits: for the supervisor.
    """
    async with trio.lowlevel.FdStream(os.dup(0)) as stream:
        held = b""
        async for data in stream:
            *lines, held = (held + data).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace").split()
            held = held[-LONGEST_ORDER:]


def last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A traceback without any exception's text: it may quote a header, a body or a key."""
    print("\n".join(_places(error)), file=sys.stderr, flush=True)


def _places(error: BaseException, depth: int = 0) -> list[str]:
    indent = "  " * depth
    lines = [f"{indent}{type(error).__name__} (its text is not shown: it may quote a request)"]
    for frame in traceback.extract_tb(error.__traceback__):
        lines.append(f"{indent}  {frame.filename}:{frame.lineno} in {frame.name}")
    inner = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    inner += [cause for cause in (error.__cause__,) if cause is not None]
    for one in inner:
        if depth < 8:
            lines += _places(one, depth + 1)
    return lines
