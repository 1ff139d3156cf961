"""One endpoint as a provider: its paths, the form of its key; the rest is the dialect's. Called by `offer.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from lectr_core import Call, Credential, DialectProvider, ImagesEventReader, LinesReader, NotServed, Secret
from lectr_provider_compatible.billing import (
    BillingEventReader,
    BillingImagesReader,
    BillingMessagesEventReader,
    BillingMessagesReader,
    BillingReader,
    BillingResponsesEventReader,
    BillingResponsesReader,
)
from lectr_provider_compatible.paths import Place, climbs
from lectr_provider_compatible.reading import CompatibleEventReader, CompatibleLinesReader, CompatibleReader

_UNKNOWN = "/v1/{path}"

_MESSAGES = "/anthropic/v1/"
"""Under which many have messages, beside their own paths."""


class CompatibleProvider(DialectProvider):
    """An endpoint that speaks the dialect under a path of its own."""

    READERS: ClassVar[Mapping[str, tuple[type, type]]] = {
        **DialectProvider.READERS,
        **dict.fromkeys(("chat/completions", "completions", "embeddings"), (CompatibleReader, CompatibleEventReader)),
    }
    LINES: ClassVar[Mapping[str, type[LinesReader]]] = {"files/{id}/content": CompatibleLinesReader}

    def __init__(
        self,
        id: str,
        host: str,
        place: Place,
        held: Secret | None = None,
        *,
        families: Sequence[str] = (),
        key_prefixes: Sequence[bytes] = (),
        key_header: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """*host*: scheme, host and port; *place*: what stands behind them. Errors: OperatorError where *host* is none."""
        super().__init__(id, host, held, families=families, key_prefixes=key_prefixes, ca_file=ca_file)
        self._place = place
        self._starts = tuple(families)
        self._keys = tuple(key_prefixes)
        self._key_header = key_header

    # There are many endpoints, and each request without a prefix asks every one of them: the answer "no" must be cheap.

    def claims_model(self, model: str) -> int:
        """See `ports.Provider`."""
        if not self._starts or not model[:256].lower().startswith(self._starts):
            return 0
        return super().claims_model(model)

    def claims_credential(self, credential: Credential) -> bool:
        """See `ports.Provider`."""
        for prefix in self._keys:  # noqa: SIM110 - half the time of any()
            if credential.starts_with(prefix):
                return True
        return False

    def endpoint(self, path: str) -> str:
        """See `ports.Provider`: as the dialect has it, whatever the endpoint's own path."""
        found = self._place.plain(self._upstream(path))
        return super().endpoint("/v1/" + found[len(_MESSAGES) :] if found.startswith(_MESSAGES) else found)

    def upstream_path(self, call: Call) -> str:
        """See `DialectProvider`. Errors: NotServed for a path that would climb out of the endpoint's."""
        if self._place.root and climbs(call.path):
            raise NotServed(f"{self.id} serves nothing above its own path")
        return self._upstream(call.path)

    def _upstream(self, path: str) -> str:
        return self._place.path(path, known=super().endpoint("/v1" + path) != _UNKNOWN and path != "/")

    def authorize(self, call: Call, secret: Secret) -> tuple[str, bytes]:
        """See `ports.Provider`."""
        return super().authorize(call, secret) if self._key_header is None else (self._key_header, secret.reveal())

    def pass_on(self, call: Call, credential: Credential) -> tuple[str, bytes] | None:
        """See `ports.Provider`."""
        if self._key_header is None:
            return super().pass_on(call, credential)
        same = credential.field == self._key_header.lower().encode("ascii")
        return None if same else self.authorize(call, credential.secret)


class BillingProvider(CompatibleProvider):
    """An endpoint whose answers tell what they cost."""

    READERS: ClassVar[Mapping[str, tuple[type, type]]] = {
        **CompatibleProvider.READERS,
        **dict.fromkeys(("chat/completions", "completions", "embeddings"), (BillingReader, BillingEventReader)),
        "responses": (BillingResponsesReader, BillingResponsesEventReader),
        "messages": (BillingMessagesReader, BillingMessagesEventReader),
        "images/generations": (BillingImagesReader, ImagesEventReader),
        "images/edits": (BillingImagesReader, ImagesEventReader),
    }
