"""A leash for companions: `python -m lectr_core.assembly.leash COMMAND…` becomes COMMAND, and ends when its starter ends.

A companion is any program and does not watch its standard input, so the kernel is asked to send it SIGTERM when the
supervisor is gone, however that happened. Where the kernel cannot (it is no Linux), the command just runs. Called by
`supervisor`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

# <linux/prctl.h>
PR_SET_PDEATHSIG = 1


def main(command: list[str]) -> None:
    """Become *command*. Errors: OSError where it does not exist."""
    starter = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != starter:  # it was gone before the kernel was asked
            return
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
