"""`[provider.echo]`: where the stand-in is and how it behaves. Values only; read by the provider and the companion."""

from __future__ import annotations

import attrs

from lectr_core import OperatorError, ProviderSettings

PATH = "provider.echo"


@attrs.frozen(kw_only=True)
class EchoSettings(ProviderSettings):
    """`[provider.echo]`."""

    run: bool = False
    """Run the stand-in beside the gateway under `lectr up`."""
    listen: str = "127.0.0.1:8422"
    """Where it listens, and where requests for it go unless `base_url` says otherwise: `host:port`."""
    speed: float = 1.0
    """Times as fast as a real provider."""
    seed: int = 1
    """The same seed gives the same answers."""
    errors: float = 0.0
    """Share of requests that fail by chance, 0 to 1."""

    @property
    def address(self) -> str:
        """Where requests go."""
        return self.base_url or f"http://{self.listen}"

    def check(self) -> None:
        """Errors: OperatorError where a number is out of its range."""
        if not self.speed > 0:
            raise OperatorError(f"{PATH}.speed: expected more than 0, got {self.speed}")
        if not 0 <= self.errors <= 1:
            raise OperatorError(f"{PATH}.errors: expected 0 to 1, got {self.errors}")
