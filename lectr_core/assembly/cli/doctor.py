"""`lectr doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from typing import Literal

import attrs
import click

from lectr_core.assembly.command_line import CommandLine

Reach = Literal["chosen", "all", "none"]


@click.command(
    short_help="Find what is wrong, and what to do about it.",
    epilog="""\b
Examples:
  lectr doctor
  lectr doctor --offline                without contacting any provider
  lectr doctor --reach all              every installed provider, also those you do not use
  lectr doctor --json | jq '.[] | select(.level == "fail")'""",
)
@click.option(
    "--reach",
    type=click.Choice(["chosen", "all", "none"]),
    default="chosen",
    show_default=True,
    help="Which providers to connect to: those the settings name and the default one, all that are installed, or none.",
)
@click.option("--offline", "reach", flag_value="none", help="The same as --reach none.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor(line: CommandLine, reach: Reach, as_json: bool) -> int:
    """Check settings, plugins, ports, disk, keys, credentials, providers, clock and backlog. Exit code 1 on a failure."""
    from lectr_core.assembly.cli.show import mark, show_json
    from lectr_core.assembly.examine import examine

    findings = examine(line, reach=reach)
    failed = any(finding.level == "fail" for finding in findings)
    if as_json:
        show_json([attrs.asdict(finding) for finding in findings])
        return 1 if failed else 0
    for finding in findings:
        click.echo(f"{mark(finding.level)} {finding.what:<14} {finding.text}")
        if finding.act:
            click.echo(f"  {'':<14} → {finding.act}")
    counts = {level: sum(finding.level == level for finding in findings) for level in ("ok", "warn", "fail")}
    click.echo(f"\n{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} wrong")
    return 1 if failed else 0
