"""What a policy is told, and what it may say. Both come back from a record, so that `lectr plan` can ask again."""

from __future__ import annotations

from lectr_core.model.call import Refusal
from lectr_core.model.value import value


@value
class Facts:
    """What a policy may know of a request: never its content."""

    org: str
    key_id: str | None
    feature: str
    """`untagged` where the client named none."""
    task: str | None
    provider: str
    """As detected, before any route."""
    model: str | None
    """As requested."""
    streamed: bool
    endpoint: str
    """The route, without ids or query: `/v1/chat/completions`."""
    method: str
    request_bytes: int
    """Of the body; 0 where it is not known beforehand."""
    max_tokens: int | None = None
    """The request's own ceiling for its answer."""
    is_certain: bool = True
    """False where there is a body of which `model` and `streamed` cannot be told: it is not read (no JSON), no valid JSON,
    or says one of them twice; and of a WebSocket in which a model may be chosen. Looked into only for policies that enforce
    (`ports.Policy`)."""


@value
class Route:
    """Send the request elsewhere: to *provider*, with *model*, or both. None keeps what the client asked for."""

    provider: str | None = None
    model: str | None = None


@value
class Drain:
    """What becomes of an answer whose client has left: it is read to its end and counted, within these bounds."""

    max_s: float
    """From the client's leaving, in seconds; 0: the request is cancelled at once."""
    max_tokens: int | None = None
    """Output tokens that the request may ask for at most, for its answer to be read on; None: as many as it likes."""


@value
class Verdict:
    """What a policy says of one request. `Verdict()` says: nothing of mine, let it pass."""

    rule: str | None = None
    """The rule, limit or budget that speaks, by its name in the settings; None where none did."""
    route: Route | None = None
    refusal: Refusal | None = None
    """Set: the request is denied with this answer."""
    drain: Drain | None = None
    """Set: this holds when the client leaves, whatever the provider's settings say."""
    ask_usage: bool = False
    """The provider shall be asked to report usage in a stream, where the dialect has a word for that."""


PASS = Verdict()
