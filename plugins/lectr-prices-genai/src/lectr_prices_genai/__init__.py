"""What gets plugged in: one section of the settings, the price books, `lectr prices update`. Heavy imports stand inside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lectr_core import PriceBook, Section, Settings, hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[[prices.override]]`, `[[prices.discount]]`."""
    from lectr_prices_genai.settings import PricesSettings

    return [Section("prices", PricesSettings, help="Your own prices; they go before every list.")]


@hookimpl
def lectr_price_books(settings: Settings) -> Iterable[PriceBook]:
    """Provisioned capacity, the operator's own prices, the catalog's with a discount, the catalog's."""
    from lectr_core import MoneySettings
    from lectr_prices_genai.discounts import DiscountBook
    from lectr_prices_genai.listed import ListedBook
    from lectr_prices_genai.overrides import OverrideBook
    from lectr_prices_genai.provisioned import ProvisionedBook
    from lectr_prices_genai.settings import PricesSettings
    from lectr_prices_genai.taken import path_in

    own, listed = settings.section("prices", PricesSettings), ListedBook(path_in(settings.gateway.data))
    money = settings.section("money", MoneySettings)
    provisioned = [ProvisionedBook(money.provisioned, listed)] if money.provisioned else []
    overrides = [OverrideBook(own.override, money, listed)] if own.override else []
    discounts = [DiscountBook(own.discount, listed)] if own.discount else []
    return [*provisioned, *overrides, *discounts, listed]


@hookimpl
def lectr_commands(cli: click.Group) -> None:
    """`lectr prices update`."""
    from lectr_core import shared_group
    from lectr_prices_genai.asking.update import update

    shared_group(cli, "prices", "Prices: those that records were priced with, and the catalog they come from.").add_command(
        update
    )
