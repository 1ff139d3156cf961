"""What the stand-in will say, before it says it: a request, and an answer cut into pieces with waits between them.

Values only. The dialects make scripts, the server plays them; neither knows the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

Tree = dict[str, Any]  # Any: JSON


@attrs.frozen(kw_only=True)
class Ask:
    """One request as it came in."""

    method: str
    path: str
    """Without the query, percent-decoded."""
    query: Mapping[str, str] = attrs.field(factory=dict)
    fields: Mapping[str, str] = attrs.field(factory=dict)
    """Header fields, names in lower case."""
    body: bytes = b""

    @property
    def credential(self) -> str:
        """The key the client sent, wherever it stands; empty where there is none."""
        bearer = self.fields.get("authorization", "")
        if bearer[:7].lower() == "bearer ":
            return bearer[7:].strip()
        for name in ("x-api-key", "x-goog-api-key", "api-key"):
            if name in self.fields:
                return self.fields[name]
        return self.query.get("key", "")


@attrs.frozen
class Piece:
    """Bytes of a body, and how long to wait before they go."""

    after_s: float
    """At the stand-in's usual speed, in seconds."""
    data: bytes


@attrs.frozen(kw_only=True)
class Script:
    """One answer, ready to be played."""

    status: int
    fields: tuple[tuple[str, str], ...]
    pieces: tuple[Piece, ...]
    head_after_s: float = 0.0
    """Wait before the head goes, in seconds."""
    streamed: bool = False
    """The body goes out in chunks, without a length."""
    promised_bytes: int | None = None
    """`Content-Length` of an answer that is not streamed, where fewer bytes come; None: as many as there are."""
    breaks_off: bool = False
    """After the last piece the connection is cut, so that the body never ends properly."""

    @property
    def body(self) -> bytes:
        """All pieces joined."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def lasts_s(self) -> float:
        """How long playing takes at the usual speed, in seconds."""
        return self.head_after_s + sum(piece.after_s for piece in self.pieces)


def compact(tree: Tree) -> bytes:
    """A JSON object the way providers write it in a stream: no spaces, letters as they are."""
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode()


def whole(status: int, fields: Iterable[tuple[str, str]], tree: Tree, after_s: float = 0.0) -> Script:
    """An answer in one piece, as JSON."""
    body = json.dumps(tree, indent=2, ensure_ascii=False).encode()
    return Script(
        status=status,
        fields=(("content-type", "application/json"), *fields),
        pieces=(Piece(0.0, body),),
        head_after_s=after_s,
    )


def stream(fields: Iterable[tuple[str, str]], media_type: str, pieces: Iterable[Piece], head_after_s: float) -> Script:
    """An answer that comes piece by piece."""
    head = (("content-type", media_type), ("cache-control", "no-cache"), *fields)
    return Script(status=200, fields=head, pieces=tuple(pieces), head_after_s=head_after_s, streamed=True)
