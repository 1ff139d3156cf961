"""What the doctor finds on the ways to providers, without going them. Called by `examine`; going them is `reach`'s."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from lectr_core.assembly.certificate import CERTIFICATE_WARN_DAYS, client_expires_at
from lectr_core.assembly.egress import told, unused_variables, ways_of
from lectr_core.assembly.finding import Finding
from lectr_core.errors import OperatorError, UnsettledSettings
from lectr_core.hot.trust import make_context
from lectr_core.model.egress import Egress
from lectr_core.model.settings import Settings
from lectr_core.ports import Provider

_RENEW = "renew it; the next connection takes the new file"


def look_outward(providers: Sequence[Provider], settings: Settings) -> Iterator[Finding]:
    """What is to be said of each provider's way. Waits: for the disk."""
    try:
        ways = ways_of(settings, providers)
    except UnsettledSettings as exc:
        yield from (Finding("fail", "egress", fault) for fault in exc.faults)
        return
    addressed = {provider.id for provider in providers if provider.origin is not None}
    for text in told({name: way for name, way in ways.items() if name in addressed}):
        yield Finding("ok", "egress", text)
    if unused := unused_variables(settings):
        text = f"{', '.join(f'${name}' for name in unused)} set, and not used: no setting says so"
        yield Finding(
            "warn", "egress", text, 'gateway.proxy = "env" uses them; gateway.proxy = "direct" says they are not meant'
        )
    for name, way in sorted(ways.items()):
        egress = way.egress
        if egress.ca_file is not None or egress.client_certificate is not None:
            yield _certificates(name, egress)


def _certificates(name: str, egress: Egress) -> Finding:
    try:
        make_context(name, egress)
    except OperatorError as exc:
        return Finding("fail", "certificate", str(exc), "mend the file; connections that are open go on meanwhile")
    if egress.client_certificate is None:
        return Finding("ok", "certificate", f"{name}: its authorities are those in {egress.ca_file}")
    until = client_expires_at(egress)
    if until is None:
        text = f"{name}: {egress.client_certificate} holds no longer, not yet, or not for a client"
        return Finding("fail", "certificate", text, _RENEW)
    days = int((until - time.time()) / 86_400)
    text = f"{name} is shown one that holds until {time.strftime('%Y-%m-%d', time.gmtime(until))}, {days} more days"
    act = "" if days >= CERTIFICATE_WARN_DAYS else _RENEW
    return Finding("warn" if act else "ok", "certificate", text, act)
