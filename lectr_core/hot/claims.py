"""What providers claim as theirs. Called by `identify.py`; one for each version of the configuration.

What is said of a model is remembered: asking thirty providers costs some 20 µs, and model names are recorded anyway. They
are chosen by clients, so the memory is bounded: full, it is emptied and filled anew. Paths and credentials are asked about
each time: a path may hold what nobody must keep.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lectr_core.model.secret import Credential
from lectr_core.ports import Provider

MAX_REMEMBERED: Final = 4096
MAX_REMEMBERED_CHARS: Final = 256
"""A longer model is asked about each time."""


class Claims:
    """Asks every provider, in the order of their ids; about a model once."""

    __slots__ = ("_models", "_providers")

    def __init__(self, providers: Iterable[Provider]) -> None:
        # Ties go by id, whatever the order in which plugins were found.
        self._providers = tuple(sorted(providers, key=lambda one: one.id))
        self._models: dict[str, Provider | None] = {}

    def of_path(self, path: str) -> Provider | None:
        """The provider that alone has such a path."""
        for one in self._providers:
            if one.claims_path(path):
                return one
        return None

    def of_model(self, model: str) -> Provider | None:
        """The provider that recognises most of the model's name."""
        try:
            return self._models[model]
        except KeyError:
            best: Provider | None = None
            strength = 0
            for one in self._providers:
                claim = one.claims_model(model)
                if claim > strength:
                    best, strength = one, claim
            if len(model) <= MAX_REMEMBERED_CHARS:
                if len(self._models) >= MAX_REMEMBERED:
                    self._models.clear()
                self._models[model] = best
            return best

    def of_credential(self, credential: Credential) -> Provider | None:
        """The provider to whom the credential visibly belongs."""
        for one in self._providers:
            if one.claims_credential(credential):
                return one
        return None
