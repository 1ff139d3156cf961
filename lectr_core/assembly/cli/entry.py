"""Where the command line begins and ends: options before the command, every command, every error in one clean block.

Exit codes: 0 all is well, 1 the answer is no (`verify`, `doctor`, `plugins`), 2 the operator has something to change, 130
interrupted. Imports no command's machinery. Called by the script `lectr`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from copy import copy
from difflib import get_close_matches
from pathlib import Path

import click

from lectr_core.assembly.cli import access, accuracy, config, doctor, packages, run, tail, verify
from lectr_core.assembly.command_line import CommandLine
from lectr_core.errors import Bug, LectrError, PluginError

EXIT_OPERATOR = 2
EXIT_INTERRUPTED = 130


class Commands(click.Group):
    """The outermost group: a name that it does not know may be a plugin's that is not installed."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """See click."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            if get_close_matches(args[0], self.commands):
                raise
            hint = "Plugins bring commands of their own; `lectr plugins` lists those that are installed."
            raise click.UsageError(f"{exc.format_message()} {hint}", ctx) from exc


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
First steps:
  lectr demo                            see it work, without a key and without a network
  lectr up                              everything on this machine; prints a key and what to paste
  lectr keys create --org acme --name ci
  lectr tail                            see requests as they come
  lectr report --by feature             what they cost
  lectr doctor                          what is wrong, and what to do
\b
Settings: --config, else ./lectr.toml, else $LECTR_CONFIG, else defaults that work.
Each setting also has an environment variable: LECTR_GATEWAY_LISTEN=127.0.0.1:9000 lectr up""",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file; before the command.  [default: ./lectr.toml, $LECTR_CONFIG]",
)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data directory (gateway.data); before the command."
)
@click.version_option(package_name="lectr", prog_name="lectr")
@click.pass_context
def lectr(context: click.Context, config: Path | None, data: Path | None) -> None:
    """Lectr, an AI gateway that observes first.

    A client changes its base_url; every request becomes a row with model, latency, tokens and cost.
    """
    line = context.ensure_object(CommandLine)
    line.config = config
    if data is not None:
        line.flags = {**line.flags, "gateway.data": str(data)}


def make() -> tuple[click.Group, CommandLine]:
    """The whole command line, plugins' commands included."""
    group = copy(lectr)
    group.commands = {}
    for command in (
        run.up,
        run.serve,
        access.keys,
        access.orgs,
        tail.tail,
        verify.verify,
        accuracy.accuracy,
        doctor.doctor,
        packages.plugins,
        packages.install,
        packages.uninstall,
        config.config,
    ):
        group.add_command(command)
    line = CommandLine()
    line.plugins().add_commands(group)
    return group, line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    try:
        group, line = make()
        words = list(arguments) if arguments is not None else None
        code = group.main(args=words, prog_name="lectr", standalone_mode=False, obj=line, color=_colour())
        return code if isinstance(code, int) else 0
    except click.ClickException as exc:
        _misplaced(exc).show()
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # whoever read our output (head, less) has seen enough; nothing may be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT) and not (exc.errno == errno.EACCES and exc.filename):
            raise
        if exc.errno != errno.EACCES:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing can be written at exit either
        _say(_not_to_be_had(exc))
        return EXIT_OPERATOR
    except LectrError as exc:
        _say(told(exc))
        return EXIT_OPERATOR


def _not_to_be_had(exc: OSError) -> str:
    """What has no room or may not be opened; where it is another user's, who that is."""
    if exc.errno != errno.EACCES:
        return f"{exc.filename or 'what was to be written has no room'}: {str(exc.strerror).lower()}"
    from pwd import getpwuid

    path = Path(os.fsdecode(exc.filename)).absolute()
    said = f"{str(path)!r} is not open to this user; run the command as its owner"
    for place in (path, *path.parents):
        try:
            return f"{said}: sudo -u {getpwuid(place.stat().st_uid).pw_name} lectr …"
        except OSError:
            continue  # in a directory that may not be looked into
        except KeyError:
            break  # an owner without a name
    return said


def _say(text: str) -> None:
    click.echo(click.style("lectr: ", fg="red", bold=True, reset=True) + text, err=True, color=_colour())


def _colour() -> bool | None:
    """Whether output is coloured; None: where it is a terminal. Source: no-color.org."""
    return False if os.environ.get("NO_COLOR") else None


def _misplaced(exc: click.ClickException) -> click.ClickException:
    """The same error; where an option of `lectr` itself stands behind the command, one that says where it belongs."""
    if not isinstance(exc, click.NoSuchOption) or exc.option_name not in ("--data", "--config") or exc.ctx is None:
        return exc
    command = exc.ctx.command_path.removeprefix("lectr ")
    return click.UsageError(f"{exc.option_name} goes before the command: lectr {exc.option_name} … {command}", exc.ctx)


def told(exc: LectrError) -> str:
    """An error for people."""
    if isinstance(exc, PluginError):
        return f"a plugin is at fault: {exc}\n  `lectr plugins` shows all of them, `lectr uninstall` removes one"
    if isinstance(exc, Bug):
        return f"{exc}\n  this is a fault of Lectr itself; please report it"
    return str(exc)
