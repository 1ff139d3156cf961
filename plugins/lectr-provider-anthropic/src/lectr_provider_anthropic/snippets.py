"""What to paste into a client that speaks to Anthropic, to send it through Lectr instead. Printed by `lectr up`.

Text only. Two forms: the client brings its own Anthropic key (and sends Lectr's beside it), or Lectr holds the key (and the
client sends Lectr's in its place).
"""

from __future__ import annotations

import json
from typing import Final

FEATURE: Final = "my-feature"
"""For the client to put its own in: what costs are told apart by."""
PYTHON: Final = """\
from anthropic import Anthropic

client = Anthropic(
    base_url="{base_url}",
    {credential}default_headers={headers},
)
"""
NODE: Final = """\
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({{
  baseURL: "{base_url}",
  {credential}defaultHeaders: {headers},
}});
"""
CURL: Final = """\
curl {base_url}/v1/messages \\
  {credential} -H "X-Lectr-Feature: {feature}" \\
  -H "anthropic-version: 2023-06-01" -H "Content-Type: application/json" \\
  -d '{{"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": [{{"role": "user", "content": "Hello"}}]}}'
"""


def quickstart(base_url: str, key: str, *, is_held: bool) -> list[tuple[str, str]]:
    """(title, text) for Python, Node and curl. *is_held*: Lectr holds the provider's key, so the client needs none."""
    headers = {"X-Lectr-Feature": FEATURE}
    if is_held:
        python, node, curl = f'api_key="{key}",\n    ', f'apiKey: "{key}",\n  ', f'-H "x-api-key: {key}"'
        note = "no other key is needed"
    else:
        headers = {"X-Lectr-Key": key, **headers}
        python, node, curl = "", "", f'-H "X-Lectr-Key: {key}" -H "x-api-key: $ANTHROPIC_API_KEY"'
        note = "ANTHROPIC_API_KEY stays as it is"
    known = {"base_url": base_url, "headers": json.dumps(headers), "feature": FEATURE}
    return [
        (f"Anthropic, Python ({note})", PYTHON.format(credential=python, **known)),
        (f"Anthropic, Node ({note})", NODE.format(credential=node, **known)),
        ("Anthropic, curl", CURL.format(credential=curl, **known)),
    ]
