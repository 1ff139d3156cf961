"""`lectr keys` and `lectr orgs`: who may use the gateway."""

from __future__ import annotations

import attrs
import click

from lectr_core.assembly.command_line import CommandLine


@click.group(short_help="Create, list and revoke keys.")
def keys() -> None:
    """Create, list and revoke the keys that clients send.

    A running gateway knows of a change within a second; nothing is restarted.
    """


@keys.command(
    epilog="""\b
Examples:
  lectr keys create --org acme --name ci
  KEY=$(lectr keys create --org acme --name ci --quiet)"""
)
@click.option("--org", default="default", show_default=True, help="Whom requests are counted for; made if it is new.")
@click.option("--name", default="key", show_default=True, help="What the key is for; for people.")
@click.option("--quiet", "-q", is_flag=True, help="Print the key and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def create(line: CommandLine, org: str, name: str, quiet: bool, as_json: bool) -> None:
    """Make a key and print it: once, because only its digest is kept."""
    from lectr_core.assembly.cli.show import show_json
    from lectr_core.assembly.keys import create_key

    data = line.settings().gateway.data
    made, secret = create_key(data, org, name)
    if as_json:
        show_json({"id": made.id, "org": made.org, "name": made.name, "created_at": made.created_at, "key": secret})
    elif quiet:
        click.echo(secret)
    else:
        click.echo(f"{secret}\n")
        told = f"{made.id}, org {made.org!r}, {made.name!r}, kept in {data}"
        click.echo(f"  {told}: note the key now, it cannot be shown again", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_keys(line: CommandLine, as_json: bool) -> None:
    """List orgs and keys. Never shows a key."""
    from lectr_core.assembly.cli.show import show_json, show_table
    from lectr_core.assembly.keys import read_book

    book = read_book(line.settings().gateway.data)
    disabled = {org.name for org in book.orgs if org.disabled}
    if as_json:
        seen = [attrs.asdict(key, filter=lambda field, _: field.name != "digest") for key in book.keys]
        kept = [key | {"org_disabled": key["org"] in disabled} for key in seen]
        show_json({"orgs": [attrs.asdict(org) for org in book.orgs], "keys": kept})
        return
    if not book.keys:
        click.echo("no keys yet; make one with: lectr keys create --org acme --name ci")
        return
    show_table(
        ("id", "org", "name", "created", "state"),
        [(key.id, key.org, key.name, key.created_at, _state(key.revoked_at, key.org in disabled)) for key in book.keys],
    )


@keys.command()
@click.argument("key_id", metavar="ID")
@click.pass_obj
def revoke(line: CommandLine, key_id: str) -> None:
    """Refuse a key from now on. ID is the key's id from `lectr keys list`."""
    from lectr_core.assembly.keys import revoke_key

    gone = revoke_key(line.settings().gateway.data, key_id)
    click.echo(f"{gone.id} of org {gone.org!r} is revoked")


@click.group(short_help="Switch orgs off and on.")
def orgs() -> None:
    """Switch an org, with all its keys, off or on."""


@orgs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_orgs(line: CommandLine, as_json: bool) -> None:
    """List orgs with the number of their working keys."""
    from lectr_core.assembly.cli.show import show_json, show_table
    from lectr_core.assembly.keys import read_book

    book = read_book(line.settings().gateway.data)
    rows = [(org, sum(key.org == org.name and key.revoked_at is None for key in book.keys)) for org in book.orgs]
    if as_json:
        show_json([attrs.asdict(org) | {"working_keys": count} for org, count in rows])
        return
    show_table(
        ("org", "created", "state", "working keys"),
        [(org.name, org.created_at, "disabled" if org.disabled else "enabled", count) for org, count in rows],
        right=("working keys",),
    )


@orgs.command()
@click.argument("org")
@click.pass_obj
def disable(line: CommandLine, org: str) -> None:
    """Refuse every key of ORG from now on."""
    _switch(line, org, disabled=True)


@orgs.command()
@click.argument("org")
@click.pass_obj
def enable(line: CommandLine, org: str) -> None:
    """Accept the keys of ORG again."""
    _switch(line, org, disabled=False)


def _switch(line: CommandLine, org: str, *, disabled: bool) -> None:
    from lectr_core.assembly.keys import set_org

    set_org(line.settings().gateway.data, org, disabled=disabled)
    click.echo(f"org {org!r} is {'disabled' if disabled else 'enabled'}")


def _state(revoked_at: str | None, org_disabled: bool) -> str:
    if revoked_at is not None:
        return f"revoked {revoked_at}"
    return "org disabled" if org_disabled else "works"
