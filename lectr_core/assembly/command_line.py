"""What stood on the command line before the command's own name, for commands of the core and of plugins (`ctx.obj`).

Only the value lives here; reading files is the settings' business and happens when a command asks. Called by every command.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from lectr_core.model.settings import Settings

if TYPE_CHECKING:
    from lectr_core.assembly.plugins import Plugins
    from lectr_core.assembly.settings import Loaded


@attrs.define
class CommandLine:
    """Where settings come from. A command gets it with `@click.pass_obj`."""

    config: Path | None = None
    """`--config`; None: `./lectr.toml`, else `$LECTR_CONFIG`, else defaults."""
    flags: Mapping[str, Any] = attrs.field(factory=dict)  # Any: values as TOML has them
    """Settings given as flags, by path: `gateway.data`. They win over environment and file."""
    _plugins: Plugins | None = attrs.field(default=None, repr=False)

    def plugins(self) -> Plugins:
        """Every installed plugin, loaded once."""
        if self._plugins is None:
            from lectr_core.assembly.plugins import load_plugins

            self._plugins = load_plugins()
        return self._plugins

    def read(self, **flags: Any) -> Loaded:  # Any: values as TOML has them; None: not given
        """Read the settings, with *flags* of this command (`gateway__listen="…"`) on top, and say where each is from.

        Errors: UnsettledSettings with every fault at once.
        """
        from lectr_core.assembly.settings import read_settings

        given = {name.replace("__", "."): value for name, value in flags.items() if value is not None}
        return read_settings(self.plugins(), config=self.config, flags={**self.flags, **given})

    def settings(self, **flags: Any) -> Settings:  # Any: as above
        """The settings themselves. Errors: as for `read`."""
        return self.read(**flags).settings
