"""Settings as values: a section is of its class, or the asking fails."""

from __future__ import annotations

import attrs
import pytest

from lectr_core.model.settings import GatewaySettings, ProviderSettings, Settings


@attrs.frozen(kw_only=True)
class Mine:
    size: int = 7


@attrs.frozen(kw_only=True)
class Child(ProviderSettings):
    extra: str = "x"


def _settings(**sections: object) -> Settings:
    return Settings(GatewaySettings(), {name.replace("_", "."): value for name, value in sections.items()}, "v1")


def test_a_section_is_the_instance_that_the_file_made() -> None:
    assert _settings(mine=Mine(size=9)).section("mine", Mine).size == 9


def test_a_section_that_is_not_there_has_its_defaults() -> None:
    assert _settings().section("mine", Mine) == Mine()


def test_a_subclass_is_the_class_that_was_asked_for() -> None:
    assert _settings(provider_mine=Child()).section("provider.mine", ProviderSettings) == Child()


def test_a_section_of_another_class_is_an_error_that_names_both() -> None:
    with pytest.raises(TypeError, match=r"section 'mine' holds ProviderSettings, not Mine"):
        _settings(mine=ProviderSettings()).section("mine", Mine)


def test_the_environment_is_not_shown() -> None:
    settings = attrs.evolve(_settings(), environ={"A_KEY": "canary"})
    assert "canary" not in repr(settings)
