"""Whether providers can be reached from here, and whether the clock is right by theirs.

One plain GET of the address itself, without any credential, over a connection opened as the gateway opens its own: by
the same proxy, with the same certificates. Every HTTP answer, an error too, shows that the way is free. Called by `examine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import trio

from lectr_core.assembly.egress import egress_of
from lectr_core.assembly.finding import Finding
from lectr_core.errors import MalformedMessage, UnsettledSettings
from lectr_core.hot.connect import Connector, Unreachable
from lectr_core.hot.link import Broken
from lectr_core.hot.reactor import Reactor, Spot
from lectr_core.model.egress import Place
from lectr_core.model.settings import Settings
from lectr_core.ports import Provider
from lectr_core.wire import heads

LIMIT_S = 5.0
# Beyond this, timestamps mislead people who compare with a provider's own log; TLS still works.
CLOCK_WARN_S = 30.0


def reach_all(providers: Sequence[Provider], settings: Settings) -> list[Finding]:
    """Contact each provider at once. Waits: LIMIT_S at most."""
    found: dict[str, Finding] = {}
    offsets: dict[str, float] = {}
    try:
        ways = egress_of(settings, providers)
    except UnsettledSettings:
        return []  # said where the ways are looked at

    async def one(place: Place, connector: Connector, reactor: Reactor) -> None:
        name, origin = place.provider, place.origin
        why = "nothing came in time"
        with trio.move_on_after(LIMIT_S):
            try:
                date = await _ask(place, connector, reactor)
            except Unreachable as exc:
                why = exc.why
            except (Broken, MalformedMessage):
                why = "it does not answer as an HTTP server does"
            else:
                found[name] = Finding("ok", "providers", f"{name}: {origin} answers")
                offset = clock_offset_s(date, datetime.now(UTC))
                if offset is not None:
                    offsets[name] = offset
                return
        act = "check DNS, firewall, proxy and certificates; other providers are not affected"
        found[name] = Finding("warn", "providers", f"{name}: {origin} cannot be reached ({why})", act)

    async def every() -> None:
        reactor, connector = Reactor(), Connector(LIMIT_S)
        async with trio.open_nursery() as around:
            around.start_soon(reactor.run)
            around.start_soon(connector.run)
            async with trio.open_nursery() as nursery:
                for provider in providers:
                    if provider.origin is None:
                        text = f"{provider.id}: not configured (provider.{provider.id}.base_url)"
                        found[provider.id] = Finding("skip", "providers", text)
                    else:
                        place = Place(provider.id, provider.origin, ways[provider.id])
                        nursery.start_soon(one, place, connector, reactor)
            around.cancel_scope.cancel()
        reactor.close()

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


async def _ask(place: Place, connector: Connector, reactor: Reactor) -> str | None:
    """The `Date` of whatever it answers. Errors: Unreachable; Broken; MalformedMessage. Cancel: the connection is closed."""
    spot = Spot(reactor)
    try:
        link = await connector.open(place, spot)
        try:
            await link.send(
                b"GET / HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % place.origin.authority.encode("ascii")
            )
            held, end = b"", 0
            while not end:
                data = await link.recv()
                if not data:
                    raise Broken("closed")
                held += data
                end = heads.head_end(held)
        finally:
            link.close()
    finally:
        spot.leave()
    date = heads.parse_response_head(held[:end]).fields.value(b"date")
    return date.decode("latin-1") if date is not None else None
