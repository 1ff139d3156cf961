"""The environment that child processes get: what is for the main process alone is left out. Pure. Called by `supervisor`."""

from __future__ import annotations

import os

import attrs

from lectr_core.assembly.service import VARIABLES
from lectr_core.model.settings import Settings


def inherited() -> dict[str, str]:
    """The environment of processes that are Lectr's own."""
    return {name: value for name, value in os.environ.items() if name not in VARIABLES}


def without_credentials(settings: Settings) -> dict[str, str]:
    """The environment of companions, who have no business with the credentials that the settings name."""
    held = credential_variables(settings)
    return {name: value for name, value in inherited().items() if name not in held}


def credential_variables(settings: Settings) -> set[str]:
    """Names of the variables that hold credentials, by the settings."""
    found = set()
    for value in (settings.gateway, *settings.sections.values()):
        for item in value if isinstance(value, tuple) else (value,):
            if attrs.has(type(item)):
                for attribute in attrs.fields(type(item)):
                    name = getattr(item, attribute.name)
                    if attribute.name.endswith("_env") and isinstance(name, str):
                        found.add(name)
    return found
