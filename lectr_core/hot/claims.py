"""What providers claim as theirs, remembered. Called by `identify.py`; one for each version of the configuration.

Asking thirty providers about a path and a model costs some 40 µs; what they say depends on nothing else, so it is kept.
Paths and models are chosen by clients, so the memory is bounded: full, it is emptied and filled anew. Credentials are never
kept: they are asked about each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lectr_core.model.secret import Credential
from lectr_core.ports import Provider

MAX_REMEMBERED: Final = 4096
MAX_REMEMBERED_CHARS: Final = 256
"""Of a path or model; a longer one is asked about each time."""


class Claims:
    """Asks every provider once."""

    __slots__ = ("_models", "_paths", "_providers")

    def __init__(self, providers: Iterable[Provider]) -> None:
        # Ties go by id, whatever the order in which plugins were found.
        self._providers = tuple(sorted(providers, key=lambda one: one.id))
        self._paths: dict[str, Provider | None] = {}
        self._models: dict[str, Provider | None] = {}

    def of_path(self, path: str) -> Provider | None:
        """The provider that alone has such a path."""
        try:
            return self._paths[path]
        except KeyError:
            found = next((one for one in self._providers if one.claims_path(path)), None)
            return _remember(self._paths, path, found)

    def of_model(self, model: str) -> Provider | None:
        """The provider that recognises most of the model's name."""
        try:
            return self._models[model]
        except KeyError:
            best, strength = None, 0
            for one in self._providers:
                claim = one.claims_model(model)
                if claim > strength:
                    best, strength = one, claim
            return _remember(self._models, model, best)

    def of_credential(self, credential: Credential) -> Provider | None:
        """The provider to whom the credential visibly belongs."""
        for one in self._providers:
            if one.claims_credential(credential):
                return one
        return None


def _remember(memory: dict[str, Provider | None], key: str, found: Provider | None) -> Provider | None:
    if len(key) <= MAX_REMEMBERED_CHARS:
        if len(memory) >= MAX_REMEMBERED:
            memory.clear()
        memory[key] = found
    return found
