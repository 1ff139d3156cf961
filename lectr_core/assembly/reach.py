"""Whether providers can be reached from here, and whether the clock is right by theirs.

One plain GET of the address itself, without any credential: every HTTP answer, an error too, shows that DNS, TCP and TLS
work. No proxy of the environment is used, because the gateway uses none. Called by `examine`.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx
import trio

from lectr_core.model.call import Origin
from lectr_core.model.settings import ProviderSettings, Settings
from lectr_core.ports import Provider

if TYPE_CHECKING:
    from lectr_core.assembly.examine import Finding

LIMIT_S = 5.0
# Beyond this, timestamps mislead people who compare with a provider's own log; TLS still works.
CLOCK_WARN_S = 30.0


def reach_all(providers: Sequence[Provider], settings: Settings) -> list[Finding]:
    """Contact each provider at once. Waits: LIMIT_S at most."""
    from lectr_core.assembly.examine import Finding

    found: dict[str, Finding] = {}
    offsets: dict[str, float] = {}

    async def one(provider: Provider, origin: Origin) -> None:
        chosen = settings.sections.get(f"provider.{provider.id}")
        try:
            with trio.fail_after(LIMIT_S):
                async with httpx.AsyncClient(verify=_trust(chosen), trust_env=False, timeout=LIMIT_S) as client:
                    answer = await client.get(str(origin))
        except (httpx.HTTPError, trio.TooSlowError, OSError) as exc:
            act = "check DNS, firewall and certificates; other providers are not affected"
            text = f"{provider.id}: {origin} cannot be reached ({type(exc).__name__})"
            found[provider.id] = Finding("warn", "providers", text, act)
            return
        found[provider.id] = Finding("ok", "providers", f"{provider.id}: {origin} answers")
        offset = clock_offset_s(answer.headers.get("date"), datetime.now(UTC))
        if offset is not None:
            offsets[provider.id] = offset

    async def every() -> None:
        async with trio.open_nursery() as nursery:
            for provider in providers:
                if provider.origin is None:
                    text = f"{provider.id}: not configured (provider.{provider.id}.base_url)"
                    found[provider.id] = Finding("skip", "providers", text)
                else:
                    nursery.start_soon(one, provider, provider.origin)

    trio.run(every)
    told = [found[name] for name in sorted(found)]
    if offsets:
        middle = sorted(offsets.values())[len(offsets) // 2]
        if abs(middle) > CLOCK_WARN_S:
            text = f"this machine is {abs(middle):.0f} s {'ahead of' if middle > 0 else 'behind'} the providers"
            told.append(Finding("warn", "clock", text, "synchronise it (NTP): timestamps are wrong by that much"))
        else:
            told.append(Finding("ok", "clock", "agrees with the providers"))
    return told


def clock_offset_s(date: str | None, now: datetime) -> float | None:
    """How far *now* is ahead of an HTTP date (RFC 9110 §5.6.7), in seconds; None where there is none."""
    if date is None:
        return None
    try:
        return (now - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError):
        return None


def _trust(chosen: object) -> ssl.SSLContext:
    if isinstance(chosen, ProviderSettings) and chosen.ca_file is not None:
        return ssl.create_default_context(cafile=str(chosen.ca_file))
    return ssl.create_default_context()
