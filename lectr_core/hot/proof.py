"""Proof that the client was handed what the provider sent: every byte compared at the two ends of the relay.

What came is told as it is taken off the provider's connection, what went as the client's socket accepts it: below the relay,
so that a fault in the relay (a byte lost, doubled, out of order) shows. Bytes are compared, not digests of them: two more
digests would cost 1.2 ms a MiB, as much as all the rest of the relay. A piece that goes on as the object that came is the
same, since bytes do not change. Made by `relay.py` and `tunnel.py`, fed by them and by `link.py`, asked by `note.py`.
"""

from __future__ import annotations


class Proof:
    """Follows one answer's body on both sides, framing included where it goes on as it came.

    I1: `_due` is what came and has not gone yet; a relay hands on one piece before it takes the next.
    """

    __slots__ = ("_differs", "_due", "_head_bytes")

    def __init__(self, head_bytes: int) -> None:
        """*head_bytes* of the head go out before the body."""
        self._head_bytes = head_bytes
        self._due = b""
        self._differs = False

    def came(self, data: bytes) -> None:
        """These bytes came from the provider and are the answer's."""
        if self._due:
            self._differs = True  # what came before them has never gone
        self._due = data

    def went(self, data: bytes | memoryview, sent: int) -> None:
        """data[:sent] was accepted by the client's socket."""
        due, start = self._due, self._head_bytes
        if data is due and sent == len(due) and not start:
            self._due = b""
            return
        if start:
            self._head_bytes = max(0, start - sent)
            if start >= sent:
                return
        size = sent - start
        if bytes(data[start:sent]) != due[:size]:  # views are compared a byte at a time, bytes at once
            self._differs = True
        self._due = due[size:]

    @property
    def holds(self) -> bool:
        """Whether what came is what went, all of it."""
        return not self._differs and not self._due
