"""The fields of a head: the lines as they came, and a way to look one up. Called by `heads.py`, read by the hot rooms.

Values are taken out of a line only when somebody asks: of fifteen fields a request needs five.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar, overload

from lectr_core.model.value import value

_Other = TypeVar("_Other")


@value(repr=False)
class Fields:
    """Field lines in their order. Shows no value when printed: some are secrets."""

    names: list[bytes]
    """In lower case, one a line."""
    lines: list[bytes]
    """As they came, without CRLF."""
    _first: dict[bytes, bytes]

    @classmethod
    def of(cls, lines: list[bytes]) -> Fields:
        """Fields from lines that are known to have a name and a colon each."""
        names = [line.partition(b":")[0].lower() for line in lines]
        first = dict(zip(names, lines))  # noqa: B905 - one name a line; `strict` costs a third more
        if len(first) != len(names):
            first = dict(zip(reversed(names), reversed(lines)))  # noqa: B905 - backwards: the first line stays
        return cls(names, lines, first)

    def __contains__(self, name: bytes) -> bool:
        return name in self._first

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Name in lower case and line, in order."""
        return zip(self.names, self.lines)  # noqa: B905 - one name a line

    @property
    def has_repeated(self) -> bool:
        """Whether a name comes more than once."""
        return len(self._first) != len(self.names)

    def line(self, name: bytes) -> bytes | None:
        """The first line of the field called *name*."""
        return self._first.get(name)

    def value(self, name: bytes) -> bytes | None:
        """The first value of the field called *name* (lower case), without the blanks around it."""
        line = self._first.get(name)
        return None if line is None else line[len(name) + 1 :].strip(b" \t")

    def values(self, name: bytes) -> list[bytes]:
        """The values of all fields called *name*, in order."""
        first = self._first.get(name)
        if first is None:
            return []
        if not self.has_repeated:
            return [first[len(name) + 1 :].strip(b" \t")]
        return [line[len(name) + 1 :].strip(b" \t") for other, line in self if other == name]

    def tokens(self, name: bytes) -> set[bytes]:
        """Every comma-separated token of all fields called *name*, in lower case."""
        if name not in self._first:
            return set()  # nearly always
        return {token.strip().lower() for value in self.values(name) for token in value.split(b",")}

    def with_value(self, name: bytes, value: bytes) -> Fields:
        """The same fields with another value in the first line called *name*, which is there; its blanks stay."""
        line = self._first[name]
        old = self.value(name) or b""
        at = line.index(old, len(name) + 1)
        new = line[:at] + value + line[at + len(old) :]
        lines = self.lines.copy()
        lines[lines.index(line)] = new
        return Fields(self.names, lines, {**self._first, name: new})

    def as_text(self) -> Mapping[str, str]:
        """Names and values as text (latin-1); of repeated ones the last. A value is decoded when it is asked for."""
        if self.has_repeated:
            return {name.decode("latin-1"): line[len(name) + 1 :].strip(b" \t").decode("latin-1") for name, line in self}
        return _Texts(self.names, self._first)

    def __repr__(self) -> str:
        return f"Fields({len(self.lines)} lines)"


class _Texts(Mapping[str, str]):
    """Of fifteen fields of an answer, some five are asked for."""

    __slots__ = ("_lines", "_names")

    def __init__(self, names: list[bytes], lines: dict[bytes, bytes]) -> None:
        self._names = names
        self._lines = lines

    def __getitem__(self, name: str) -> str:
        line = self._lines[name.encode("latin-1", "replace")]
        return line[len(name) + 1 :].strip(b" \t").decode("latin-1")

    @overload
    def get(self, name: str, default: None = None) -> str | None: ...
    @overload
    def get(self, name: str, default: str | _Other) -> str | _Other: ...
    def get(self, name: str, default: str | _Other | None = None) -> str | _Other | None:
        line = self._lines.get(name.encode("latin-1", "replace"))
        return default if line is None else line[len(name) + 1 :].strip(b" \t").decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return iter([name.decode("latin-1") for name in self._names])

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"{len(self)} fields"
