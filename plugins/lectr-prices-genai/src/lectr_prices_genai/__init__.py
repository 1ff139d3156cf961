"""What gets plugged in: one section of the settings, two price books. Called by Lectr; heavy imports stand inside."""

from __future__ import annotations

from collections.abc import Iterable

from lectr_core import PriceBook, Section, Settings, hookimpl


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[[prices.override]]`."""
    from lectr_prices_genai.settings import PricesSettings

    return [Section("prices", PricesSettings, help="Your own prices; they go before every list.")]


@hookimpl
def lectr_price_books(settings: Settings) -> Iterable[PriceBook]:
    """The operator's own prices, then the list."""
    from lectr_prices_genai.listed import ListedBook
    from lectr_prices_genai.overrides import OverrideBook
    from lectr_prices_genai.settings import PricesSettings

    own = settings.section("prices", PricesSettings).override
    return [*([OverrideBook(own)] if own else []), ListedBook()]
