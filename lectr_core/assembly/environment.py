"""The environment that child processes get: what is for the main process alone is left out. Pure. Called by `supervisor`."""

from __future__ import annotations

import os
from typing import Final

import attrs

from lectr_core.assembly.service import VARIABLES
from lectr_core.model.settings import Settings

ALLOCATOR: Final = {"MALLOC_TRIM_THRESHOLD_": str(16 * 1024 * 1024), "MALLOC_MMAP_THRESHOLD_": str(8 * 1024 * 1024)}
"""What glibc gives back to the system at once, and takes from it anew for each long body. By its own choice that is all
above 128 KiB, so that a MiB of JSON costs 256 page faults again and again. Reading one took 1.6 ms so, and takes 0.5."""


def of_our_own() -> dict[str, str]:
    """The environment of workers and the cold process. What the operator has set stays."""
    return {**ALLOCATOR, **inherited()}


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
