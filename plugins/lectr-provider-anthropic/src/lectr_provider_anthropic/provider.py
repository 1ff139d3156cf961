"""Anthropic: its address, paths, forms of credential and headers. All else is the dialect's. Called by the hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from lectr_core import (
    Answer,
    Call,
    Credential,
    DialectProvider,
    EventReader,
    LinesReader,
    MessagesEventReader,
    MessagesReader,
    NotServed,
    ProviderSettings,
    Refusal,
    Secret,
    Settings,
    WholeReader,
    headroom_of,
    short_value,
    upstream_of,
)
from lectr_provider_anthropic.batches import BatchReader, ResultsReader
from lectr_provider_anthropic.paths import is_compatible, is_own, is_served
from lectr_provider_anthropic.refusals import native_body

ID: Final = "anthropic"
BASE_URL: Final = "https://api.anthropic.com"
FAMILIES: Final = ("claude-",)
KEY_PREFIXES: Final = (b"sk-ant-",)

# Tokens of a login, not keys: they work as bearer tokens alone.
_LOGIN_PREFIX: Final = b"sk-ant-oat"

_HEADROOM: Final = ("anthropic-ratelimit-", "anthropic-priority-", "anthropic-fast-")


class AnthropicProvider(DialectProvider):
    """Messages are its own; chat completions are the dialect that it also speaks."""

    READERS: ClassVar[Mapping[str, tuple[type[WholeReader], type[EventReader]]]] = {
        "chat/completions": DialectProvider.READERS["chat/completions"],
        "messages": (MessagesReader, MessagesEventReader),
        "messages/batches": DialectProvider.READERS["batches"],
    }
    FETCHED: ClassVar[Mapping[str, tuple[type[WholeReader], type[EventReader]]]] = {
        "messages/batches/{id}": (BatchReader, MessagesEventReader),
    }
    LINES: ClassVar[Mapping[str, type[LinesReader]]] = {"messages/batches/{id}/results": ResultsReader}
    UNBILLED: ClassVar[frozenset[str]] = frozenset(
        {"files", "messages/batches/{id}/cancel", "messages/count_tokens", "skills"}
    )

    def claims_path(self, path: str) -> bool:
        """See `ports.Provider`."""
        return is_own(path)

    def endpoint(self, path: str) -> str:
        """See `ports.Provider`."""
        return path if path == "/v1/complete" else super().endpoint(path)

    def upstream_path(self, call: Call) -> str:
        """See `DialectProvider`. Errors: NotServed for paths of the other dialect that it has not."""
        if not is_served(call.path):
            raise NotServed(f"provider {self.id} has no such path")
        return super().upstream_path(call)

    def authorize(self, call: Call, secret: Secret) -> tuple[str, bytes]:
        """See `ports.Provider`: a key on its own paths, a bearer token on the compatible one, and for a login anywhere."""
        if is_compatible(call.path) or secret.reveal().startswith(_LOGIN_PREFIX):
            return "Authorization", b"Bearer " + secret.reveal()
        return "x-api-key", secret.reveal()

    def pass_on(self, call: Call, credential: Credential) -> tuple[str, bytes] | None:
        """See `ports.Provider`: what the provider takes stays as it is; a key in another's form gets its own form."""
        if credential.field == b"x-api-key":
            return None
        if credential.field == b"authorization":
            is_key = credential.starts_with(b"sk-ant-") and not credential.starts_with(_LOGIN_PREFIX)
            if is_compatible(call.path) or not is_key or credential.scheme != b"bearer":
                return None
        return self.authorize(call, credential.secret)

    def request_id(self, answer: Answer) -> str | None:
        """See `ports.Provider`."""
        return short_value(answer.field("request-id")) or super().request_id(answer)

    def headroom(self, answer: Answer) -> Mapping[str, str]:
        """See `ports.Provider`."""
        return headroom_of(answer, *_HEADROOM)

    def refuse(self, call: Call, refusal: Refusal) -> bytes | None:
        """See `ports.Provider`: its own shape on its own paths."""
        return None if is_compatible(call.path) else native_body(refusal)

    def quickstart(self, base_url: str, key: str) -> list[tuple[str, str]]:
        """What to paste into a client, as (title, text); `lectr up` prints it."""
        from lectr_provider_anthropic.snippets import quickstart

        return quickstart(base_url, key, is_held=self.held is not None)


def anthropic_of(settings: Settings) -> AnthropicProvider:
    """The provider as the operator wants it. Errors: OperatorError, see `upstream_of`."""
    path = f"provider.{ID}"
    upstream = upstream_of(settings, path, settings.section(path, ProviderSettings), BASE_URL)
    return AnthropicProvider(ID, upstream.base_url, upstream.held, families=FAMILIES, key_prefixes=KEY_PREFIXES)
