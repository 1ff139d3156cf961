"""Readers of the compatible path: the dialect of chat completions, with this provider's way to count thoughts.

Called by `provider.py`. The arithmetic is in `usage.py`.
"""

from __future__ import annotations

from lectr_core import CompletionsEventReader, CompletionsReader, Tree, Usage
from lectr_provider_gemini.usage import compatible_usage


class CompatibleReader(CompletionsReader):
    """A whole answer."""

    def usage_of(self, tree: Tree) -> Usage:
        """See `CompletionsReader`."""
        return compatible_usage(tree)


class CompatibleEventReader(CompletionsEventReader):
    """A stream of chunks."""

    def usage_of(self, tree: Tree) -> Usage:
        """See `CompletionsEventReader`."""
        return compatible_usage(tree)
