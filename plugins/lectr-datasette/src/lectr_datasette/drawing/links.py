"""Addresses: of the pages, of the SQL behind a number, of its rows, as CSV and JSON. Pure text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

import attrs

from lectr_datasette.asking.cover import DAILY, HOURLY
from lectr_datasette.asking.query import Query
from lectr_datasette.asking.scope import Scope

PAGES = "/-/lectr"


@attrs.frozen
class Links:
    """Where things are in this Datasette."""

    to: Callable[[str], str]
    """An address within Datasette, from a path: adds its base."""
    database: str

    def page(self, name: str, scope: Scope | None = None, **changes: str | None) -> str:
        """One of the pages: `explore`; the first one is ``""``. About *scope*, with *changes*."""
        words = scope.words(**changes) if scope is not None else [(key, value) for key, value in changes.items() if value]
        path = self.to(f"{PAGES}/{name}" if name else PAGES)
        return f"{path}?{urlencode(words)}" if words else path

    def request(self, id: str) -> str:
        """The page of one request."""
        return f"{self.to(f'{PAGES}/request')}?{urlencode({'id': id})}"

    def table(self, name: str, filters: Mapping[str, str] | None = None) -> str:
        """A table or view of Datasette's own."""
        path = self.to(f"/{quote(self.database)}/{quote(name)}")
        return f"{path}?{urlencode(filters)}" if filters else path

    def sql(self, query: Query, form: str = "") -> str:
        """The query itself, to read, run and change; *form* `.csv` or `.json`: only its answer."""
        words: dict[str, str | int] = {"sql": query.sql, **query.parameters}
        if form == ".csv":
            words["_size"] = "max"
        if form == ".json":
            words["_shape"] = "array"
        return f"{self.to(f'/{quote(self.database)}{form}')}?{urlencode(words)}"

    def home(self) -> str:
        """All tables."""
        return self.to(f"/{quote(self.database)}")

    def row(self, id: str) -> str:
        """Every column of a request."""
        return self.to(f"/{quote(self.database)}/requests/{quote(id, safe='')}")

    def rows(self, scope: Scope) -> str:
        """The scope's requests as Datasette shows them."""
        since, until = (end.strftime("%Y-%m-%dT%H:%M:%S") for end in (scope.period.since, scope.period.until))
        return self.table("all_requests", {**scope.only, "started_at__gte": since, "started_at__lt": until})

    def sums(self, scope: Scope) -> str:
        """The rows of the sums behind the scope's figures."""
        grain = DAILY if scope.period.days > 3 else HOURLY
        ends = {f"{grain.at}__gte": grain.text(scope.period.since), f"{grain.at}__lt": grain.text(scope.period.full)}
        return self.table(f"usage_{grain.name}", {**scope.only, **ends})
