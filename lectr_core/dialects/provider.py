"""The base class of providers that speak these dialects, and how a provider's settings become an upstream.

Every method of `ports.Provider` is here, so that a plugin says only what is its own: an id, an address, the families of
its models. Nothing waits, nothing reads a body, no credential goes anywhere but into the header of its own provider.
Called by provider plugins at start, and by the hot rooms for each request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

import attrs

from lectr_core.dialects.audio import SpeechEventReader, TranscriptEventReader, TranscriptReader
from lectr_core.dialects.completions import CompletionsEventReader, CompletionsReader
from lectr_core.dialects.fetched import (
    BatchLinesReader,
    BatchReader,
    FetchedResponseEventReader,
    FetchedResponseReader,
    OpenReader,
    UnbilledReader,
)
from lectr_core.dialects.images import ImagesEventReader, ImagesReader
from lectr_core.dialects.jobs import (
    EvaluationReader,
    FetchedRunReader,
    FetchedVideoReader,
    RunEventReader,
    RunReader,
    VideoReader,
)
from lectr_core.dialects.lines import LinesReader
from lectr_core.dialects.messages import MessagesEventReader, MessagesReader
from lectr_core.dialects.reading import EventReader, WholeReader
from lectr_core.dialects.realtime import RealtimeReader
from lectr_core.dialects.responses import ResponsesEventReader, ResponsesReader
from lectr_core.dialects.routes import VERSIONS, template
from lectr_core.dialects.spoken import SpokenReader
from lectr_core.dialects.tunnelled import MessageReader, ResponsesTunnelReader
from lectr_core.dialects.unlabelled import UNLABELLED, UnlabelledReader
from lectr_core.errors import OperatorError, ProviderConfigMissing
from lectr_core.model.call import Answer, Call, Origin, Refusal
from lectr_core.model.reading import ErrorCategory
from lectr_core.model.secret import Credential, Secret
from lectr_core.model.settings import ProviderSettings, Settings
from lectr_core.ports import Reader, TunnelReader

EVENT_STREAM: Final = "text/event-stream"
JSON: Final = "application/json"

_OF_JSON: Final = frozenset({"chat/completions", "completions", "embeddings", "responses"})
"""Routes whose answers are JSON or events, whatever they say they are."""

_MAX_VALUE_CHARS: Final = 128
"""A longer request id or rate-limit value is not kept."""
_MAX_HEADROOM: Final = 24
_MAX_ROUTES: Final = 64
"""An application uses few paths; those with an id in them come once each."""

_CATEGORIES: Final[Mapping[int, ErrorCategory]] = {
    401: "auth",
    402: "money",
    403: "auth",
    408: "rate_limit",
    409: "rate_limit",
    429: "rate_limit",
    498: "overload",
    503: "overload",
    504: "overload",
    529: "overload",
}


def parse_base_url(text: str) -> tuple[Origin, str]:
    """An address from the settings as origin and path prefix; the prefix is empty or begins with `/` and ends without.

    Errors: OperatorError where it is no plain http(s) URL. The message never repeats the URL: it might hold a password.
    """
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise OperatorError("base_url: expected an address such as https://host/path, got text that is none") from None
    if url.scheme not in ("http", "https") or not host:
        raise OperatorError(f"base_url: expected http:// or https:// and a host, got scheme {url.scheme!r}")
    if url.username is not None or url.password is not None or url.query or url.fragment:
        raise OperatorError("base_url: expected no user, password, query or fragment, got at least one of them")
    if not text.isascii() or any(char <= " " for char in text):
        raise OperatorError("base_url: expected ASCII without spaces, got other characters")
    origin = Origin(url.scheme, host.lower(), port or (443 if url.scheme == "https" else 80))
    return origin, url.path.rstrip("/")


@attrs.frozen
class Upstream:
    """What a provider's settings come to."""

    base_url: str | None
    """None where the operator has to name it and has not."""
    held: Secret | None
    ca_file: Path | None = None


def upstream_of(settings: Settings, path: str, section: ProviderSettings, default: str | None = None) -> Upstream:
    """Where a provider is and which credential the operator holds for it.

    Shapes: *path* is the section's place in the file (`provider.mine`), for messages; *default* is the usual address.
    Errors: OperatorError where the address is no URL, or `api_key_env` names a variable that is not set.
    """
    base_url = section.base_url or default
    if base_url is not None:
        try:
            parse_base_url(base_url)
        except OperatorError as exc:
            raise OperatorError(f"{path}.{exc}") from exc
    held = None
    if section.api_key_env is not None:
        value = settings.environ.get(section.api_key_env, "").strip()
        if not value:
            to_do = "export it, or leave api_key_env out and clients send their own key"
            raise OperatorError(
                f"{path}.api_key_env: expected a variable that is set, got {section.api_key_env!r}, which is not; {to_do}"
            )
        if not value.isascii() or any(char <= " " for char in value):
            raise OperatorError(
                f"{path}.api_key_env: expected one word of ASCII in {section.api_key_env!r}, got something else"
            )
        held = Secret(value.encode("ascii"))
    return Upstream(base_url, held, section.ca_file)


def fitting(readers: tuple[type[WholeReader], type[EventReader]], media_type: str) -> Reader | None:
    """A new reader of the two, for a whole answer and for a stream; None where it is neither JSON nor events."""
    if media_type == EVENT_STREAM:
        return readers[1]()
    return readers[0]() if media_type == JSON or media_type.endswith("+json") else None


class DialectProvider:
    """A provider that speaks completions and responses. Satisfies `ports.Provider`."""

    READERS: ClassVar[Mapping[str, tuple[type[WholeReader], type[EventReader]]]] = {
        "chat/completions": (CompletionsReader, CompletionsEventReader),
        "completions": (CompletionsReader, CompletionsEventReader),
        "embeddings": (CompletionsReader, CompletionsEventReader),
        "responses": (ResponsesReader, ResponsesEventReader),
        "responses/compact": (ResponsesReader, ResponsesEventReader),
        "responses/{id}/cancel": (FetchedResponseReader, FetchedResponseEventReader),
        "messages": (MessagesReader, MessagesEventReader),
        "rerank": (CompletionsReader, CompletionsEventReader),
        "decisions": (ResponsesReader, ResponsesEventReader),
        "audio/transcriptions": (TranscriptReader, TranscriptEventReader),
        "audio/translations": (TranscriptReader, TranscriptEventReader),
        "audio/speech": (TranscriptReader, SpeechEventReader),
        "images/generations": (ImagesReader, ImagesEventReader),
        "images/edits": (ImagesReader, ImagesEventReader),
        "images/variations": (ImagesReader, ImagesEventReader),
        "batches": (OpenReader, CompletionsEventReader),
        "threads/runs": (RunReader, RunEventReader),
        "threads/{id}/runs": (RunReader, RunEventReader),
        "threads/{id}/runs/{id}/submit_tool_outputs": (RunReader, RunEventReader),
        "threads/{id}/runs/{id}/cancel": (FetchedRunReader, RunEventReader),
        "evals/{id}/runs": (OpenReader, RunEventReader),
        "videos": (VideoReader, RunEventReader),
        "videos/{id}/remix": (VideoReader, RunEventReader),
        "videos/edits": (VideoReader, RunEventReader),
        "videos/extensions": (VideoReader, RunEventReader),
    }
    """Readers of whole and of streamed answers to a POST, by the route behind its version. A subclass may replace them."""

    FETCHED: ClassVar[Mapping[str, tuple[type[WholeReader], type[EventReader]]]] = {
        "responses/{id}": (FetchedResponseReader, FetchedResponseEventReader),
        "batches/{id}": (BatchReader, CompletionsEventReader),
        "threads/{id}/runs/{id}": (FetchedRunReader, RunEventReader),
        "evals/{id}/runs/{id}": (EvaluationReader, RunEventReader),
        "videos/{id}": (FetchedVideoReader, RunEventReader),
    }
    """The same for a GET. What is fetched elsewhere is not billed."""

    LINES: ClassVar[Mapping[str, type[LinesReader]]] = {"files/{id}/content": BatchLinesReader}
    """Readers of what a GET downloads line by line. The id in the path is what is counted once."""

    TUNNELS: ClassVar[Mapping[str, type[MessageReader]]] = {
        "realtime": RealtimeReader,
        "responses": ResponsesTunnelReader,
        "live/sessions": SpokenReader,
        "live/sessions/{id}/fork": SpokenReader,
    }
    """Readers of tunnels, by route as above."""

    UNBILLED: ClassVar[frozenset[str]] = frozenset(
        {
            "batches/{id}/cancel",
            "conversations",
            "conversations/{id}/items",
            "files",
            "messages/count_tokens",
            "responses/input_tokens",
            "assistants",
            "assistants/{id}",
            "threads",
            "threads/{id}",
            "threads/{id}/messages",
            "threads/{id}/messages/{id}",
            "threads/{id}/runs/{id}",
            "uploads",
            "uploads/{id}/cancel",
            "uploads/{id}/complete",
            "uploads/{id}/parts",
        }
    )
    """Routes to which a POST uses no tokens."""

    def __init__(
        self,
        id: str,
        base_url: str | None,
        held: Secret | None = None,
        *,
        families: Sequence[str] = (),
        key_prefixes: Sequence[bytes] = (),
        accepts_unclaimed: bool = False,
        ca_file: Path | None = None,
    ) -> None:
        """*families*: how its models' names begin, in lower case. *key_prefixes*: how only its keys begin.

        Errors: OperatorError where *base_url* is no plain http(s) URL.
        """
        self.id = id
        self.held = held
        self.ca_file = ca_file
        self.accepts_unclaimed = accepts_unclaimed
        self.origin: Origin | None = None
        self.prefix = ""
        if base_url is not None:
            self.origin, self.prefix = parse_base_url(base_url)
        self._families = tuple(sorted(families, key=len, reverse=True))
        self._key_prefixes = tuple(key_prefixes)
        self._routes: dict[str, str] = {}
        """By path, of those asked for lately."""
        parts = self.prefix.split("/")[1:]
        self._tails = ["/" + "/".join(parts[start:]) for start in range(len(parts))]
        """Ends of the prefix, the longest first: what a client's path may repeat."""
        self._head = self.prefix[: -len(parts[-1]) - 1] if parts and parts[-1] in VERSIONS else self.prefix
        """The prefix less a version at its end."""

    def claims_path(self, path: str) -> bool:
        """See `ports.Provider`: these paths are many providers'."""
        return False

    def claims_model(self, model: str) -> int:
        """See `ports.Provider`: the length of the family the name begins with."""
        name = model[:256].lower()
        return next((len(family) for family in self._families if name.startswith(family)), 0)

    def claims_credential(self, credential: Credential) -> bool:
        """See `ports.Provider`."""
        return bool(self._key_prefixes) and credential.secret.reveal().startswith(self._key_prefixes)

    def model_in_path(self, path: str) -> str | None:
        """See `ports.Provider`: these paths name none."""
        return None

    def streams_in_path(self, path: str) -> bool:
        """See `ports.Provider`: the body says it."""
        return False

    def endpoint(self, path: str) -> str:
        """See `ports.Provider`. What the address has in front of the version is left out."""
        return template(self._joined(path)[len(self._head) :])

    def locate(self, call: Call) -> str:
        """See `ports.Provider`."""
        if self.origin is None:
            raise ProviderConfigMissing(f"provider {self.id} has no address; set provider.{self.id}.base_url")
        path = self.upstream_path(call)
        return f"{path}?{call.query}" if call.has_query or call.query else path

    def upstream_path(self, call: Call) -> str:
        """The path upstream: the address's own path, then the client's; what both have where they meet is sent once."""
        return self._joined(call.path)

    def _joined(self, path: str) -> str:
        for tail in self._tails:
            if path.startswith(tail) and path[len(tail) :][:1] in ("", "/"):
                return self.prefix + path[len(tail) :]
        return self.prefix + path

    def authorize(self, call: Call, secret: Secret) -> tuple[str, bytes]:
        """See `ports.Provider`."""
        return "Authorization", b"Bearer " + secret.reveal()

    def pass_on(self, call: Call, credential: Credential) -> tuple[str, bytes] | None:
        """See `ports.Provider`: another provider's form becomes a bearer token."""
        return None if credential.field == b"authorization" else self.authorize(call, credential.secret)

    def reader(self, call: Call, answer: Answer) -> Reader | None:
        """See `ports.Provider`. What is fetched was mostly counted when it was made: see `fetched.py`."""
        if call.method != "POST":
            return self._reader_of_fetched(call, answer)
        route = self.route(call.path)
        readers = self.READERS.get(route)
        if readers is None:
            return UnbilledReader() if route in self.UNBILLED else None
        if not 200 <= answer.status < 300:
            return None
        if answer.media_type in UNLABELLED and route in _OF_JSON:
            return UnlabelledReader(*readers)
        return fitting(readers, answer.media_type)

    def model_of_tunnel(self, call: Call) -> str | None:
        """See `ports.Tunnels`: a session's stands in the query; elsewhere it is chosen within."""
        return call.model if self.route(call.path).startswith("realtime") else None

    def tunnel_reader(self, call: Call, answer: Answer) -> TunnelReader | None:
        """See `ports.Tunnels`."""
        made = self.TUNNELS.get(self.route(call.path))
        return made() if made is not None else None

    def _reader_of_fetched(self, call: Call, answer: Answer) -> Reader | None:
        if answer.status == 101:
            return None  # a tunnel: what passes through it is read message by message
        if call.method != "GET" or not 200 <= answer.status < 300:
            return UnbilledReader()
        route = self.route(call.path)
        lines = self.LINES.get(route)
        if lines is not None:
            return lines(self.id_in_path(call.path))
        readers = self.FETCHED.get(route)
        made = None if readers is None else fitting(readers, answer.media_type)
        return UnbilledReader() if made is None else made

    def id_in_path(self, path: str) -> str | None:
        """The id of what *path* downloads: the segment before the last one."""
        parts = path.rstrip("/").split("/")
        return parts[-2] if len(parts) > 1 else None

    def route(self, path: str) -> str:
        """The endpoint behind its version: `chat/completions`."""
        known = self._routes.get(path)
        if known is not None:
            return known
        endpoint = self.endpoint(path)
        version, _, route = endpoint[1:].partition("/")
        if version not in VERSIONS:
            route = endpoint[1:]
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        self._routes[path] = route
        return route

    def classify(self, answer: Answer) -> str | None:
        """See `ports.Provider`."""
        return category_of(answer.status)

    def request_id(self, answer: Answer) -> str | None:
        """See `ports.Provider`."""
        return short_value(answer.field("x-request-id"))

    def headroom(self, answer: Answer) -> Mapping[str, str]:
        """See `ports.Provider`."""
        return headroom_of(answer, "x-ratelimit-")

    def refuse(self, call: Call, refusal: Refusal) -> bytes | None:
        """See `ports.Provider`: Lectr's own shape is this dialect's."""
        return None


def category_of(status: int) -> ErrorCategory | None:
    """The category of an error by its status alone; None where it is no error."""
    if status < 400:
        return None
    return _CATEGORIES.get(status, "client" if status < 500 else "server")


def headroom_of(answer: Answer, *prefixes: str) -> Mapping[str, str]:
    """Fields that begin with one of *prefixes*, and how long to wait: bounded in number and length."""
    found: dict[str, str] = {}
    for name in answer.fields:
        if name.startswith(prefixes) or name in ("retry-after", "retry-after-ms"):
            kept = short_value(answer.field(name)) if len(name) <= _MAX_VALUE_CHARS else None
            if kept is not None and len(found) < _MAX_HEADROOM:
                found[name] = kept
    return found


def short_value(value: str | None) -> str | None:
    """A header's value, if it is short and printable ASCII."""
    return value if value and len(value) <= _MAX_VALUE_CHARS and value.isascii() and value.isprintable() else None
