"""Which part of a settings document belongs to which declared section, and all that is wrong with it.

Walks the document once against the declared paths; whatever nobody declared is a fault that names the nearest known name.
Then checks what only the core can know: addresses, limits, names of environment variables. Pure. Called by `settings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from lectr_core.assembly.egress import table_faults
from lectr_core.assembly.listen import parse_address
from lectr_core.assembly.shapes import build, nearest, show, shown_name
from lectr_core.model.money import MoneySettings
from lectr_core.model.settings import AdminSettings, GatewaySettings, ProviderSettings, Section

GATEWAY = Section("gateway", GatewaySettings, help="What holds for the whole gateway.")
ADMIN = Section("admin", AdminSettings, help="Where the gateway tells how it is.")
MONEY = Section("money", MoneySettings, help="Currencies, and capacity that is paid for by the hour.")
CORE = (GATEWAY, ADMIN, MONEY)
"""The sections that no plugin declares."""
SHORTEST_HANG_S = 2.0
"""A worker that is well gives a sign of life every second."""
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


@attrs.define
class Reading:
    """A document taken apart."""

    sections: dict[str, Any] = attrs.field(factory=dict)  # Any: instances of the plugins' own classes
    faults: list[str] = attrs.field(factory=list)


def take_apart(document: Mapping[str, Any], declared: Iterable[Section]) -> Reading:  # Any: whatever TOML can hold
    """Build every section of *document*. Sections that it leaves out are there with defaults, arrays empty."""
    known = {section.path: section for section in (*CORE, *declared)}
    reading = Reading()
    _walk(document, "", known, reading)
    for path, section in known.items():
        if path in reading.sections or path.endswith("*") or any(fault.startswith(path) for fault in reading.faults):
            continue
        if section.many:
            reading.sections[path] = ()
        elif not _required(section):
            reading.sections[path] = section.schema()
    gateway = reading.sections.get("gateway")
    if isinstance(gateway, GatewaySettings):
        reading.faults += _gateway_faults(gateway)
    admin = reading.sections.get("admin")
    if isinstance(admin, AdminSettings):
        reading.faults += _admin_faults(admin)
    money = reading.sections.get("money")
    for path, value in reading.sections.items():
        reading.faults += _variable_faults(path, value)
        if isinstance(money, MoneySettings):
            reading.faults += _currency_faults(path, value, money)
        if isinstance(value, GatewaySettings | ProviderSettings):
            reading.faults += table_faults(path, value)
    return reading


def find_section(path: str, known: Mapping[str, Section]) -> Section | None:
    """The section declared at *path*, by itself or by a wildcard of its parent."""
    return known.get(path) or known.get(f"{path.rpartition('.')[0]}.*")


def _walk(table: Mapping[str, Any], prefix: str, known: Mapping[str, Section], reading: Reading) -> None:  # Any: TOML
    for name, value in table.items():
        path = f"{prefix}{name}"
        inner = {one.split(".")[path.count(".") + 1] for one in known if one.startswith(f"{path}.")}
        section = find_section(path, known)
        if section is None and not inner:
            siblings = {one.removeprefix(prefix).split(".")[0] for one in known if one.startswith(prefix)} - {"*"}
            told = nearest(name, sorted(siblings))
            # most often the table of a plugin that is not installed, or no longer
            hint = "" if "did you mean" in told else "; is its plugin installed?"
            reading.faults.append(f"{prefix}{shown_name(name)}: unknown{told}{hint}")
        elif section is not None and section.path != path and not NAME.fullmatch(name):
            reading.faults.append(f"{prefix}{shown_name(name)}: the name must be lower-case letters, digits, '-' and '_'")
        elif section is not None and section.many:
            _build_array(value, path, section, reading)
        elif not isinstance(value, Mapping):
            reading.faults.append(f"{path}: expected a table, got {show(value, path)}")
        elif section is None:
            _walk(value, f"{path}.", known, reading)
        else:
            own = {key: item for key, item in value.items() if key not in inner}
            _walk({key: item for key, item in value.items() if key in inner}, f"{path}.", known, reading)
            instance, faults = build(own, section.schema, path)
            reading.faults += faults
            if instance is not None:
                reading.sections[path] = instance
            elif section is GATEWAY:  # its sound part still has values to look at, and all faults are told at once
                at_fault = {fault.removeprefix(f"{path}.").partition(":")[0].partition("[")[0] for fault in faults}
                rest, _ = build({key: item for key, item in own.items() if key not in at_fault}, section.schema, path)
                reading.faults += _gateway_faults(rest) if isinstance(rest, GatewaySettings) else ()


def _build_array(value: object, path: str, section: Section, reading: Reading) -> None:
    if not isinstance(value, list):
        reading.faults.append(f"{path}: expected an array of tables ([[{path}]]), got {show(value, path)}")
        return
    made = []
    for index, item in enumerate(value):
        instance, faults = build(item, section.schema, f"{path}[{index}]")
        reading.faults += faults
        made.append(instance)
    if all(item is not None for item in made):
        reading.sections[path] = tuple(made)


def _required(section: Section) -> bool:
    return any(attribute.default is attrs.NOTHING for attribute in attrs.fields(section.schema) if attribute.init)


def _gateway_faults(gateway: GatewaySettings) -> Iterator[str]:
    if not gateway.listen:
        yield "gateway.listen: expected at least one address, got none"
    for index, text in enumerate(gateway.listen):
        where = "gateway.listen" if len(gateway.listen) == 1 else f"gateway.listen[{index}]"
        try:
            address = parse_address(text)
        except ValueError as exc:
            yield f"{where}: {exc}, got {show(text, where)}"
            continue
        if gateway.auth == "none" and not address.is_loopback:
            yield f"gateway.auth: 'none' is allowed on loopback only, but {where} is {text!r}"
    for name, other in (("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")):
        if getattr(gateway, name) is not None and getattr(gateway, other) is None:
            yield f"gateway.{other}: needed where gateway.{name} is set"
    if isinstance(gateway.workers, int) and not 1 <= gateway.workers <= 512:
        yield f"gateway.workers: expected 1 to 512 or 'auto', got {gateway.workers}"
    for attribute in attrs.fields(GatewaySettings):
        value = getattr(gateway, attribute.name)
        if attribute.name.startswith(("max_", "min_")) and value < 1:
            yield f"gateway.{attribute.name}: expected at least 1, got {value}"
        if attribute.name.endswith("_limit_s") and value <= 0:
            yield f"gateway.{attribute.name}: expected more than 0 seconds, got {value:g}"
    if 0 < gateway.hang_limit_s < SHORTEST_HANG_S:
        yield f"gateway.hang_limit_s: expected at least {SHORTEST_HANG_S:g} seconds, got {gateway.hang_limit_s:g}"
    if gateway.drain_s < 0:
        yield f"gateway.drain_s: expected 0 seconds or more, got {gateway.drain_s:g}"


def _admin_faults(admin: AdminSettings) -> Iterator[str]:
    if admin.listen is None:
        return
    try:
        address = parse_address(admin.listen)
    except ValueError as exc:
        yield f"admin.listen: {exc}, got {show(admin.listen, 'admin.listen')}"
        return
    if not address.is_loopback and admin.token_env is None:
        yield f"admin.token_env: needed where admin.listen is not loopback, and it is {admin.listen!r}"


def _variable_faults(path: str, value: Any) -> Iterator[str]:  # Any: an instance of a plugin's own class
    """`api_key_env` names a variable; whoever writes the key itself there is told, and the key is not repeated."""
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _variable_faults(f"{path}[{index}]", item)
    elif attrs.has(type(value)):
        for attribute in attrs.fields(type(value)):
            given = getattr(value, attribute.name)
            if attribute.name.endswith("_env") and isinstance(given, str) and not VARIABLE.fullmatch(given):
                yield (
                    f"{path}.{attribute.name}: expected the name of an environment variable in capitals, such as "
                    f"{attribute.name.removesuffix('_env').upper()}, not the value itself (not shown: it may be a secret)"
                )


def _currency_faults(path: str, value: Any, money: MoneySettings) -> Iterator[str]:  # Any: as above
    """Every `currency`, in whatever plugin's table, has a rate."""
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _currency_faults(f"{path}[{index}]", item, money)
    elif attrs.has(type(value)):
        for attribute in attrs.fields(type(value)):
            given = getattr(value, attribute.name)
            if attribute.name == "currency" and isinstance(given, str) and not money.knows(given):
                yield f"{path}.currency: no rate for {given!r}: declare it in [[money.rate]]"
            elif isinstance(given, tuple):
                yield from _currency_faults(f"{path}.{attribute.name}", given, money)
