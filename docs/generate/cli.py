"""Writes docs/reference/cli.md from the commands themselves: `python docs/generate/cli.py > docs/reference/cli.md`.

The commands of the plugins in this repository are part of it, so they must be installed. A test runs it and compares, so
that the page cannot fall behind. Nothing else calls it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Final

import click

from lectr_core.assembly.cli.entry import make

OPENING: Final = """\
# Commands

% Written by docs/generate/cli.py; change the commands' help in lectr_core/assembly/cli/ and in the plugins instead.

`lectr --help` and `lectr COMMAND --help` show the same. Output for people goes to standard output, logs to standard error;
`--json` gives scripts something to read. Colours are for terminals alone, and not where `NO_COLOR` is set.

| exit code | means |
|---|---|
| 0 | all is well |
| 1 | the answer is no: it does not balance (`verify`), something is wrong (`doctor`, `plugins`), records wait (`up`) |
| 2 | there is something for you to change; the message says what |
| 130 | interrupted |
"""


def page() -> str:
    """The whole page, as it is stored."""
    group, _ = make()
    return "\n".join([OPENING, *_command("lectr", group, depth=2)]) + "\n"


def _command(name: str, command: click.Command, depth: int) -> Iterator[str]:
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    options = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    context = click.Context(command)
    usage = [
        name,
        *(["[OPTIONS]"] if options else []),
        *(argument.make_metavar(context) for argument in arguments),
    ]
    if isinstance(command, click.Group):
        usage.append("COMMAND")
    yield f"{'#' * depth} `{' '.join(usage)}`\n"
    yield inspect.cleandoc(command.help or "").replace("\b\n", "") + "\n"
    if options:
        yield "| option | default | meaning |\n|---|---|---|"
        for option in options:
            default = option.default if option.show_default and option.default is not None else ""
            names = ", ".join(f"`{one}`" for one in (*option.opts, *option.secondary_opts))
            yield f"| {names} | {default} | {(option.help or '').strip()} |"
        yield ""
    if command.epilog:
        yield f"```text\n{inspect.cleandoc(command.epilog.replace(chr(8), '')).strip()}\n```\n"
    if isinstance(command, click.Group):
        for inner in sorted(command.commands):
            yield from _command(f"{name} {inner}", command.commands[inner], depth + 1)


if __name__ == "__main__":
    print(page(), end="")
