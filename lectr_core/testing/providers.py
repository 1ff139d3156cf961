"""What every provider promises: it never shows a secret or a client's free text, forwards bytes as they are, and is pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Final, get_args

import attrs

from lectr_core.errors import NotServed, ProviderConfigMissing
from lectr_core.model.call import Answer, Call, Refusal
from lectr_core.model.reading import ErrorCategory
from lectr_core.model.secret import Credential, Secret
from lectr_core.ports import Provider, Reader, TellsHow
from lectr_core.testing.promise import must

_CANARY: Final = "canary-7f3a9c"
_SECRET: Final = b"canary-secret-5d1e"
_STATUSES: Final = (200, 201, 204, 301, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 498, 500, 502, 503, 504, 529, 599)
_PATHS: Final = (
    "/v1/chat/completions",
    "/v1/models",
    f"/v1/models/{_CANARY}",
    f"/v1/files/{_CANARY}/content",
    f"/v1/{_CANARY}",
    f"/{_CANARY}/{_CANARY}",
    f"/{_CANARY}:{_CANARY}/" + "x/" * 200,
    "/",
    "//",
    "/v1/chat/completions/",
    "/%2e%2e/%00/é",
)


@attrs.frozen(kw_only=True)
class Case:
    """One request and what the provider must make of it. What is None is not asked."""

    call: Call
    target: str | None = None
    """Path and query upstream."""
    endpoint: str | None = None
    """The route for the record."""
    model: str | None = None
    """The model that the path names."""
    claims_path: bool | None = None
    claims_model: bool | None = None
    """Whether anything speaks for the provider in `call.model`."""
    claims_credential: bool | None = None
    authorized: tuple[str, bytes] | None = None
    """Header that carries the held credential `held`."""
    passed_on: tuple[str, bytes] | None = None
    """Header that carries the client's own credential."""
    refused: type[Exception] | None = None
    """`NotServed` or `ProviderConfigMissing`, where `locate` must raise it."""


def check_provider(provider: Provider, cases: Iterable[Case] = ()) -> None:
    """Check the promises that hold for every provider, then *cases*. Errors: Broken, with the promise not kept."""
    must(isinstance(provider, Provider), f"{type(provider).__name__} does not satisfy lectr_core.Provider")
    plain = provider.id.replace("-", "").replace("_", "")
    must(plain.isascii() and plain.isalnum() and provider.id == provider.id.lower(), f"id {provider.id!r} is no plain word")
    must(provider.claims_model("") == 0, "an empty model name must speak for nobody")
    for path in _PATHS:
        _check_path(provider, path)
    for status in _STATUSES:
        _check_head(provider, status)
    if isinstance(provider, TellsHow):
        _check_words(provider)
    for case in cases:
        _check_case(provider, case)


def _check_path(provider: Provider, path: str) -> None:
    endpoint = provider.endpoint(path)
    must(endpoint.startswith("/"), f"endpoint({path!r}) is {endpoint!r}; it must begin with a slash")
    must(_CANARY not in endpoint, f"endpoint({path!r}) is {endpoint!r}; it must not hold what a client chose")
    must(len(endpoint) <= 200, f"endpoint of a long path has {len(endpoint)} characters; at most 200 are allowed")
    must(isinstance(provider.claims_path(path), bool), f"claims_path({path!r}) must say yes or no")
    for query, has_query in (("", False), ("", True), ("a=%20b&a=é&key=x", True)):
        call = Call("POST", path, query, has_query)
        try:
            target = provider.locate(call)
        except (NotServed, ProviderConfigMissing):
            continue
        must(target.startswith("/"), f"locate gave {target!r}; a target begins with a slash")
        must(target == provider.locate(call), f"locate of {path!r} differs from one time to the next")
        has = "?" in target
        must(not has_query or has, f"locate of {path!r} lost the query's question mark")
        must(target.endswith(query) or not query, f"locate of {path!r} changed the query")
    secret = Secret(_SECRET)
    name, value = provider.authorize(Call("POST", path), secret)
    must(value.endswith(_SECRET), f"authorize on {path!r} must carry the secret at the end of the header's value")
    must(_SECRET.decode() not in name and _SECRET.decode() not in repr(provider), "a secret must show nowhere else")


def _check_head(provider: Provider, status: int) -> None:
    canary = _CANARY * 1000
    fields = {"content-type": "application/json", "set-cookie": _CANARY, "x-request-id": canary, "request-id": canary}
    fields |= {f"x-ratelimit-remaining-{number}": canary for number in range(1000)}
    answer = Answer(status, fields)
    category = provider.classify(answer)
    if status < 400:
        must(category is None, f"status {status} is no error, yet classify gave {category!r}")
    else:
        must(category in get_args(ErrorCategory), f"status {status} must have a category, got {category!r}")
    headroom = provider.headroom(answer)
    size = sum(len(name) + len(value) for name, value in headroom.items())
    must(size <= 16_384, f"headroom keeps {size} characters of a hostile head; at most 16384 are allowed")
    must(_CANARY not in headroom.get("set-cookie", ""), "headroom keeps a cookie; only rate limits may be kept")
    request_id = provider.request_id(answer)
    must(request_id is None or len(request_id) <= 256, "request_id keeps a hostile value; 256 characters are allowed")
    for media_type in ("application/json", "text/event-stream", "application/octet-stream", ""):
        for path in _PATHS[:4]:
            reader = provider.reader(Call("POST", path, streamed=True), Answer(status, {"content-type": media_type}))
            must(reader is None or isinstance(reader, Reader), f"reader gave {reader!r}; expected a Reader or None")
    refusal = Refusal(429, "rate_limit_exceeded", "too many requests", retry_after_s=1)
    body = provider.refuse(Call("POST", _PATHS[0]), refusal)
    must(body is None or refusal.message.encode() in body, "refuse must give a body with the message, or None")


def _check_words(provider: TellsHow) -> None:
    base_url, key = "http://127.0.0.1:8420", f"lc_key_{_CANARY}"
    for title, text in provider.quickstart(base_url, key):
        for part in (base_url, key, "X-Lectr-Feature"):
            must(part in text, f"quickstart {title!r} has no {part}")
        must(not re.search(r"\{\{|\}\}\}", text), f"quickstart {title!r} has braces left over from a template")
        try:
            if "Python" in title:
                compile(text, title, "exec")
            elif "curl" in title:
                shlex.split(text.replace("\\\n", " "))
        except (SyntaxError, ValueError) as error:
            must(False, f"quickstart {title!r} is not what its title says: {error}")


def _check_case(provider: Provider, case: Case) -> None:
    call = case.call
    where = f"{call.method} {call.path}"
    if case.refused is not None:
        try:
            provider.locate(call)
        except case.refused:
            pass
        else:
            must(False, f"{where}: locate must raise {case.refused.__name__}")
    credential = call.credential or Credential(b"authorization", b"bearer", Secret(b""))
    held = Secret(b"held")
    asked: list[tuple[str, object, object]] = [
        ("target", case.target, case.target and provider.locate(call)),
        ("endpoint", case.endpoint, provider.endpoint(call.path)),
        ("model in the path", case.model, provider.model_in_path(call.path)),
        ("claims_path", case.claims_path, provider.claims_path(call.path)),
        ("claims_model", case.claims_model, provider.claims_model(call.model or "") > 0),
        ("claims_credential", case.claims_credential, provider.claims_credential(credential)),
        ("authorize", case.authorized, provider.authorize(call, held)),
        ("pass_on", case.passed_on, provider.pass_on(call, credential)),
    ]
    for name, expected, got in asked:
        must(expected is None or got == expected, f"{where}: {name} is {got!r}, not {expected!r}")
