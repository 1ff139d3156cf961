"""Gemini: its address, paths, forms of credential and readers. All else is the dialect's. Called by the hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import attrs

from lectr_core import (
    Answer,
    Call,
    Credential,
    DialectProvider,
    EventReader,
    NotServed,
    ProviderSettings,
    Reader,
    Refusal,
    Secret,
    Settings,
    TunnelReader,
    UnbilledReader,
    WholeReader,
    fitting,
    located,
    short_value,
    upstream_of,
)
from lectr_provider_gemini import paths
from lectr_provider_gemini.batches import BatchReader, OpenBatchReader, ResultsReader
from lectr_provider_gemini.compatible import CompatibleEventReader, CompatibleReader
from lectr_provider_gemini.generate import GenerateArrayReader, GenerateEventReader, GenerateReader
from lectr_provider_gemini.interactions import (
    CachedContentReader,
    DecisionReader,
    FetchedInteractionReader,
    InteractionEventReader,
    InteractionReader,
)
from lectr_provider_gemini.live import LiveReader
from lectr_provider_gemini.refusals import native_body

ID: Final = "gemini"
BASE_URL: Final = "https://generativelanguage.googleapis.com"
# The longest beginning wins, so others keep what merely begins alike: `text-embedding-3`, `gemma-7b`.
FAMILIES: Final = ("gemini-", "models/gemini-", "gemma-3", "learnlm-", "imagen-", "veo-", "text-embedding-004")
KEY_PREFIXES: Final = (b"AIza",)

_READ: Final = frozenset({"generateContent", "embedContent", "batchEmbedContents", "predict"})
_STREAMED: Final = "streamGenerateContent"
_IN_STREAMS: Final = frozenset({_STREAMED, "streamRawPredict"})
_RAW: Final = frozenset({"rawPredict", "streamRawPredict"})
"""With these another maker's model is asked in that maker's own dialect."""
_DIALECTS: Final = {"anthropic": "messages", "mistralai": "chat/completions"}
_COUNTING: Final = "count-tokens"
"""In a model's place: it counts, and is not billed."""
_COUNTED: Final = frozenset({"countTokens", "computeTokens", "countMessageTokens", "countTextTokens"})
_BATCHED: Final = frozenset({"batchGenerateContent", "asyncBatchEmbedContent"})
_NATIVE: Final[Mapping[tuple[str, str], tuple[type[WholeReader], type[EventReader] | None]]] = {
    ("POST", "interactions"): (InteractionReader, InteractionEventReader),
    ("GET", "interactions/{id}"): (FetchedInteractionReader, InteractionEventReader),
    ("GET", "batches/{id}"): (BatchReader, None),
    ("POST", "decisions"): (DecisionReader, None),
    ("POST", "cachedContents"): (CachedContentReader, None),
}
_TIER_FIELD: Final = "x-gemini-service-tier"


class GeminiProvider(DialectProvider):
    """Models in paths are its own; chat completions and embeddings are the dialect that it also speaks."""

    READERS: ClassVar[Mapping[str, tuple[type[WholeReader], type[EventReader]]]] = {
        "chat/completions": (CompatibleReader, CompatibleEventReader),
        "embeddings": (CompatibleReader, CompatibleEventReader),
        **{route: DialectProvider.READERS[route] for route in ("images/generations", "batches")},
    }

    def claims_path(self, path: str) -> bool:
        """See `ports.Provider`."""
        return paths.is_own(path)

    def model_in_path(self, path: str) -> str | None:
        """See `ports.Provider`."""
        deed = paths.deed_of(path)
        return None if deed is None else deed.model

    def streams_in_path(self, path: str) -> bool:
        """See `ports.Provider`."""
        deed = paths.deed_of(path)
        return deed is not None and deed.action in _IN_STREAMS

    def endpoint(self, path: str) -> str:
        """See `ports.Provider`."""
        route = paths.compatible_route(path)
        if route is not None:
            front = path[: -len(route) - 1] if route else path
            return front + super().endpoint(f"/v1/{route}").removeprefix("/v1")
        return paths.template(path) or super().endpoint(path)

    def route(self, path: str) -> str:
        """See `DialectProvider`."""
        route = paths.compatible_route(path)
        return "" if route is None else super().endpoint(f"/v1/{route.rstrip('/')}").removeprefix("/v1/")

    def locate(self, call: Call) -> str:
        """See `ports.Provider`. A key in the query leaves it where it goes on as a bearer token."""
        if self._key_moves(call):
            kept = [part for part in call.query.split("&") if not part.startswith("key=")]
            call = attrs.evolve(call, query="&".join(kept), has_query=bool(kept))
        return super().locate(call)

    def upstream_path(self, call: Call) -> str:
        """See `DialectProvider`. Errors: NotServed for paths of other dialects."""
        path = call.path
        deed = paths.deed_of(path)
        if deed is not None and call.model:
            path = deed.with_model(call.model)
        elif self._is_compatible(call):
            path = paths.compatible_path(paths.compatible_route(path) or "")
        elif paths.is_foreign(path):
            raise NotServed(f"provider {self.id} has no such path")
        return super().upstream_path(call if path == call.path else Call(call.method, path))

    def authorize(self, call: Call, secret: Secret) -> tuple[str, bytes]:
        """See `ports.Provider`: a bearer token on the compatible path, a header of its own on the others."""
        if self._is_compatible(call):
            return "Authorization", b"Bearer " + secret.reveal()
        return "x-goog-api-key", secret.reveal()

    def pass_on(self, call: Call, credential: Credential) -> tuple[str, bytes] | None:
        """See `ports.Provider`: what the path takes stays as it is; a key in another form gets the path's own."""
        if self._is_compatible(call):
            return None if credential.field == b"authorization" else self.authorize(call, credential.secret)
        if credential.field in (b"x-goog-api-key", b"?key"):
            return None
        if credential.field == b"authorization" and not self.claims_credential(credential):
            return None  # a token of a login, not a key
        return self.authorize(call, credential.secret)

    def reader(self, call: Call, answer: Answer) -> Reader | None:
        """See `ports.Provider`. Whether a stream is one of events or an array, its head says, else the query."""
        deed = paths.deed_of(call.path)
        if deed is None:
            return self._reader_of_thing(call, answer)
        if call.method != "POST" or deed.action in _COUNTED or (deed.action in _RAW and deed.model == _COUNTING):
            return UnbilledReader()
        if not 200 <= answer.status < 300:
            return None
        if deed.action in _BATCHED:
            return OpenBatchReader()
        made = self._reader_of_maker(deed, answer) if deed.action in _RAW else self._reader_of_own(deed, call, answer)
        return located(made, deed.region)

    def _reader_of_own(self, deed: paths.Deed, call: Call, answer: Answer) -> Reader | None:
        tier = _tier(answer)
        events = answer.media_type == "text/event-stream"
        if not answer.media_type:
            events = "alt=sse" in call.query.split("&")  # the head says nothing: what was asked for decides
        elif not events and answer.media_type != "application/json":
            return None
        if deed.action == _STREAMED:
            return GenerateEventReader(tier) if events else GenerateArrayReader(tier)
        return GenerateReader(tier) if deed.action in _READ and not events else None

    def _reader_of_maker(self, deed: paths.Deed, answer: Answer) -> Reader | None:
        """For another maker's model, asked in its own dialect."""
        readers = DialectProvider.READERS.get(_DIALECTS.get(deed.maker or "", ""))
        return None if readers is None else fitting(readers, answer.media_type)

    def tunnel_reader(self, call: Call, answer: Answer) -> TunnelReader | None:
        """See `ports.Tunnels`: live sessions."""
        return LiveReader() if paths.live_path(call.path) is not None else None

    def _reader_of_thing(self, call: Call, answer: Answer) -> Reader | None:
        """For paths that do nothing with a model: batches, files, interactions."""
        native = None if self._is_compatible(call) else paths.template(call.path)
        if native is None or answer.status == 101:
            return super().reader(call, answer)
        _, _, thing = native.removeprefix("/upload").removeprefix("/download")[1:].partition("/")
        is_fine = 200 <= answer.status < 300
        if call.method == "GET" and is_fine and thing.endswith(":download"):
            return ResultsReader(call.path.rpartition("/")[2].partition(":")[0])
        readers = _NATIVE.get((call.method, thing))
        if readers is None or (not is_fine and call.method == "GET"):
            return UnbilledReader() if call.method != "POST" or thing == "files" else None
        if not is_fine:
            return None
        if answer.media_type == "text/event-stream":
            return readers[1]() if readers[1] is not None else None
        return readers[0]() if answer.media_type == "application/json" else None

    def refuse(self, call: Call, refusal: Refusal) -> bytes | None:
        """See `ports.Provider`: its own shape on its own paths."""
        return None if self._is_compatible(call) else native_body(refusal)

    def _is_compatible(self, call: Call) -> bool:
        """Whether the call goes to the compatible path. Where the path may mean both, only a bearer token or none does."""
        if paths.compatible_route(call.path) is None:
            return False
        if not paths.is_ambiguous(call.path) or call.credential is None:
            return True
        return call.credential.field not in (b"x-goog-api-key", b"?key")

    def _key_moves(self, call: Call) -> bool:
        return call.credential is not None and call.credential.field == b"?key" and self._is_compatible(call)


def _tier(answer: Answer) -> str | None:
    tier = short_value(answer.field(_TIER_FIELD))
    return None if tier is None or len(tier) > 32 else tier.lower()


def gemini_of(settings: Settings) -> GeminiProvider:
    """The provider as the operator wants it. Errors: OperatorError, see `upstream_of`."""
    path = f"provider.{ID}"
    upstream = upstream_of(settings, path, settings.section(path, ProviderSettings), BASE_URL)
    return GeminiProvider(ID, upstream.base_url, upstream.held, families=FAMILIES, key_prefixes=KEY_PREFIXES)
