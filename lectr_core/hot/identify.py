"""Step 2 and 4: who asks, and which provider is meant. Called by `way.py`; pure but for writing into the exchange.

The raw target is parsed once, here; what authenticates, what policies see and what goes upstream all come from that one
parse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from lectr_core.hot.claims import Claims
from lectr_core.hot.exchange import Exchange, Refused
from lectr_core.hot.guard import Faults, text_of
from lectr_core.hot.known import Party, Way
from lectr_core.hot.upgrade import SUB_PROTOCOLS, asked_for, model_in, named_by
from lectr_core.model.call import Call, Refusal
from lectr_core.model.keys import KeyRing
from lectr_core.model.secret import CREDENTIAL_FIELDS, KEY_PREFIX, QUERY_KEY, Credential, Secret
from lectr_core.ports import Provider
from lectr_core.wire.body import read_fields
from lectr_core.wire.bulk import bulk_of
from lectr_core.wire.fields import Fields

MAX_FEATURE_CHARS: Final = 100
MAX_TASK_CHARS: Final = 100

_KEY: Final = KEY_PREFIX.encode()
_KEY_TEXT: Final = KEY_PREFIX


def party(exchange: Exchange, keys: KeyRing) -> None:
    """Find out which org asks, before a byte of the body is read.

    Errors: Refused with 401 for no key, an unknown or revoked one, a disabled org, or two different keys.
    """
    known = exchange.known
    if known is not None and known.keys is keys and known.party is not None:
        _take_over(exchange, known.party)
        return
    head = exchange.asked
    path, mark, query = head.target.decode("latin-1").partition("?")
    given: set[bytes] = set()
    if path.startswith(_KEY_TEXT, 1):
        path = _take_key_segment(path, given)
    query_key = None
    if "key=" in query:
        query, query_key = _take_key_parameter(query, given)
    credentials, own_fields = _credentials(head.fields, given)
    if b"upgrade" in head.fields or SUB_PROTOCOLS in head.fields:
        exchange.upgrade = asked_for(head, given, credentials)
        exchange.known = known = None  # rare: found anew each time
    if query_key is not None:
        credentials.append(Credential(QUERY_KEY, b"", Secret(query_key)))
    _labels(exchange, head.fields, given)
    exchange.credentials = tuple(credentials)
    exchange.own_key_fields = frozenset(own_fields)
    exchange.call = Call(
        method=head.method.decode("latin-1"),
        path=path,
        query=query,
        has_query=bool(mark),
        credential=credentials[0] if credentials else None,
    )
    if exchange.version.settings.auth == "none":
        exchange.holder = keys.find(given.pop()) if len(given) == 1 else None
    else:
        _admit(exchange, keys, given)
    if known is not None:
        known.keys, known.party = keys, _party_of(exchange, exchange.call)


def _party_of(exchange: Exchange, call: Call) -> Party:
    return Party(
        exchange.holder,
        exchange.feature,
        exchange.feature_cut,
        exchange.task,
        call,
        exchange.credentials,
        exchange.own_key_fields,
    )


def _take_over(exchange: Exchange, party: Party) -> None:
    exchange.holder = party.holder
    exchange.feature, exchange.feature_cut, exchange.task = party.feature, party.feature_cut, party.task
    exchange.call, exchange.credentials, exchange.own_key_fields = party.call, party.credentials, party.own_key_fields


def provider(exchange: Exchange, faults: Faults) -> None:
    """Find out which provider is meant, and what the body says about the request as a whole.

    Errors: Refused with 400 where `X-Lectr-Provider` names none that is installed, or none is installed at all.
    """
    model: str | None = None
    streamed: bool | None = None
    if exchange.body_read:
        fields = read_fields(exchange.content)
        model, streamed = fields.model, fields.streamed
        exchange.max_tokens, exchange.choices = fields.max_tokens, fields.choices
        exchange.bulk = bulk_of(exchange.content, fields.tool_bytes) if fields.readable else None
    known, key = exchange.known, (model, streamed, exchange.body_read)
    way = known.ways.get(key) if known is not None else None
    if way is None:
        failed = faults.counts.total()
        way = _find_way(exchange, model, streamed, faults)
        if known is not None and faults.counts.total() == failed:
            known.remember(key, way)
    exchange.way = way
    exchange.provider = exchange.target_provider = way.provider
    exchange.provider_unknown = way.unknown
    exchange.endpoint, exchange.streamed = way.endpoint, way.streamed
    exchange.call = way.call
    exchange.model_requested = exchange.model_sent = way.call.model


def _find_way(exchange: Exchange, model: str | None, streamed: bool | None, faults: Faults) -> Way:
    asked = exchange.call
    assert asked is not None
    if exchange.upgrade is not None and exchange.upgrade.goes_on:
        model = model_in(asked.query) or model
    clues = Clues(exchange.asked.fields.value(b"x-lectr-provider"), asked.path, model, asked.credential)
    found, path, unknown = _detect_guarded(exchange, clues, faults)
    if found is None:
        raise Refused(_no_provider(clues.named, exchange.version.providers))
    # Where a path names a model or deployment, it decides; a body may say anything beside it.
    endpoint, streams, named = faults.ask(found.id, _read_path, found, path) or ("-", False, None)
    # Built anew rather than evolved: attrs.evolve costs 9 µs, this 1.
    call = Call(
        method=asked.method,
        path=path,
        query=asked.query,
        has_query=asked.has_query,
        model=named or model,
        streamed=streamed,
        credential=asked.credential,
    )
    if exchange.upgrade is not None and exchange.upgrade.goes_on:
        named = faults.ask(found.id, named_by, found, call)
        exchange.upgrade.names_model = named is not None
        call = attrs.evolve(call, model=named or call.model)
    return Way(found, unknown, endpoint, streams or bool(streamed), named is not None, call)


def _read_path(found: Provider, path: str) -> tuple[str, bool, str | None]:
    return text_of(found.endpoint(path)) or "-", bool(found.streams_in_path(path)), text_of(found.model_in_path(path))


@attrs.frozen
class Clues:
    """What speaks for a provider."""

    named: bytes | None
    """`X-Lectr-Provider`."""
    path: str
    model: str | None
    """Of the body."""
    credential: Credential | None


Found = tuple[Provider | None, str, bool]
"""(provider, path without an explicit prefix, whether nothing spoke for it)."""


def _detect_guarded(exchange: Exchange, clues: Clues, faults: Faults) -> Found:
    """Detect; if a provider's plugin fails in it, find out which, count it, and detect again without it."""
    version = exchange.version
    found = faults.ask("detection", detect, version.providers, version.claims, version.default, clues)
    if found is not None:
        return found
    sound: dict[str, Provider] = {}
    for one in version.providers.values():
        with faults.of(one.id):
            detect({one.id: one}, Claims([one]), None, clues)
            sound[one.id] = one
    with faults.of("detection"):
        return detect(sound, Claims(sound.values()), version.default, clues)
    return version.default, clues.path, True


def detect(providers: Mapping[str, Provider], claims: Claims, default: Provider | None, clues: Clues) -> Found:
    """Which provider a request is for.

    Order: the header; an explicit path prefix; a path only one provider has; the model; the credential; the default.
        Above all but the header stands: a credential that visibly belongs to one provider goes to no other.
    """
    path = clues.path
    if clues.named is not None:
        chosen = providers.get(clues.named.decode("latin-1").strip().lower())
        return chosen, _without_prefix(path, chosen), False
    owner = claims.of_credential(clues.credential) if clues.credential is not None else None
    if owner is not None:
        return owner, _without_prefix(path, owner), False
    prefixed = named_in(path, providers)
    natural = claims.of_path(path)
    if natural is not None and natural is not prefixed:
        return natural, path, False
    if prefixed is not None:
        return prefixed, _without_prefix(path, prefixed), False
    found = claims.of_model(clues.model) if clues.model is not None else None
    return found or default, path, found is None


def named_in(path: str, providers: Mapping[str, Provider]) -> Provider | None:
    """The provider whose id is the path's first segment, with more behind it."""
    end = path.find("/", 1)
    return providers.get(path[1:end]) if end > 0 else None


def _without_prefix(path: str, chosen: Provider | None) -> str:
    if chosen is None:
        return path
    prefix = f"/{chosen.id}/"
    return path[len(prefix) - 1 :] if path.startswith(prefix) else path


def _take_key_segment(path: str, given: set[bytes]) -> str:
    segment, slash, rest = path[1:].partition("/")
    given.add(segment.encode("latin-1"))
    return slash + rest if slash else "/"


def _take_key_parameter(query: str, given: set[bytes]) -> tuple[str, bytes | None]:
    """Take a Lectr key out of `?key=` or `?api-key=`; of a provider's key in the first, say what it is and leave it."""
    kept: list[str] = []
    theirs: bytes | None = None
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name in ("key", "api-key") and value.startswith(_KEY_TEXT):
            given.add(value.encode("latin-1"))
            continue
        if name == "key" and value:
            theirs = value.encode("latin-1")
        kept.append(part)
    return "&".join(kept), theirs


def _credentials(fields: Fields, given: set[bytes]) -> tuple[list[Credential], set[bytes]]:
    theirs: list[Credential] = []
    own: set[bytes] = set()
    for name in CREDENTIAL_FIELDS:
        if name not in fields:
            continue
        for value in fields.values(name):
            scheme = b""
            token = value
            if name == b"authorization":
                scheme, token = _scheme_and_token(value)
            if token.startswith(_KEY):
                given.add(token)
                own.add(name)
            elif token:
                theirs.append(Credential(name, scheme, Secret(token)))
    return theirs, own


def _scheme_and_token(value: bytes) -> tuple[bytes, bytes]:
    """Of `Authorization`. A lone word is a token, which must not go on unseen, unless it is a scheme with none behind it."""
    words = value.split(None, 1)
    if len(words) == 2:
        return words[0].lower(), words[1]
    alone = words[0] if words else b""
    return (alone.lower(), b"") if alone.lower() in (b"bearer", b"basic") else (b"", alone)


def _labels(exchange: Exchange, fields: Fields, given: set[bytes]) -> None:
    given.update(fields.values(b"x-lectr-key"))
    feature = fields.value(b"x-lectr-feature")
    if feature is not None:
        text = _text(feature)
        exchange.feature = text[:MAX_FEATURE_CHARS] or "untagged"
        exchange.feature_cut = len(text) > MAX_FEATURE_CHARS
    task = fields.value(b"x-lectr-task")
    if task is not None:
        exchange.task = _text(task)[:MAX_TASK_CHARS] or None


def _text(value: bytes) -> str:
    """Free text of a header: UTF-8 where it is that, else latin-1; control characters become blanks."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    if text.isprintable():
        return text.strip()
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _admit(exchange: Exchange, keys: KeyRing, given: set[bytes]) -> None:
    given.discard(b"")
    if not given:
        raise Refused(
            _unauthorized("missing_lectr_key", "no Lectr key: send it as X-Lectr-Key, in the path, or as the API key")
        )
    if len(given) > 1:
        raise Refused(_unauthorized("invalid_lectr_key", "the request carries two different Lectr keys"))
    holder = keys.find(given.pop())
    if holder is None:
        raise Refused(_unauthorized("invalid_lectr_key", "this Lectr key is unknown or revoked"))
    exchange.holder = holder
    if holder.org_disabled:
        raise Refused(_unauthorized("org_disabled", f"the organisation {holder.org!r} is switched off"))


def _unauthorized(code: str, message: str) -> Refusal:
    return Refusal(401, code, message, kind="authentication_error")


def _no_provider(named: bytes | None, providers: Mapping[str, Provider]) -> Refusal:
    installed = ", ".join(sorted(providers)) or "none; the operator can add one with `lectr install`"
    if named is not None:
        return Refusal(400, "invalid_provider", f"X-Lectr-Provider names no installed provider; installed: {installed}")
    if not providers:
        return Refusal(
            400, "provider_config_missing", "no provider plugin is installed; the operator can add one with `lectr install`"
        )
    message = f"nothing in the request names a provider, and no default is set; send X-Lectr-Provider: one of {installed}"
    return Refusal(400, "provider_config_missing", message)
