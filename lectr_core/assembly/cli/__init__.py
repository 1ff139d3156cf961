"""The command line `lectr`: one file a command, each light until it runs. The installed script calls `main`."""

from lectr_core.assembly.cli.entry import main

__all__ = ["main"]
