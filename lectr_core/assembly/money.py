"""What the doctor finds on prices: which catalog costs are worked out with, and whether it is the one that was meant.

Asks the installed price books, as the cold process does. Called by `examine`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lectr_core.assembly.finding import Finding
from lectr_core.assembly.plugins import Plugins
from lectr_core.errors import LectrError
from lectr_core.model.settings import Settings
from lectr_core.ports import PriceCatalog, TellsFault


def look_at_prices(plugins: Plugins, settings: Settings) -> Iterator[Finding]:
    """What is to be said of each catalog. Waits: for the disk."""
    try:
        books = [book for _, book in plugins.price_books(settings)]
    except LectrError:
        return  # said above, one by one
    for book in books:
        try:
            told = book.told() if isinstance(book, PriceCatalog) else None
            fault = book.what_is_wrong() if isinstance(book, TellsFault) else None
        except Exception as exc:  # noqa: BLE001 - a plugin may raise anything, and the doctor must tell of the rest
            yield Finding("fail", "prices", f"{book.id}: {type(exc).__name__}: {exc}", "mend or upgrade its plugin")
            continue
        if fault is not None:
            yield Finding("fail", "prices", *fault)
        elif told is not None:
            yield Finding("ok", "prices", told)
