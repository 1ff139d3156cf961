"""`lectr plugins`, `lectr install`, `lectr uninstall`: what is there, and how more gets there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from lectr_core.assembly.command_line import CommandLine
from lectr_core.errors import OperatorError

if TYPE_CHECKING:
    from lectr_core.assembly.plugins import Fault, Plugins

KIND_PREFIXES = ("provider-", "policy-", "prices-", "sink-", "ledger-", "insight-", "alert-")
# A short name is a word; a path, an address, a version or an extra is given to the installer as it is.
SHORT = re.compile(r"[a-z0-9][a-z0-9-]*")


@click.command(short_help="List plugins and their faults.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def plugins(line: CommandLine, as_json: bool) -> int:
    """List installed plugins: name, version, kind, hooks, faults. Exit code 1 if any is at fault."""
    from lectr_core.assembly.cli.show import mark, show_json, show_table

    loaded = line.plugins()
    faults = [*loaded.faults, *_asked(line, loaded)]
    if as_json:
        show_json(
            [
                {
                    "name": plugin.name,
                    "distribution": plugin.distribution,
                    "version": plugin.version,
                    "kind": plugin.kind,
                    "hooks": list(plugin.hooks),
                    "faults": [_text(fault) for fault in faults if fault.distribution == plugin.distribution],
                }
                for plugin in loaded.found
            ]
        )
        return 1 if faults else 0
    if not loaded.found:
        click.echo("no plugins are installed; `lectr install provider-NAME` installs one")
        return 0
    at_fault = {fault.distribution for fault in faults}
    show_table(
        ("", "plugin", "version", "kind", "hooks"),
        [
            (
                "✗" if plugin.distribution in at_fault else "✓",
                plugin.distribution,
                plugin.version,
                plugin.kind,
                ", ".join(hook.removeprefix("lectr_") for hook in plugin.hooks),
            )
            for plugin in loaded.found
        ],
    )
    for fault in faults:
        click.echo(f"{mark('fail')} {fault}")
    return 1 if faults else 0


@click.command(
    short_help="Install plugins.",
    epilog="""\b
Examples:
  lectr install provider-NAME           the distribution lectr-provider-NAME
  lectr install sink-sqlite prices-genai
  lectr install ./my-plugin -e          a folder, editable""",
)
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--upgrade", "-U", is_flag=True, help="Take the newest version.")
@click.option("--editable", "-e", is_flag=True, help="Install folders so that changes to them hold.")
def install(names: tuple[str, ...], upgrade: bool, editable: bool) -> int:
    """Install plugins into the environment that Lectr runs in. Short names are enough."""
    wanted: list[str] = []
    for name in names:
        wanted += ["-e", name] if editable else [distribution_of(name)]
    return _installer(["install", *(["--upgrade"] if upgrade else []), *wanted])


@click.command(
    short_help="Remove plugins.",
    epilog="""\b
Examples:
  lectr uninstall NAME                  as `lectr plugins` lists it, with or without lectr- and its kind
\b
Its tables in lectr.toml are then unknown, and the next start is refused until they are taken out.""",
)
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def uninstall(line: CommandLine, names: tuple[str, ...], yes: bool) -> int:
    """Remove plugins. What they stored stays; what they offered is gone at the next start."""
    known = {plugin.name: plugin.distribution for plugin in line.plugins().found}
    wanted = [known.get(name) or distribution_of(name) for name in names]
    if strange := sorted(set(wanted) - set(known.values())):
        raise OperatorError(f"no plugin that is installed: {', '.join(strange)}; `lectr plugins` lists those that are")
    if not yes:
        click.confirm(f"uninstall {', '.join(wanted)}?", abort=True)
    return _installer(["uninstall", *wanted])


def distribution_of(name: str) -> str:
    """A short name as a distribution: `sink-sqlite` → `lectr-sink-sqlite`; what is no short name stays as it is.

    The last word alone is enough for the plugins of the usual set; any other is taken for a provider's.
    """
    if not SHORT.fullmatch(name) or name == "lectr" or name.startswith("lectr-") or "-lectr-" in name:
        return name
    usual = {
        full for full in usual_set() if full in (f"lectr-{name}", f"lectr-provider-{name}") or full.endswith(f"-{name}")
    }
    if len(usual) == 1:
        return usual.pop()
    return f"lectr-{name}" if name.startswith(KIND_PREFIXES) else f"lectr-provider-{name}"


def usual_set() -> set[str]:
    """Names of the distributions that `lectr[standard]` asks for."""
    from importlib.metadata import requires

    asked = [text for text in requires("lectr") or [] if "extra ==" in text]
    return {found[0] for text in asked if (found := SHORT.match(text))}


def installer_command(arguments: list[str]) -> list[str]:
    """The command line: uv where it is found (several times faster), else pip, always for this very environment."""
    import shutil
    import sys
    from pathlib import Path

    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is not None:
        return [uv, "pip", arguments[0], "--python", sys.executable, *arguments[1:]]
    sure = ["--yes"] if arguments[0] == "uninstall" else []
    return [sys.executable, "-m", "pip", arguments[0], *sure, *arguments[1:]]


def _installer(arguments: list[str]) -> int:
    import subprocess

    code = subprocess.run(installer_command(arguments), check=False).returncode
    if code == 0 and arguments[0] == "uninstall":
        click.echo("done; a gateway that runs keeps it until its next start, which wants its tables out of lectr.toml too")
    elif code == 0:
        click.echo("done; a gateway that runs takes it up at its next start, `lectr plugins` shows it now")
    return code


def _asked(line: CommandLine, loaded: Plugins) -> list[Fault]:
    """Faults that show only when the hooks are called; settings that are invalid keep them from being called."""
    from lectr_core.assembly.conformity import check_section
    from lectr_core.errors import OperatorError

    _, faults = loaded.ask("lectr_settings", check_section, lambda section: str(section.path), lenient=True)
    if faults:
        return faults
    try:
        return loaded.ask_all(line.settings())
    except OperatorError as exc:
        click.echo(f"the plugins cannot be asked all, because the settings are not valid; {exc}", err=True)
        return []


def _text(fault: Fault) -> str:
    return f"{fault.hook}: {fault.text}" if fault.hook else fault.text
