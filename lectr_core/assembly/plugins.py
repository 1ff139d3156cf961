"""Which plugins are installed, and what they offer.

Entry points of the group `lectr` are found, imported and introduced to pluggy; a plugin that cannot be loaded is a fault,
not a crash. Afterwards each hook is called once, plugin by plugin in the order of their distributions' names, and every
object that comes back is checked against its Protocol. Knows nothing of what the objects do. Called by every process at
start.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import pluggy

from lectr_core import hookspecs
from lectr_core.assembly.conformity import check_offer, check_section
from lectr_core.errors import OperatorError, PluginError
from lectr_core.model.settings import Section, Settings
from lectr_core.ports import Companion, Policy, PriceBook, Provider, Sink

if TYPE_CHECKING:
    import click

T = TypeVar("T")

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("lectr_"))
KINDS = {
    "lectr_providers": "provider",
    "lectr_policies": "policy",
    "lectr_price_books": "prices",
    "lectr_sinks": "sink",
}
"""What a plugin is called whose distribution's name does not say it."""


@attrs.frozen
class Fault:
    """Something a plugin got wrong."""

    distribution: str
    hook: str | None
    """None: loading it failed."""
    text: str

    def __str__(self) -> str:
        return f"{self.distribution}: {f'{self.hook}: ' if self.hook else ''}{self.text}"


@attrs.frozen
class Plugin:
    """One installed plugin."""

    name: str
    """The entry point's: short."""
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    """Those it implements, in the order a request meets them."""

    @property
    def kind(self) -> str:
        """`provider`, `policy`, `prices`, `sink` …: from the distribution's name, else from its hooks."""
        words = self.distribution.split("-")
        if len(words) > 2 and words[0] == "lectr":
            return words[1]
        return next((kind for hook, kind in KINDS.items() if hook in self.hooks), "tool")


@attrs.define
class Plugins:
    """Every installed plugin, and all that is wrong with them."""

    found: tuple[Plugin, ...]
    faults: list[Fault]
    _hooks: pluggy.PluginManager = attrs.field(repr=False)

    def sections(self) -> tuple[tuple[str, Section], ...]:
        """What plugins declare of the settings, each with its distribution. Errors: PluginError."""
        declared, faults = self.ask("lectr_settings", check_section, lambda section: section.path)
        return _strict(declared, faults)

    def providers(self, settings: Settings) -> tuple[tuple[str, Provider], ...]:
        """Every provider, each with its distribution. Errors: PluginError; OperatorError as a plugin raised it."""
        return _strict(*self._offers("lectr_providers", Provider, settings))

    def policies(self, settings: Settings) -> tuple[tuple[str, Policy], ...]:
        """Every policy, in the order they are asked. Errors: as for providers."""
        return _strict(*self._offers("lectr_policies", Policy, settings))

    def price_books(self, settings: Settings) -> tuple[tuple[str, PriceBook], ...]:
        """Every price book, in the order they are asked. Errors: as for providers."""
        return _strict(*self._offers("lectr_price_books", PriceBook, settings))

    def sinks(self, settings: Settings) -> tuple[tuple[str, Sink], ...]:
        """Every sink. Errors: as for providers."""
        return _strict(*self._offers("lectr_sinks", Sink, settings))

    def companions(self, settings: Settings) -> tuple[tuple[str, Companion], ...]:
        """Every companion. Errors: as for providers."""
        return _strict(*self._offers("lectr_companions", Companion, settings))

    def add_commands(self, cli: click.Group) -> None:
        """Let plugins add commands; whatever goes wrong becomes a fault and the other commands work."""
        for plugin, call in self._callers("lectr_commands"):
            before = dict(cli.commands)
            try:
                call(cli=cli)
            except Exception as exc:  # noqa: BLE001 - a plugin may raise anything; the command line must still work
                self.faults.append(Fault(plugin.distribution, "lectr_commands", _told(exc)))
            for name in sorted(before):
                if cli.commands.get(name) is not before[name]:
                    cli.commands[name] = before[name]
                    self.faults.append(Fault(plugin.distribution, "lectr_commands", f"the command {name!r} exists already"))

    def ask_all(self, settings: Settings) -> list[Fault]:
        """Call every hook that offers objects and say all that is wrong, for `lectr plugins` and `lectr doctor`."""
        ports: tuple[tuple[str, type[Any]], ...] = (  # Any: Protocols have no common type
            ("lectr_providers", Provider),
            ("lectr_policies", Policy),
            ("lectr_price_books", PriceBook),
            ("lectr_sinks", Sink),
            ("lectr_companions", Companion),
        )
        return [fault for hook, port in ports for fault in self._offers(hook, port, settings, lenient=True)[1]]

    def ask(
        self,
        hook: str,
        check: Callable[[Any], str | None],  # Any: whatever a plugin returned
        name_of: Callable[[Any], str],  # Any: as above
        *,
        lenient: bool = False,
        **arguments: Any,  # Any: a hook's own
    ) -> tuple[list[tuple[str, Any]], list[Fault]]:  # Any: as above
        """Call *hook* in each plugin; (distribution, object) of all that pass *check* and have a name of their own."""
        offered: list[tuple[str, Any]] = []  # Any: as above
        faults: list[Fault] = []
        owners: dict[str, Plugin] = {}
        for plugin, call in self._callers(hook):
            try:
                returned = list(call(**arguments))
            except OperatorError as exc:
                if not lenient:
                    raise
                faults.append(Fault(plugin.distribution, hook, str(exc)))
                continue
            except Exception as exc:  # noqa: BLE001 - a plugin may raise anything; it is named and stops the start
                faults.append(Fault(plugin.distribution, hook, _told(exc)))
                continue
            for thing in returned:
                wrong = check(thing)
                if wrong is None and (owner := owners.setdefault(name_of(thing), plugin)) is not plugin:
                    wrong = f"{name_of(thing)!r} exists already, in {owner.distribution}"
                elif wrong is None and any(name_of(thing) == name_of(other) for _, other in offered):
                    wrong = f"{name_of(thing)!r} is offered twice"
                if wrong is None:
                    offered.append((plugin.distribution, thing))
                else:
                    faults.append(Fault(plugin.distribution, hook, wrong))
        return offered, faults

    def _offers(
        self,
        hook: str,
        port: type[Any],  # Any: Protocols have no common type
        settings: Settings,
        *,
        lenient: bool = False,
    ) -> tuple[list[tuple[str, Any]], list[Fault]]:  # Any: the port itself
        return self.ask(
            hook, lambda thing: check_offer(thing, port), lambda thing: str(thing.id), lenient=lenient, settings=settings
        )

    def _callers(self, hook: str) -> list[tuple[Plugin, Callable[..., Any]]]:  # Any: a hook's own result
        """Who implements *hook*, in the order of their distributions' names."""
        by_name = {plugin.distribution + ":" + plugin.name: plugin for plugin in self.found}
        callers = []
        for impl in getattr(self._hooks.hook, hook).get_hookimpls():
            plugin = by_name[impl.plugin_name]
            callers.append((plugin, _with_known_arguments(impl.function, impl.argnames)))
        return sorted(callers, key=lambda caller: (caller[0].distribution, caller[0].name))


def load_plugins(points: Iterable[EntryPoint] | None = None) -> Plugins:
    """Import every plugin of this environment (or *points*) and introduce it to pluggy."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    found: list[Plugin] = []
    faults: list[Fault] = []
    chosen = entry_points(group=hookspecs.PROJECT) if points is None else points
    for point in sorted(chosen, key=lambda point: (_distribution(point), point.name)):
        plugin = Plugin(point.name, _distribution(point), point.dist.version if point.dist else "unknown")
        try:
            module = point.load()
            strange = [_unknown(name) for name in _marked(module) if name not in HOOKS]
            manager.register(module, name=f"{plugin.distribution}:{plugin.name}")
        except Exception as exc:  # noqa: BLE001 - importing a plugin runs its code, which may raise anything
            faults.append(Fault(plugin.distribution, None, _told(exc)))
            found.append(plugin)
            continue
        faults += [Fault(plugin.distribution, None, text) for text in strange]
        marked = set(_marked(module))
        found.append(attrs.evolve(plugin, hooks=tuple(hook for hook in HOOKS if hook in marked)))
    return Plugins(tuple(found), faults, manager)


def _strict(offered: list[tuple[str, T]], faults: list[Fault]) -> tuple[tuple[str, T], ...]:
    if faults:
        raise PluginError("; ".join(str(fault) for fault in faults))
    return tuple(offered)


def _distribution(point: EntryPoint) -> str:
    return point.dist.name.lower().replace("_", "-") if point.dist else point.value


def _marked(module: ModuleType) -> list[str]:
    """Names of a module's functions that carry the hook marker."""
    return [name for name, value in vars(module).items() if inspect.isroutine(value) and hasattr(value, "lectr_impl")]


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, HOOKS, n=1)
    return f"there is no hook {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _told(exc: BaseException) -> str:
    """An exception of a plugin in one line."""
    text = " ".join(str(exc).split())
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def _with_known_arguments(function: Callable[..., Any], names: Iterable[str]) -> Callable[..., Any]:  # Any: a hook's own
    """*function* with only the arguments it declares, as pluggy calls it."""
    wanted = tuple(names)
    return lambda **given: function(*(given[name] for name in wanted))
