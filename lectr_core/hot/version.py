"""One version of everything that decides about a request. Swapped whole; an exchange keeps the one that admitted it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from lectr_core.hot.claims import Claims
from lectr_core.model.call import Origin
from lectr_core.model.decision import Drain
from lectr_core.model.egress import Egress, Place
from lectr_core.model.settings import GatewaySettings
from lectr_core.ports import Policy, Provider


@attrs.frozen
class Version:
    """Providers, policies and settings that belong together."""

    id: str
    """The configuration's version; stands on every record that it decided."""
    providers: Mapping[str, Provider]
    policies: tuple[Policy, ...]
    settings: GatewaySettings
    egress: Mapping[str, Egress] = attrs.field(factory=dict)
    """How providers are reached, by id; those left out straight, trusting the authorities that their plugin names."""
    stale_retries: frozenset[str] = frozenset()
    """Ids of providers that may see a request twice where a kept connection was stale: the operator's word."""
    drains: Mapping[str, Drain] = attrs.field(factory=dict)
    """What becomes of answers whose clients have left, by the provider's id; of those left out, they are cancelled."""
    places: Mapping[str, Place] = attrs.field(init=False, eq=False, repr=False)
    """Whose connections a request may use, by the provider's id, for providers that have an address."""
    default: Provider | None = attrs.field(init=False)
    """Where requests go that nothing speaks for."""
    enforces: bool = attrs.field(init=False)
    """Whether a policy refuses by what a body says, so that it must be told for certain."""
    claims: Claims = attrs.field(init=False, eq=False, repr=False)
    """What the providers say is theirs, remembered as long as this version lasts."""

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "default", self._find_default())
        object.__setattr__(self, "places", {p.id: self._place(p, p.origin) for p in self.providers.values() if p.origin})
        object.__setattr__(self, "enforces", any(getattr(policy, "enforces", False) is True for policy in self.policies))
        object.__setattr__(self, "claims", Claims(self.providers.values()))

    def _place(self, provider: Provider, origin: Origin) -> Place:
        return Place(provider.id, origin, self.egress.get(provider.id) or Egress(ca_file=provider.ca_file))

    def _find_default(self) -> Provider | None:
        named = self.settings.default_provider
        if named is not None:
            return self.providers.get(named)
        volunteers = sorted(p.id for p in self.providers.values() if p.accepts_unclaimed)
        return self.providers[volunteers[0]] if volunteers else None
