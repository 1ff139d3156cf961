"""Everything the demonstration needs before it starts: free ports, a settings document, the stand-in as companion.

No request is made here. Called by the command.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Final, get_args

import attrs

from lectr_provider_echo.catalog import Family
from lectr_provider_echo.companion import EchoCompanion
from lectr_provider_echo.script import Tree
from lectr_provider_echo.settings import EchoSettings

CREDENTIAL_VARIABLE: Final = "LECTR_DEMO_CREDENTIAL"
"""Holds what the gateway sends to the stand-in as every provider's key."""
CREDENTIAL: Final = "demo-needs-no-real-key"
FAMILIES: Final[tuple[Family, ...]] = get_args(Family)
_GATEWAY_PORT: Final = 8420
_EXPLORER_PORT: Final = 8421


@attrs.frozen(kw_only=True)
class Stage:
    """What `run_up` is given."""

    document: Mapping[str, Any]  # Any: as tomllib would return it
    families: tuple[Family, ...]
    """Providers whose plugin is installed."""
    stand_in: EchoCompanion


def set_stage(*, speed: float, seed: int, errors: float, listen: str | None, explorer: bool) -> Stage:
    """Choose ports and write the settings. *listen*: None takes the usual port, or a free one where it is taken."""
    families = tuple(family for family in FAMILIES if find_spec(f"lectr_provider_{family}") is not None)
    stand_in = EchoSettings(listen=f"127.0.0.1:{free_port(0)}", speed=speed, seed=seed, errors=errors)
    document: Tree = {
        "gateway": {"listen": listen or f"127.0.0.1:{free_port(_GATEWAY_PORT)}"},
        "provider": {name: _provider(name, stand_in.address) for name in (*families, "echo")},
    }
    if explorer:
        document["explorer"] = {"listen": f"127.0.0.1:{free_port(_EXPLORER_PORT)}"}
    return Stage(document=document, families=families, stand_in=EchoCompanion(stand_in))


def _provider(name: str, address: str) -> dict[str, str]:
    """*name* is a family, or `echo`: models that are called so are looked for at the stand-in's usual port else."""
    base_url = f"{address}/openai" if name == "groq" else address
    return {"base_url": base_url, "api_key_env": CREDENTIAL_VARIABLE}


def free_port(wanted: int) -> int:
    """*wanted* if nobody listens there on loopback, else any port that is free now."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            taken: int = probe.getsockname()[1]
            return taken
    return wanted
