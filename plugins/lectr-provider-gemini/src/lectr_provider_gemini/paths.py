"""The provider's paths: the model in them, the compatible ones, and their templates for records. Pure.

A native path names its model and what to do with it in one segment, `models/{model}:{action}`; the last colon divides them.
Called by `provider.py`. Paths are as sent, less a `/gemini` prefix where it says so.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

import attrs

ACTIONS: Final = frozenset(
    {
        "asyncBatchEmbedContent",
        "batchEmbedContents",
        "batchEmbedText",
        "batchGenerateContent",
        "computeTokens",
        "countMessageTokens",
        "countTextTokens",
        "countTokens",
        "embedContent",
        "embedText",
        "generateAnswer",
        "generateContent",
        "generateMessage",
        "generateText",
        "predict",
        "predictLongRunning",
        "rawPredict",
        "streamGenerateContent",
        "streamRawPredict",
    }
)
"""What can be done with a model; also the suffixes by which a native path is recognised."""

_LATER_ACTIONS: Final = ACTIONS | {
    "batchCreate",
    "batchDelete",
    "batchUpdate",
    "cancel",
    "download",
    "fetchPredictOperation",
    "importFile",
    "query",
    "register",
    "transferOwnership",
    "uploadToFileSearchStore",
}
"""What can be done with anything."""

_VERSION: Final = re.compile(r"v[1-9](?:alpha|beta)?[1-9]?")
# A client may send the colon encoded; the model's own name may hold colons of either form.
_DEED: Final = re.compile(
    r"(?P<head>.*/)(?P<kind>models|tunedModels)/(?P<name>[^/]+)(?P<deed>(?::|%3[Aa])(?P<action>[A-Za-z]+))"
)

_OWN: Final = frozenset({"cachedContents", "corpora", "fileSearchStores", "generatedFiles", "interactions", "tunedModels"})
"""Collections that no other provider has."""
_COLLECTIONS: Final = _OWN | {
    "agents",
    "auth_tokens",
    "batches",
    "chunks",
    "decisions",
    "documents",
    "dynamic",
    "environments",
    "files",
    "models",
    "operations",
    "permissions",
    "upload",
    "webhooks",
}

_SHARED: Final = ("chat/completions", "embeddings", "images/generations", "videos")
"""What the compatible path has and no native one has: the client's `/v1/…` becomes `/v1beta/openai/…`."""
_EITHER: Final = ("models", "files", "batches")
"""What both have under one name in `/v1`: the form of the credential tells which is meant."""
_COMPATIBLE: Final = "/v1beta/openai"

_FOREIGN: Final = frozenset(
    {
        "assistants",
        "audio",
        "complete",
        "completions",
        "conversations",
        "evals",
        "fine_tuning",
        "messages",
        "moderations",
        "realtime",
        "responses",
        "threads",
        "uploads",
        "vector_stores",
    }
)
"""First words behind `/v1` that belong to other providers' dialects alone. A word in neither list is passed on."""

_REGION: Final = re.compile(r"[a-z][a-z0-9-]{1,31}")

_MAX_SEGMENTS: Final = 10

# Of the live service's methods; the client library of the day may double the first slash.
_LIVE: Final = re.compile(
    r"/{1,2}(ws/google\.ai\.generativelanguage\.v[1-9](?:alpha|beta)?[1-9]?\.GenerativeService"
    r"\.Bidi(?:GenerateContent|GenerateContentConstrained|GenerateMusic))"
)


@attrs.frozen
class Deed:
    """A native path that does something with a model."""

    head: str
    """All that stands in front of the kind, with the slash."""
    kind: str
    """`models` or `tunedModels`."""
    name: str
    """As sent, percent-encoded where the client did so."""
    deed: str
    """The colon and the action, as sent."""
    action: str

    @property
    def model(self) -> str:
        """The model as people write it; a tuned one with its kind in front."""
        name = unquote(self.name)
        return name if self.kind == "models" else f"{self.kind}/{name}"

    @property
    def region(self) -> str | None:
        """Where the work is kept, for paths that say so; None where it may be done anywhere."""
        if "/locations/" not in self.head:
            return None
        region = self.head.partition("/locations/")[2].partition("/")[0]
        return region if _REGION.fullmatch(region) and region != "global" else None

    @property
    def maker(self) -> str | None:
        """Whose model it is, for paths that say so."""
        return self.head.partition("/publishers/")[2].partition("/")[0] or None

    def with_model(self, model: str) -> str:
        """The path for another *model*, encoded; for the same one exactly the path as sent."""
        wanted = model.removeprefix("models/")
        if wanted == self.model:
            return f"{self.head}{self.kind}/{self.name}{self.deed}"
        kind, slash, name = wanted.partition("/")
        if not slash or kind != "tunedModels":
            kind, name = "models", wanted
        return f"{self.head}{kind}/{quote(name, safe='')}{self.deed}"


def deed_of(path: str) -> Deed | None:
    """What a native path does with which model; None where it does nothing of the kind."""
    found = _DEED.fullmatch(path)
    return None if found is None else Deed(**found.groupdict())


def is_own(path: str) -> bool:
    """Whether only this provider has such a path, with or without its `/gemini` prefix."""
    if live_path(path) is not None:
        return True
    segments = path.removeprefix("/gemini").split("/")[1:]
    if segments and segments[0] in ("upload", "download"):
        segments.pop(0)
    if len(segments) < 2 or not _VERSION.fullmatch(segments[0]):
        return False
    deed = deed_of(path)
    if deed is not None and len(segments) == 3:
        return deed.action in ACTIONS
    collection = segments[1].partition(":")[0]
    if segments[0] == "v1":
        return collection in _OWN
    return collection == "openai" or collection in _COLLECTIONS


def live_path(path: str) -> str | None:
    """The path of a live session, as it stands in records; None where it is none."""
    found = _LIVE.fullmatch(path.removeprefix("/gemini")) if "ws/google" in path else None
    return f"/{found[1]}" if found is not None else None


def compatible_route(path: str) -> str | None:
    """What of a path stands behind the version where it is, or may be, of the compatible kind: `chat/completions`."""
    if path.startswith(f"{_COMPATIBLE}/"):
        return path[len(_COMPATIBLE) + 1 :]
    if path.startswith("/v1/") and _begins(path[4:], _SHARED + _EITHER):
        return path[4:] if deed_of(path) is None else None
    return None


def is_ambiguous(path: str) -> bool:
    """Whether a compatible route has the same path as a native one."""
    return path.startswith("/v1/") and _begins(path[4:], _EITHER)


def compatible_path(route: str) -> str:
    """The path upstream of a compatible route."""
    return f"{_COMPATIBLE}/{route}"


def is_foreign(path: str) -> bool:
    """Whether the path belongs to another provider's dialect."""
    return path.startswith("/v1/") and deed_of(path) is None and path[4:].partition("/")[0] in _FOREIGN


def template(path: str) -> str | None:
    """The native route of *path* without ids and names: `/v1beta/models/{model}:generateContent`; None where unknown."""
    live = live_path(path)
    if live is not None:
        return live
    segments = path.split("/")[1:]
    front = ""
    if segments[:1] in (["upload"], ["download"]):
        front += f"/{segments.pop(0)}"
    if not segments or not _VERSION.fullmatch(segments[0]) or len(segments) > _MAX_SEGMENTS:
        return None
    front += f"/{segments.pop(0)}"
    if not segments or segments[0].partition(":")[0] not in _COLLECTIONS:
        return None
    named = [_segment(segment, at, segments) for at, segment in enumerate(segments)]
    return f"{front}/{'/'.join(named)}"


def _segment(segment: str, at: int, segments: list[str]) -> str:
    word, colon, action = segment.replace("%3A", ":").replace("%3a", ":").rpartition(":")
    if not colon:
        word, action = segment, ""
    # Collections and names take turns; a fixed word in a name's place would be a name that looks like one.
    if at % 2 == 0 and word in _COLLECTIONS:
        kept = word
    else:
        kept = "{model}" if at and segments[at - 1] in ("models", "tunedModels") else "{id}"
    if not colon:
        return kept
    return f"{kept}:{action if action in _LATER_ACTIONS else '{action}'}"


def _begins(route: str, words: tuple[str, ...]) -> bool:
    return any(route == word or route.startswith(f"{word}/") for word in words)
