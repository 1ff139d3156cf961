"""Azure's paths: what a client's path becomes, and which deployment a path names.

Pure text. A path that is Azure's own stays as it is, but for what the operator's rules and settings change in it; a path of
the plain API becomes Azure's. Called by `provider.py`.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote, unquote_plus

DEPLOYMENTS: Final = "/openai/deployments/"

OPERATIONS: Final = frozenset(
    {
        "/completions",
        "/chat/completions",
        "/embeddings",
        "/audio/transcriptions",
        "/audio/translations",
        "/audio/speech",
        "/images/generations",
        "/images/edits",
    }
)
"""What a deployment is asked for, with its name in the path. Source: openai 3.54, `lib/azure.py`. All else is not."""

REALTIME: Final = "/realtime"
"""Sessions: the plain API's query names the deployment as its `model`, which the versioned API would not understand."""

_NO_NAMES: Final = frozenset({"", ".", ".."})
"""What cannot be a segment of a path: the dots would climb."""


def deployment_in(path: str) -> str | None:
    """The deployment that *path* names, if it does."""
    name, slash, _ = path[len(DEPLOYMENTS) :].partition("/")
    return unquote(name) if path.startswith(DEPLOYMENTS) and name and slash else None


def deployment_in_query(query: str) -> str | None:
    """The deployment that the query of a session names, in the versioned API."""
    names = (part.partition("=") for part in query.split("&"))
    return next((unquote_plus(value) for name, _, value in names if name == "deployment" and value), None)


def operation_in(path: str) -> str | None:
    """The operation on a deployment that *path* asks for: `/chat/completions`."""
    if deployment_in(path) is None:
        return None
    return "/" + path[len(DEPLOYMENTS) :].partition("/")[2]


def azure_path(path: str, model: str | None, api_version: str | None) -> tuple[str, bool]:
    """Azure's path for a client's *path*.

    Shapes: Returns (path, whether `api-version` belongs into its query).
    """
    if path.startswith("/openai/"):
        return _own_path(path, model)
    operation = path[len("/v1") :] if path.startswith("/v1/") else path
    known = operation in OPERATIONS
    if operation is path and not known:
        return path, False
    if api_version is None or operation == REALTIME:
        return f"/openai/v1{operation}", False
    if not known:
        return f"/openai{operation}", True
    if model is None or model in _NO_NAMES:
        # The body of an upload streams unread, and with it the model: this API finds it there.
        return f"/openai/v1{operation}", False
    return f"{DEPLOYMENTS}{quote(model, safe='', errors='replace')}{operation}", True


def _own_path(path: str, model: str | None) -> tuple[str, bool]:
    deployment = deployment_in(path)
    if deployment is None:
        return path, False
    if model is None or model == deployment or model in _NO_NAMES:
        return path, True
    return f"{DEPLOYMENTS}{quote(model, safe='', errors='replace')}{operation_in(path)}", True


def versioned(query: str, api_version: str) -> str:
    """*query*, byte for byte, behind `api-version`; as it is where the client has asked for a version itself."""
    if any(part.partition("=")[0] == "api-version" for part in query.split("&")):
        return query
    own = f"api-version={api_version}"
    return f"{own}&{query}" if query else own
