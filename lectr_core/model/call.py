"""A request and its answer, as far as a provider plugin needs to see them. Nothing here holds content.

Built in the hot rooms, handed to the objects in `ports.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from lectr_core.model.secret import Credential
from lectr_core.model.value import value


@value
class Origin:
    """Where a connection goes (RFC 6454). Comes from settings alone, never from a request."""

    scheme: str
    """`http` or `https`."""
    host: str
    """In lower case, without brackets."""
    port: int

    @property
    def authority(self) -> str:
        """The value of `Host`: the port is left out where it is the scheme's own (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@value
class Call:
    """What is known of a request before it goes to a provider."""

    method: str
    """As sent: `POST`."""
    path: str
    """Byte for byte as sent (latin-1), less the key segment and an explicit provider prefix; begins with `/`."""
    query: str = attrs.field(default="", repr=False)
    """What stood behind `?`, byte for byte; may hold a credential, so it is never logged or recorded."""
    has_query: bool = False
    """Whether there was a `?` at all: an empty query is kept."""
    model: str | None = None
    """`model` of a JSON body; a path's model is the provider's to find."""
    streamed: bool | None = None
    """`stream` of a JSON body; None where there is none."""
    credential: Credential | None = None
    """The provider's credential that the client sent; None where Lectr holds it."""


@value
class Answer:
    """The head of a provider's final response."""

    status: int
    fields: Mapping[str, str]
    """Names in lower case; of repeated fields the last one."""

    def field(self, name: str) -> str | None:
        """The value of the field called *name* (lower case), if there is one."""
        return self.fields.get(name)

    @property
    def media_type(self) -> str:
        """`Content-Type` without parameters, in lower case; empty where there is none."""
        return self.fields.get("content-type", "").partition(";")[0].strip().lower()


@value
class Refusal:
    """An answer that Lectr itself gives."""

    status: int
    code: str
    """Stable and documented: `invalid_lectr_key`."""
    message: str
    """For people: what is wrong and what to do."""
    kind: str = "invalid_request_error"
    """`error.type`."""
    retry_after_s: int | None = None
