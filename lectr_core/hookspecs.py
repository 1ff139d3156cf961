"""Every hook of Lectr, in the order a request meets them.

Each is called once, at start (and again for a new version of the settings), as a plain function, and returns objects that
satisfy a Protocol from `ports.py`. A process calls only the hooks it needs: a worker asks for providers and policies, the
cold process for price books and sinks. So a plugin's `__init__.py` holds its hooks alone and imports anything heavy inside
them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from lectr_core.model.settings import Section, Settings
from lectr_core.ports import Companion, Policy, PriceBook, Provider, Sink

if TYPE_CHECKING:
    import click

PROJECT = "lectr"
"""Name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def lectr_settings() -> Iterable[Section]:
    """Declare the parts of `lectr.toml` that belong to this plugin.

    When:    in every process, before the settings are read.
    Return:  sections; each schema is an attrs class whose attributes have a docstring and, as a rule, a default.
    Order:   none; two plugins that declare one path are a fault.
    Failure: raising stops the start and names the plugin.
    Since:   0.1. Example: plugins/lectr-sink-sqlite.
    """
    raise NotImplementedError


@hookspec
def lectr_commands(cli: click.Group) -> None:
    """Add commands to the `lectr` command line.

    When:    only when the command line starts.
    Return:  nothing; add to *cli*. Import what a command needs inside the command.
    Order:   by distribution name; a command that exists already is a fault.
    Failure: raising is reported by `lectr plugins`; the other commands work.
    Since:   0.1. Example: plugins/lectr-datasette.
    """
    raise NotImplementedError


@hookspec
def lectr_providers(settings: Settings) -> Iterable[Provider]:
    """Offer providers that requests can go to.

    When:    in every worker, after the settings are read and before the first listener opens.
    Return:  providers; one plugin may offer many. An id that exists already is a fault.
    Order:   none: what speaks loudest for a request wins (see `Provider.claims_model`), ties go by id.
    Failure: raising stops the start and names the plugin; later, a running gateway keeps the version it has.
    Since:   0.1. Example: plugins/lectr-provider-groq.
    """
    raise NotImplementedError


@hookspec
def lectr_policies(settings: Settings) -> Iterable[Policy]:
    """Offer rules that may refuse or steer a request.

    When:    in every worker, after the settings are read and before the first listener opens.
    Return:  policies, in the order this plugin wants them asked; empty is fine.
    Order:   across plugins by distribution name. The first refusal wins, else the first route.
    Failure: raising stops the start and names the plugin; later, a running gateway keeps the version it has.
    Since:   0.1. Example: plugins/lectr-policy-rules.
    """
    raise NotImplementedError


@hookspec
def lectr_price_books(settings: Settings) -> Iterable[PriceBook]:
    """Offer rates for what requests use.

    When:    in the cold process, after the settings are read.
    Return:  price books, the most particular first.
    Order:   across plugins by distribution name; the first that knows a model answers.
    Failure: raising stops the cold process, which is tried again with back-off; requests go on and are kept.
    Since:   0.1. Example: plugins/lectr-prices-genai.
    """
    raise NotImplementedError


@hookspec
def lectr_sinks(settings: Settings) -> Iterable[Sink]:
    """Offer places where records are stored.

    When:    in the cold process, after the settings are read; also by commands that ask about the past.
    Return:  sinks, not yet opened.
    Order:   none: each sink reads the journal at its own pace.
    Failure: raising stops the cold process, which is tried again with back-off; requests go on and are kept.
    Since:   0.1. Example: plugins/lectr-sink-sqlite.
    """
    raise NotImplementedError


@hookspec
def lectr_companions(settings: Settings) -> Iterable[Companion]:
    """Offer processes that run beside the gateway under `lectr up`.

    When:    in the supervisor, after the settings are read.
    Return:  companions; each is started once, watched, and started again with back-off when it ends.
    Order:   none.
    Failure: raising stops the start and names the plugin.
    Since:   0.1. Example: plugins/lectr-datasette.
    """
    raise NotImplementedError
