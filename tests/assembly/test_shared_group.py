"""A command whose parts come from several plugins, whichever of them comes first."""

from __future__ import annotations

import click
from click.testing import CliRunner

from lectr_core import shared_group


def part(name: str) -> click.Command:
    @click.command(name, params=[click.Option(["--json"], is_flag=True)])
    def run(json: bool) -> None:
        click.echo(f"{name} {json}")

    return run


def ran(cli: click.Group, *arguments: str) -> str:
    return CliRunner().invoke(cli, arguments).output.strip()


def test_the_second_plugin_finds_what_the_first_one_made() -> None:
    cli = click.Group()
    shared_group(cli, "prices", "Prices.\n\nMore.").add_command(part("update"))
    assert "Commands:" in ran(cli, "prices"), "no part is the usual one yet"
    shared_group(cli, "prices", "Prices.").add_command(part("list"))
    assert list(cli.commands) == ["prices"]
    assert ran(cli, "prices", "update") == "update False"
    assert ran(cli, "prices") == ran(cli, "prices", "list") == "list False"
    assert ran(cli, "prices", "--json") == "list True"
    assert "update" in ran(cli, "prices", "--help")


def test_a_command_of_that_name_which_is_no_group_is_left_to_be_a_fault() -> None:
    cli = click.Group()
    cli.add_command(part("prices"))
    shared_group(cli, "prices", "Prices.")
    assert isinstance(cli.commands["prices"], click.Group)
