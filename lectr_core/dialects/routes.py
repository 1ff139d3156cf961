"""The paths of these dialects as templates: for records, which must never hold an id, a name or anything a client chose.

A segment stays only if it is one of the fixed words below. Called by `dialects/provider.py`.
"""

from __future__ import annotations

from typing import Final

VERSIONS: Final = frozenset({"v1", "v1beta", "v1alpha", "v2", "v3", "v4"})

_FIRST: Final = frozenset(
    [
        "agents",
        "assistants",
        "audio",
        "batches",
        "chat",
        "chatkit",
        "completions",
        "containers",
        "conversations",
        "embeddings",
        "evals",
        "files",
        "fine_tuning",
        "images",
        "live",
        "messages",
        "models",
        "moderations",
        "organization",
        "organizations",
        "projects",
        "realtime",
        "rerank",
        "responses",
        "score",
        "skills",
        "threads",
        "tokenize",
        "uploads",
        "vaults",
        "vector_stores",
        "videos",
        "webhook_endpoints",
    ]
)
"""Words a path may begin with, behind its version."""

_LATER: Final = _FIRST | frozenset(
    [
        "accept",
        "admin_api_keys",
        "alpha",
        "api_keys",
        "artifacts",
        "automations",
        "cancel",
        "certificates",
        "characters",
        "checkpoints",
        "client_secrets",
        "compact",
        "complete",
        "content",
        "costs",
        "count_tokens",
        "edits",
        "environments",
        "events",
        "extensions",
        "file_batches",
        "fork",
        "generations",
        "graders",
        "groups",
        "hangup",
        "input_items",
        "input_tokens",
        "invites",
        "invocations",
        "items",
        "jobs",
        "methods",
        "output_items",
        "parts",
        "pause",
        "permissions",
        "rate_limits",
        "refer",
        "reject",
        "remix",
        "results",
        "resume",
        "roles",
        "run",
        "runs",
        "search",
        "sessions",
        "speech",
        "steps",
        "streams",
        "subagents",
        "submit_tool_outputs",
        "traces",
        "transcription_sessions",
        "transcriptions",
        "translations",
        "turns",
        "usage",
        "users",
        "validate",
        "variations",
        "versions",
        "voices",
    ]
)
"""Words that may follow."""

_MAX_SEGMENTS: Final = 10

# Paths that are their own template, so that nothing a client chose is in here. Saves 6 µs a request.
_plain: Final[set[str]] = set()
_MAX_PLAIN: Final = 1024


def template(path: str) -> str:
    """The route of *path* without ids: `/v1/files/{id}/content`; `/v1/{path}` or `/{path}` where it is none known.

    Shapes: *path* is as sent, less what stands in front of the version; the query is not part of it.
    """
    if path in _plain:
        return path
    route = _template(path)
    if route == path and len(_plain) < _MAX_PLAIN:
        _plain.add(path)
    return route


def _template(path: str) -> str:
    segments = path.split("/")[1:]
    version = ""
    if segments and segments[0] in VERSIONS:
        version = f"/{segments.pop(0)}"
    if segments and segments[-1] == "":
        segments.pop()  # a slash at the end
    if not segments:
        return version or "/"
    if segments[0] not in _FIRST or len(segments) > _MAX_SEGMENTS:
        return f"{version}/{{path}}"
    named = [segment if segment in _LATER else "{id}" for segment in segments]
    return f"{version}/{'/'.join(named)}"
