"""A command whose parts come from several plugins: made by the one that comes first, found by the others.

Called by plugins, through `lectr_core`, when they add their commands.
"""

from __future__ import annotations

import click


class SharedGroup(click.Group):
    """Called by its own name alone, or with options at once, it is its part *default*, once that is there."""

    default = "list"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click."""
        asks_help = bool(args) and args[0] in ctx.help_option_names
        if self.default in self.commands and not asks_help and (not args or args[0].startswith("-")):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


def shared_group(cli: click.Group, name: str, help_text: str) -> click.Group:
    """The group *name* of *cli*: as another plugin made it, or made now. Its part `list` is what it does by itself.

    Shapes: *help_text* is what `--help` says; its first line stands in the list of commands.
    """
    there = cli.commands.get(name)
    if isinstance(there, SharedGroup):
        return there
    made = SharedGroup(name, help=help_text, short_help=help_text.strip().splitlines()[0])
    cli.add_command(made)
    return made
