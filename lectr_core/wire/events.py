"""Server-sent events out of a stream of bytes, in whatever pieces it comes.

Holds at most one unfinished event and never decodes text: data stays bytes. What an event means is a reader's business,
and nothing here belongs to one provider. Called by the readers in `dialects/`.
"""

from __future__ import annotations

from lectr_core.errors import LectrError

_BOM = b"\xef\xbb\xbf"


class EventTooLong(LectrError):
    """An event outgrew its limit; the stream cannot be cut any further. Act: nobody; the reader gives up reading."""

    def __init__(self, limit_bytes: int, finished: list[tuple[bytes, bytes]]) -> None:
        self.finished = finished
        """The events of the same piece that came before."""
        super().__init__(f"an event is longer than the limit of {limit_bytes} bytes")


class EventCutter:
    """Cuts finished events off a stream.

    Shapes: the same bytes in any pieces give the same events. An event that the stream's end leaves half is dropped.
    Source: WHATWG HTML 9.2.6, interpreting an event stream.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._held = bytearray()
        """What follows the last finished event. Its line ends are LF alone."""
        self._searched = 0
        """How much of what is held is known to hold no event's end."""
        self._after_cr = False
        self._at_start = True

    def feed(self, data: bytes | memoryview) -> list[tuple[bytes, bytes]]:
        """Take a piece; give the events it finishes as (name, data).

        Shapes: the name is b"" where the event has none; lines of data are joined by LF. An event without a data line is
            no event.
        Units:  the limit counts an event's bytes with every line end as one byte, the blank line left out.
        Errors: EventTooLong.
        """
        text = self._with_plain_ends(bytes(data))
        if self._held or self._at_start:
            self._held += text
            if self._at_start and not self._drop_bom():
                return []
            if self._held.find(b"\n\n", self._searched) < 0:
                self._hold(self._held, [])
                return []
            text = bytes(self._held)
        *blocks, rest = text.split(b"\n\n")
        events: list[tuple[bytes, bytes]] = []
        limit = self._max_event_bytes
        # Events of one line each, as most streams have them: as many line ends as blank lines need.
        plain = len(text) <= limit and text.count(b"\n", 0, len(text) - len(rest)) == 2 * len(blocks)
        for block in blocks:
            if plain and block.startswith(b"data: "):
                events.append((b"", block[6:]))
                continue
            if len(block) > limit:
                raise EventTooLong(limit, events)
            event = _parse(block)
            if event is not None:
                events.append(event)
        self._hold(bytearray(rest), events)
        return events

    def _hold(self, rest: bytearray, events: list[tuple[bytes, bytes]]) -> None:
        # One byte more may be the first half of the blank line.
        if len(rest) > self._max_event_bytes + 1:
            raise EventTooLong(self._max_event_bytes, events)
        self._held = rest
        self._searched = max(0, len(rest) - 1)

    def _with_plain_ends(self, piece: bytes) -> bytes:
        """CR, LF and CRLF all end a line. A CR ends it at once; an LF that then follows is dropped."""
        if self._after_cr and piece:
            self._after_cr = False
            if piece.startswith(b"\n"):
                piece = piece[1:]
        if b"\r" in piece:
            self._after_cr = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece

    def _drop_bom(self) -> bool:
        """Drop one byte order mark from the stream's start; False as long as it may still become one."""
        held = self._held
        if len(held) < len(_BOM) and _BOM.startswith(held):
            return False
        if held.startswith(_BOM):
            del held[: len(_BOM)]
        self._at_start = False
        return True


def _parse(block: bytes) -> tuple[bytes, bytes] | None:
    # Nearly every event is one line of data, or a name and one line of data.
    if block.startswith(b"data:") and b"\n" not in block:
        return b"", block[6:] if block.startswith(b" ", 5) else block[5:]
    name = b""
    lines: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if field == b"data":
            lines.append(value)
        elif field == b"event":
            name = value
    return (name, b"\n".join(lines)) if lines else None
