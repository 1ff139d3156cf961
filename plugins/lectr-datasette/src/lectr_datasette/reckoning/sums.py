"""What groups of requests come to, added up from rows of the sums. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from lectr_datasette.asking.query import Row

# Providers turn away a percent or two on any day; colour that is always there says nothing.
EYE_CATCHING = 0.05
UNTAGGED = "untagged"


@attrs.define
class Sums:
    """What a group of requests comes to. Every field is a sum; money is nano-dollars."""

    requests: int = 0
    errors: int = 0
    """Outcome neither `ok` nor `client_disconnected`."""
    streamed: int = 0
    attempts: int = 0
    client_retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    tokens_reported: int = 0
    tokens_measured: int = 0
    tokens_estimated: int = 0
    tokens_unknown: int = 0
    """Requests whose counts are not known."""
    cost_nanousd: int = 0
    """Of those whose cost is known."""
    cost_low_nanousd: int = 0
    cost_high_nanousd: int = 0
    cost_unknown: int = 0
    """Requests whose cost is not known."""
    cost_unknown_turned_away: int = 0
    """Of those, the ones answered with an error: as a rule nothing is billed for them."""
    cost_unbounded: int = 0
    """Requests with a cost that could be higher, nobody knows by how much."""

    def add(self, row: Row) -> None:
        """Add one row of sums."""
        for name in _NAMES:
            value = row[name]
            if value:
                setattr(self, name, getattr(self, name) + value)

    @property
    def failed_share(self) -> float | None:
        """0 to 1; None of none."""
        return self.errors / self.requests if self.requests else None

    @property
    def fails_often(self) -> bool:
        """Whether the share of failures should catch the eye."""
        return self.requests > 0 and self.errors >= EYE_CATCHING * self.requests

    @property
    def unread(self) -> int:
        """Answers, errors left out, that told no usage."""
        return max(0, self.tokens_unknown - self.cost_unknown_turned_away)

    @property
    def not_reported(self) -> int:
        """Requests whose counts were measured or estimated."""
        return self.tokens_measured + self.tokens_estimated

    @property
    def sources(self) -> tuple[tuple[str, int], ...]:
        """How many requests have counts of which kind, the surest first."""
        return (
            ("reported", self.tokens_reported),
            ("measured", self.tokens_measured),
            ("estimated", self.tokens_estimated),
            ("unknown", self.tokens_unknown),
        )

    @property
    def reported_share(self) -> float | None:
        """Of these, how many the provider reported, 0 to 1; None of none."""
        whole = sum(count for _, count in self.sources)
        return self.tokens_reported / whole if whole else None

    @property
    def shares(self) -> list[tuple[str, int, float]]:
        """The kinds that there are: name, requests, share."""
        whole = sum(count for _, count in self.sources) or 1
        return [(name, count, count / whole) for name, count in self.sources if count]

    @property
    def without_ceiling(self) -> int:
        """Requests of which nobody knows how much they may have cost at most."""
        return self.cost_unknown + self.cost_unbounded

    @property
    def has_ceiling(self) -> bool:
        """Whether the cost cannot be higher than `cost_high_nanousd`."""
        return not (self.cost_unknown or self.cost_unbounded)

    @property
    def is_exact(self) -> bool:
        """Whether the cost is known without doubt."""
        return self.has_ceiling and self.cost_low_nanousd == self.cost_nanousd == self.cost_high_nanousd

    @property
    def cached_share(self) -> float | None:
        """Of the prompts' tokens; None of none."""
        return self.cached_input_tokens / self.input_tokens if self.input_tokens else None

    @property
    def tokens(self) -> int:
        """In and out."""
        return self.input_tokens + self.output_tokens


_NAMES: Final = tuple(field.name for field in attrs.fields(Sums))


@attrs.frozen
class Speed:
    """How long answered requests took. None: nothing to measure."""

    p50_ms: float | None = None
    p95_ms: float | None = None
    first_p50_ms: float | None = None
    """To the first token, of those that were streamed."""
    first_p95_ms: float | None = None


@attrs.frozen
class Group:
    """One line of a breakdown."""

    name: str
    link: Mapping[str, str]
    """What to filter by."""
    sums: Sums
    speed: Speed
    share: float
    """Of the cost, or of the requests where nothing has a cost; 0 to 1."""
    of_provider: str = ""
    """Where the name alone does not say it."""
    answers_as: str = ""
    """Of a model that was asked for under this name: the name that its answers have. Failures stand under the former."""
    asked: Sums | None = None
    """Of a model as it answers: what stands under the names it was asked for. Only shares of failures count it in."""

    @property
    def failed_share(self) -> float | None:
        """0 to 1; None of none. Of a model: also what failed under the name that was asked for."""
        requests = self.sums.requests + (self.asked.requests if self.asked else 0)
        return (self.sums.errors + (self.asked.errors if self.asked else 0)) / requests if requests else None

    @property
    def fails_often(self) -> bool:
        """Whether that should catch the eye; not of a name that hardly has more than failures."""
        return not self.answers_as and (self.failed_share or 0) >= EYE_CATCHING


def total(rows: Iterable[Row]) -> Sums:
    """All rows added up."""
    sums = Sums()
    for row in rows:
        sums.add(row)
    return sums


def groups(rows: Iterable[Row], by: str, speeds: Mapping[tuple[str, str], Speed] | None = None) -> list[Group]:
    """The rows by the column *by*, the costliest first. A model of two providers is two."""
    found: dict[tuple[str, str], Sums] = {}
    for row in rows:
        key = (row[by], row["provider"] if by == "model" else "")
        found.setdefault(key, Sums()).add(row)
    all_of = Sums()
    for sums in found.values():
        all_of.cost_nanousd += sums.cost_nanousd
        all_of.requests += sums.requests
    made = []
    for (name, provider), sums in found.items():
        share = sums.cost_nanousd / all_of.cost_nanousd if all_of.cost_nanousd else sums.requests / (all_of.requests or 1)
        link = {by: name, "provider": provider} if by == "model" else {by: name}
        speed = (speeds or {}).get((name, provider), Speed())
        made.append(Group(name or "–", {key: value for key, value in link.items() if value}, sums, speed, share, provider))
    found_groups = _as_answered(made) if by == "model" else made
    return sorted(found_groups, key=lambda group: (-group.sums.cost_nanousd, -group.sums.requests, group.name))


def _as_answered(found: Sequence[Group]) -> list[Group]:
    """Models whose name has no date, each joined to the one that answers for it: of those with one the most asked."""
    dated: dict[tuple[str, str], str] = {}
    for group in sorted(found, key=lambda group: group.sums.requests):
        if plain(group.name) != group.name:
            dated[group.of_provider, plain(group.name)] = group.name
    asked = {(group.of_provider, dated.get((group.of_provider, group.name))): group.sums for group in found}
    return [
        attrs.evolve(
            group,
            answers_as=dated.get((group.of_provider, group.name), ""),
            asked=asked.get((group.of_provider, group.name)),
        )
        for group in found
    ]


_DATE: Final = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")


def same_model(found: Sequence[Group], name: str) -> list[Group]:
    """Models of *found* that are the one called *name* but for a date: failures stand under the name that was asked for,
    answers under the one that answered."""
    return [group for group in found if group.name != name and plain(group.name) == plain(name)]


def plain(model: str) -> str:
    """A model's name without its date."""
    return _DATE.sub("", model)


def speeds_by(rows: Iterable[Row]) -> dict[str, dict[tuple[str, str], Speed]]:
    """The answer of `asking.sums.speeds`, by kind and name."""
    found: dict[str, dict[tuple[str, str], Speed]] = {}
    for row in rows:
        speed = Speed(row["p50_ms"], row["p95_ms"], row["first_p50_ms"], row["first_p95_ms"])
        found.setdefault(row["kind"], {})[(row["name"], row["of_provider"])] = speed
    return found


@attrs.frozen
class Layer:
    """One colour of a stacked chart."""

    name: str
    values: tuple[float, ...]
    """One a step."""


OTHERS = "all others"


def layers(
    rows: Iterable[Row], places: Sequence[int], steps: int, value: str, order: Sequence[str], most: int = 6
) -> list[Layer]:
    """*value* by step, stacked by name: the first *most* of *order* on their own, the rest together.

    Shapes: *places* has the step of each row; a row outside of the *steps* is left out.
    """
    own = list(order) if len(order) <= most + 1 else list(order[:most])
    kept: dict[str, list[float]] = {name: [0.0] * steps for name in own}
    for row, at in zip(rows, places, strict=True):
        if 0 <= at < steps:
            name = row["name"] if row["name"] in own else OTHERS
            kept.setdefault(name, [0.0] * steps)[at] += row[value] or 0
    return [Layer(name or "–", tuple(values)) for name, values in kept.items() if any(values)]


def by_step(rows: Iterable[Row], places: Sequence[int], steps: int, value: str) -> tuple[float, ...]:
    """*value* by step, of all rows."""
    found = [0.0] * steps
    for row, at in zip(rows, places, strict=True):
        if 0 <= at < steps:
            found[at] += row[value] or 0
    return tuple(found)
