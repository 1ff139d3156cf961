"""Readers for endpoints that bill what they tell: each dialect's, with the cost that the answer names.

What such a cost is made of is in `costs.py`. Called by `provider.py`.
"""

from __future__ import annotations

from typing import Final

from lectr_core import (
    ImagesReader,
    MessagesEventReader,
    MessagesReader,
    Reading,
    ResponsesEventReader,
    ResponsesReader,
    Tree,
    Usage,
    image_usage,
    message_usage,
    response_usage,
)
from lectr_provider_compatible.costs import with_calls, with_cost
from lectr_provider_compatible.reading import CompatibleEventReader, CompatibleReader, compatible_usage

_OWN_KEY: Final = (b'"is_byok":true', b'"is_byok": true')


def _is_byok(data: bytes) -> bool:
    """Whether the caller's own key was used with the model's maker, who bills the caller apart."""
    return any(mark in data for mark in _OWN_KEY)


class BillingReader(CompatibleReader):
    """A whole answer that says what it cost."""

    _is_own_key = False

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        self._is_own_key = _is_byok(body)
        return super().read(body)

    def usage_of(self, tree: Tree) -> Usage:
        """See `CompletionsReader`."""
        return with_cost(compatible_usage(tree), is_own_key=self._is_own_key)


class BillingEventReader(CompatibleEventReader):
    """A stream of chunks that says what it cost."""

    _is_own_key = False

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        super().on_event(name, data)
        self._is_own_key = self._is_own_key or _is_byok(data)

    def usage_of(self, tree: Tree) -> Usage:
        """See `CompletionsEventReader`."""
        return with_cost(compatible_usage(tree), is_own_key=self._is_own_key)


class BillingResponsesReader(ResponsesReader):
    """A whole response that says what it cost."""

    _is_own_key = False

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        self._is_own_key = _is_byok(body)
        return super().read(body)

    def usage_of(self, tree: Tree, image_model: str | None = None) -> Usage:
        """See `ResponsesReader`."""
        return with_cost(with_calls(response_usage(tree, image_model)), is_own_key=self._is_own_key)


class BillingResponsesEventReader(ResponsesEventReader):
    """A stream of a response's events that says what it cost."""

    _is_own_key = False

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        super().on_event(name, data)
        self._is_own_key = self._is_own_key or _is_byok(data)

    def usage_of(self, tree: Tree, image_model: str | None = None) -> Usage:
        """See `ResponsesEventReader`."""
        return with_cost(with_calls(response_usage(tree, image_model)), is_own_key=self._is_own_key)


class BillingMessagesReader(MessagesReader):
    """A whole message that says what it cost."""

    _is_own_key = False

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        self._is_own_key = _is_byok(body)
        return super().read(body)

    def usage_of(self, tree: Tree, model: str | None) -> Usage:
        """See `MessagesReader`."""
        return with_cost(message_usage(tree, model), is_own_key=self._is_own_key)


class BillingMessagesEventReader(MessagesEventReader):
    """A stream of a message's events that says what it cost."""

    _is_own_key = False

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        super().on_event(name, data)
        self._is_own_key = self._is_own_key or _is_byok(data)

    def usage_of(self, tree: Tree, model: str | None) -> Usage:
        """See `MessagesReader`."""
        return with_cost(message_usage(tree, model), is_own_key=self._is_own_key)


class BillingImagesReader(ImagesReader):
    """Images that say what they cost."""

    _is_own_key = False

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        self._is_own_key = _is_byok(body)
        return super().read(body)

    def usage_of(self, tree: Tree) -> Usage:
        """See `ImagesReader`."""
        return with_cost(image_usage(tree), is_own_key=self._is_own_key)
