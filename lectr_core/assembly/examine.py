"""All that can be found out about a gateway from outside: settings, plugins, machine, processes, providers.

Each check yields findings and changes nothing. Contacting providers is `reach`'s. Called by the command `doctor`.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import attrs

from lectr_core.assembly.alive import look_at_journal, look_at_running, look_at_stores, running
from lectr_core.assembly.certificate import CERTIFICATE_WARN_DAYS, expires_at, make_context
from lectr_core.assembly.command_line import CommandLine
from lectr_core.assembly.environment import credential_variables
from lectr_core.assembly.finding import Finding, Level
from lectr_core.assembly.keys import FILE, read_book
from lectr_core.assembly.listen import open_socket, parse_address
from lectr_core.assembly.money import look_at_prices
from lectr_core.assembly.outward import look_outward
from lectr_core.assembly.overrides import OWN, PREFIX, variables
from lectr_core.assembly.plugins import Fault, Plugins
from lectr_core.assembly.settings import Loaded, declared
from lectr_core.errors import LectrError, OperatorError, UnsettledSettings
from lectr_core.model.settings import AdminSettings, ProviderSettings, Settings
from lectr_core.ports import Provider, Sink

# A day of a busy gateway's rows is some 100 MB; below the first figure it is time to act, below the second it is late.
FREE_WARN_BYTES = 1 << 30
FREE_FAIL_BYTES = 100 << 20
DESCRIPTORS_WARN = 4096
CONNECT_LIMIT_S = 0.5
"""To one of our own processes, on this machine."""


def examine(line: CommandLine, *, reach: Literal["chosen", "all", "none"]) -> list[Finding]:
    """Look at everything. Waits: on providers, a few seconds at most, unless *reach* is `none`."""
    plugins = line.plugins()
    findings = [*_plugin_faults(plugins.faults)]
    try:
        loaded = line.read()
    except UnsettledSettings as exc:
        return [*(Finding("fail", "settings", f"{exc.where}: {fault}", "mend it there") for fault in exc.faults), *findings]
    except LectrError as exc:
        return [Finding("fail", "settings", str(exc)), *findings]
    settings = loaded.settings
    findings.insert(0, Finding("ok", "settings", f"{loaded.file or 'no file, defaults'}; version {settings.version}"))
    findings += _strange_variables(loaded, plugins)
    asked = _as_if_set(settings)
    above = running(settings.gateway.data, time.time())
    findings += _plugin_faults(plugins.ask_all(asked))
    findings += _kinds(plugins)
    findings += _credentials(settings, is_running=above is not None)
    findings += _data(settings.gateway.data)
    findings += _keys(settings)
    findings += _certificate(settings)
    findings += _doors(settings, plugins) if above is None else look_at_running(settings, above)
    findings += look_at_journal(settings.gateway.data, is_running=above is not None)
    findings += look_at_stores(settings.gateway.data, _sinks(plugins, settings))
    findings += look_at_prices(plugins, settings)
    findings += _machine()
    providers = _providers(plugins, asked)
    findings += _routes(plugins, asked, providers)
    findings += look_outward(providers, settings)
    if reach == "none" and providers:
        findings.append(Finding("skip", "providers", "not contacted (--offline)"))
    elif providers:
        findings += _reached(providers, settings, everyone=reach == "all")
    return findings


def _reached(providers: Sequence[Provider], settings: Settings, *, everyone: bool) -> Iterator[Finding]:
    """Contact the providers that somebody chose: nobody's firewall log should fill with those that nobody uses."""
    from lectr_core.assembly.reach import reach_all

    chosen = [one for one in providers if everyone or _is_chosen(one, settings)]
    yield from reach_all(chosen, settings)
    if len(chosen) < len(providers):
        text = f"{len(providers) - len(chosen)} more are installed and not configured; --reach all contacts them too"
        yield Finding("skip", "providers", text)


def _is_chosen(provider: Provider, settings: Settings) -> bool:
    section = settings.sections.get(f"provider.{provider.id}")
    named = isinstance(section, ProviderSettings) and (section.base_url is not None or section.api_key_env is not None)
    default = settings.gateway.default_provider
    return named or provider.id == default or (default is None and provider.accepts_unclaimed)


def _plugin_faults(faults: Iterable[Fault]) -> Iterator[Finding]:
    for fault in faults:
        act = f"mend or upgrade it, or remove it: lectr uninstall {fault.distribution}"
        yield Finding("fail", "plugins", str(fault), act)


def _kinds(plugins: Plugins) -> Iterator[Finding]:
    hooks = {hook for plugin in plugins.found for hook in plugin.hooks}
    yield Finding("ok", "plugins", f"{len(plugins.found)} installed")
    if "lectr_providers" not in hooks:
        yield Finding("fail", "plugins", "no provider is installed: every request is refused", "lectr install provider-NAME")
    if "lectr_sinks" not in hooks:
        yield Finding("warn", "plugins", "no sink is installed: records stay in the journal", "lectr install sink-sqlite")
    if "lectr_price_books" not in hooks:
        yield Finding("warn", "plugins", "no prices are installed: costs are unknown", "lectr install prices-genai")


def _strange_variables(loaded: Loaded, plugins: Plugins) -> Iterator[Finding]:
    known = {*variables(loaded.document, declared(plugins)), *OWN, *credential_variables(loaded.settings)}
    strange = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if strange:
        yield Finding("warn", "settings", f"variables that set nothing: {', '.join(strange)}", "check their spelling")


def _providers(plugins: Plugins, settings: Settings) -> list[Provider]:
    try:
        return [provider for _, provider in plugins.providers(settings)]
    except LectrError:
        return []  # said above, one by one


def _sinks(plugins: Plugins, settings: Settings) -> list[Sink]:
    try:
        return [sink for _, sink in plugins.sinks(settings)]
    except LectrError:
        return []  # said above, one by one


def _as_if_set(settings: Settings) -> Settings:
    """The settings with a word for each credential that is missing here: `_credentials` tells of those, not the plugins."""
    sections = [value for value in settings.sections.values() if isinstance(value, ProviderSettings)]
    missing = {value.api_key_env: "unset" for value in sections if value.api_key_env is not None}
    return attrs.evolve(settings, environ={**missing, **{name: text for name, text in settings.environ.items() if text}})


def _credentials(settings: Settings, *, is_running: bool) -> Iterator[Finding]:
    for path, value in sorted(settings.sections.items()):
        for item in value if isinstance(value, tuple) else (value,):
            for attribute in attrs.fields(type(item)) if attrs.has(type(item)) else ():
                name = getattr(item, attribute.name)
                if not attribute.name.endswith("_env") or not isinstance(name, str):
                    continue
                if settings.environ.get(name):
                    yield Finding("ok", "credentials", f"{path}.{attribute.name}: ${name} is set here")
                else:
                    act = f"export {name}=…, also for the service; without it the start is refused"
                    if is_running:
                        act = f"the gateway that runs has its own environment; before a start from here: export {name}=…"
                    level: Level = "warn" if is_running else "fail"
                    yield Finding(level, "credentials", f"{path}.{attribute.name}: ${name} is not set here", act)


def _data(data: Path) -> Iterator[Finding]:
    if not data.is_dir():
        free_of = next(parent for parent in data.absolute().parents if parent.exists())
        if os.access(free_of, os.W_OK | os.X_OK):
            yield Finding("ok", "data", f"{data} does not exist yet; `lectr up` makes it")
        else:
            act = "choose another place with --data"
            yield Finding("fail", "data", f"{data} does not exist, and this user cannot make it in {free_of}", act)
    else:
        free_of = data
        status = data.stat()
        if status.st_uid != os.geteuid():
            yield Finding("warn", "data", f"{data} belongs to another user", "run Lectr as that user")
        open_to = [
            name for name in (".", FILE, "lectr.db") if (data / name).exists() and (data / name).stat().st_mode & 0o077
        ]
        for name in open_to:
            yield Finding("fail", "data", f"{data / name} is open to other users", f"chmod go= {data / name}")
        if not os.access(data, os.W_OK | os.X_OK):
            yield Finding("fail", "data", f"{data} cannot be written", "check its owner and mode")
        elif not open_to:
            yield Finding("ok", "data", f"{data} is private")
    free = shutil.disk_usage(free_of).free
    level: Level = "fail" if free < FREE_FAIL_BYTES else "warn" if free < FREE_WARN_BYTES else "ok"
    act = "" if level == "ok" else "make room: when the disk is full, records are lost (traffic goes on)"
    yield Finding(level, "disk", f"{free / 1e9:.1f} GB free", act)


def _keys(settings: Settings) -> Iterator[Finding]:
    if settings.gateway.auth == "none":
        yield Finding("ok", "keys", "none needed (auth = none, loopback only)")
        return
    try:
        holders = read_book(settings.gateway.data).ring().holders.values()
    except OperatorError as exc:
        yield Finding("fail", "keys", str(exc))
        return
    working = sum(not holder.revoked and not holder.org_disabled for holder in holders)
    if working:
        yield Finding("ok", "keys", f"{working} work")
    else:
        yield Finding("warn", "keys", "none works: every request is refused", "lectr keys create --org acme --name ci")


def _certificate(settings: Settings) -> Iterator[Finding]:
    try:
        context = make_context(settings.gateway)
    except OperatorError as exc:
        yield Finding("fail", "certificate", str(exc), "mend the file; a gateway that runs serves what it has meanwhile")
        return
    if context is None:
        addresses = [parse_address(text) for text in settings.gateway.listen]
        if open_to := ", ".join(str(address) for address in addresses if not address.is_loopback):
            act = "set gateway.tls_certificate and gateway.tls_key, or let only a proxy with TLS reach it"
            yield Finding("warn", "certificate", f"plain HTTP on {open_to}: keys and prompts can be read on the way", act)
        return
    key = settings.gateway.tls_key
    if key is not None and key.stat().st_mode & 0o007:
        yield Finding("warn", "certificate", f"{key} can be read by every user of this machine", f"chmod o= {key}")
    until = expires_at(context, settings.gateway)
    if until is None:
        text = f"{settings.gateway.tls_certificate} holds no longer, not yet, or not for a server"
        yield Finding("fail", "certificate", text, "renew it; the new file is taken over by itself")
        return
    days = int((until - time.time()) / 86_400)
    text = f"holds until {time.strftime('%Y-%m-%d', time.gmtime(until))}, {days} more days"
    act = "" if days >= CERTIFICATE_WARN_DAYS else "renew it; the new file is taken over by itself"
    yield Finding("warn" if act else "ok", "certificate", text, act)


def _routes(plugins: Plugins, settings: Settings, providers: Iterable[Provider]) -> Iterator[Finding]:
    """Routes that no request can take. A policy says where it leads in `routes_to()`, where it has that."""
    installed = {provider.id: provider for provider in providers}
    try:
        policies = plugins.policies(settings)
    except LectrError:
        return  # said above
    for _, policy in policies:
        asked = getattr(policy, "routes_to", None)
        for name in sorted(set(asked())) if callable(asked) else ():
            if name not in installed:
                act = "until then those requests pass unchanged; install its plugin, or mend the name"
                yield Finding("warn", "routes", f"{policy.id} leads to {name!r}, which is not installed", act)
            elif installed[name].held is None:
                act = (
                    f"name its variable in provider.{name}.api_key_env; until then other providers' requests pass unchanged"
                )
                yield Finding("warn", "routes", f"{policy.id} leads to {name!r}, which has no held credential", act)


def _doors(settings: Settings, plugins: Plugins) -> Iterator[Finding]:
    """Whether a gateway could open its doors, where none runs."""
    yield Finding("ok", "gateway", "not running")
    yield from _ports("listen", settings.gateway.listen, "lectr up --listen 127.0.0.1:PORT")
    admin = settings.section("admin", AdminSettings).listen
    yield from _ports("admin", [admin] if admin else [], "choose another address for it")
    yield from _companions(plugins, settings)


def _ports(what: str, listen: Iterable[str], act: str) -> Iterator[Finding]:
    for text in listen:
        try:
            address = parse_address(text)
            open_socket(address, setting=f"{'gateway' if what == 'listen' else what}.listen").close()
            if address.path is not None:
                address.path.unlink(missing_ok=True)
            yield Finding("ok", what, f"{text} is free")
        except OperatorError as exc:
            yield Finding("fail", what, str(exc), act)


def _companions(plugins: Plugins, settings: Settings) -> Iterator[Finding]:
    """Whether somebody answers already where `lectr up` would start a companion."""
    try:
        companions = plugins.companions(settings)
    except LectrError:
        return  # said above
    for _, companion in companions:
        place = urlsplit(companion.url() or "")
        if place.hostname is None or place.port is None:
            continue
        try:
            socket.create_connection((place.hostname, place.port), CONNECT_LIMIT_S).close()
        except OSError:
            yield Finding("ok", companion.id, f"{place.netloc} is free")
        else:
            act = f"stop it, or choose another address in [{companion.id}]; the gateway itself does not need it"
            yield Finding("warn", companion.id, f"{place.netloc} is taken by another process", act)


def _machine() -> Iterator[Finding]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS_WARN:
        yield Finding("warn", "open files", f"at most {hard}; each request needs two", "raise LimitNOFILE or `ulimit -Hn`")
    else:
        yield Finding("ok", "open files", "enough")
