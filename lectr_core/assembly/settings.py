"""The settings: found, overlaid, checked, named.

Reads one `lectr.toml`, puts environment and flags on top, takes it apart along the sections that the core and the plugins
declare, and reports every fault at once. Never asks the network or opens a socket. Called by the command line, the
supervisor (again whenever the file changes) and, for a kept version, by each process.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from lectr_core.assembly import document as documents
from lectr_core.assembly.overrides import overlay
from lectr_core.assembly.plugins import Plugins
from lectr_core.assembly.sections import GATEWAY, take_apart
from lectr_core.errors import OperatorError, UnsettledSettings
from lectr_core.model.settings import Section, Settings

FILE = "lectr.toml"


@attrs.frozen
class Loaded:
    """Valid settings, with what they were made of."""

    settings: Settings
    text: str
    """The effective document, canonical: what is kept under its version."""
    document: Mapping[str, Any] = attrs.field(repr=False)  # Any: whatever TOML can hold
    file: Path | None
    """Where it was read; None: there is none, or it came from a program."""
    origins: Mapping[str, str]
    """What is not the file's, by path: `$LECTR_GATEWAY_LISTEN`, `--listen`."""


def find_file(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """`--config` (`/dev/null`: no settings), else `./lectr.toml`, else `$LECTR_CONFIG`, else None.

    Errors: OperatorError where a file is named that does not exist.
    """
    if config is not None:
        if not config.is_file() and str(config) != os.devnull:
            raise OperatorError(f"--config: there is no file {str(config)!r}")
        return config
    if Path(FILE).is_file():
        return Path(FILE)
    if named := environ.get("LECTR_CONFIG"):
        if not Path(named).is_file():
            raise OperatorError(f"$LECTR_CONFIG: there is no file {named!r}")
        return Path(named)
    return None


def read_settings(
    plugins: Plugins,
    *,
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,  # Any: values as TOML has them
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Find and read the settings file. Errors: UnsettledSettings with every fault; PluginError from a declaration."""
    environ = os.environ if environ is None else environ
    file = find_file(config, environ)
    document = _read(file) if file is not None else {}
    sections = declared(plugins)
    effective, origins = overlay(document, sections, environ, flags or {})
    return settle(effective, sections, environ=environ, file=file, origins=origins)


def settle(
    document: Mapping[str, Any],  # Any: whatever TOML can hold
    sections: tuple[Section, ...],
    *,
    environ: Mapping[str, str],
    file: Path | None = None,
    origins: Mapping[str, str] | None = None,
) -> Loaded:
    """Check an effective document. Errors: UnsettledSettings."""
    origins = origins or {}
    reading = take_apart(document, sections)
    if reading.faults:
        told = tuple(sorted(_with_origin(fault, origins) for fault in dict.fromkeys(reading.faults)))
        raise UnsettledSettings(told, str(file) if file is not None else "settings")
    text = documents.write(document)
    parts = dict(reading.sections)
    gateway = parts.pop(GATEWAY.path)
    settings = Settings(gateway=gateway, sections=parts, version=documents.version_of(text), environ=environ)
    return Loaded(settings, text, document, file, origins)


def read_kept(path: Path, sections: tuple[Section, ...], environ: Mapping[str, str]) -> Loaded:
    """A version from the history: its file holds everything, so neither environment nor flags touch it."""
    return settle(_read(path), sections, environ=environ, file=path)


def declared(plugins: Plugins) -> tuple[Section, ...]:
    """Every section that a plugin declares. Errors: PluginError."""
    return tuple(section for _, section in plugins.sections())


def complete(settings: Settings) -> str:
    """Everything that holds, defaults included, as canonical TOML; what is absent by default stays absent."""
    document: dict[str, Any] = {}  # Any: whatever TOML can hold
    for path, value in {GATEWAY.path: settings.gateway, **settings.sections}.items():
        *parents, last = path.split(".")
        table = document
        for name in parents:
            table = table.setdefault(name, {})
        table[last] = _plain(value)
    return documents.write(document)


def _plain(value: Any) -> Any:  # Any: instances become what TOML can hold
    if attrs.has(type(value)):
        fields = {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}
        return {name: _plain(item) for name, item in fields.items() if item is not None}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _read(file: Path) -> dict[str, Any]:  # Any: whatever TOML can hold
    try:
        return documents.parse(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as exc:
        # tomllib names line and column and never repeats the text around them
        raise UnsettledSettings((f"no valid TOML: {exc}",), str(file)) from None
    except UnicodeDecodeError as exc:
        raise UnsettledSettings((f"no valid UTF-8 at byte {exc.start}",), str(file)) from None
    except OSError as exc:
        raise OperatorError(f"cannot read {str(file)!r}: {exc.strerror}") from exc


def _with_origin(fault: str, origins: Mapping[str, str]) -> str:
    path = fault.partition(":")[0]
    origin = origins.get(path) or origins.get(path.partition("[")[0])
    return fault.replace(path, f"{path} ({origin})", 1) if origin else fault
