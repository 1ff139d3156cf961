"""What gets plugged in: one section of the settings, up to three price books. Heavy imports stand inside."""

from __future__ import annotations

from collections.abc import Iterable

from lectr_core import PriceBook, Section, Settings, hookimpl


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[[prices.override]]`, `[[prices.discount]]`."""
    from lectr_prices_genai.settings import PricesSettings

    return [Section("prices", PricesSettings, help="Your own prices; they go before every list.")]


@hookimpl
def lectr_price_books(settings: Settings) -> Iterable[PriceBook]:
    """The operator's own prices, then the list's with a discount, then the list's."""
    from lectr_prices_genai.discounts import DiscountBook
    from lectr_prices_genai.listed import ListedBook
    from lectr_prices_genai.overrides import OverrideBook
    from lectr_prices_genai.settings import PricesSettings

    own, listed = settings.section("prices", PricesSettings), ListedBook()
    overrides = [OverrideBook(own.override)] if own.override else []
    discounts = [DiscountBook(own.discount, listed)] if own.discount else []
    return [*overrides, *discounts, listed]
