"""What to paste into a client that speaks to Anthropic, to send it through Lectr instead. Printed by `lectr up`.

Text only. Two forms: the client brings its own Anthropic key (and sends Lectr's beside it), or Lectr holds the key (and the
client sends Lectr's in its place).
"""

from __future__ import annotations

from typing import Final

PYTHON: Final = """\
from anthropic import Anthropic

client = Anthropic(
    base_url="{base_url}",
    {credential},
)
"""
NODE: Final = """\
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({{
  baseURL: "{base_url}",
  {credential},
}});
"""
CURL: Final = """\
curl {base_url}/v1/messages \\
  {credential} \\
  -H "anthropic-version: 2023-06-01" -H "Content-Type: application/json" \\
  -d '{{"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": [{{"role": "user", "content": "Hello"}}]}}'
"""


def quickstart(base_url: str, key: str, *, is_held: bool) -> list[tuple[str, str]]:
    """(title, text) for Python, Node and curl. *is_held*: Lectr holds the provider's key, so the client needs none."""
    if is_held:
        python, node, curl = f'api_key="{key}"', f'apiKey: "{key}"', f'-H "x-api-key: {key}"'
        note = "no other key is needed"
    else:
        python = f'default_headers={{"X-Lectr-Key": "{key}"}}'
        node = f'defaultHeaders: {{ "X-Lectr-Key": "{key}" }}'
        curl = f'-H "X-Lectr-Key: {key}" -H "x-api-key: $ANTHROPIC_API_KEY"'
        note = "ANTHROPIC_API_KEY stays as it is"
    return [
        (f"Anthropic, Python ({note})", PYTHON.format(base_url=base_url, credential=python)),
        (f"Anthropic, Node ({note})", NODE.format(base_url=base_url, credential=node)),
        ("Anthropic, curl", CURL.format(base_url=base_url, credential=curl)),
    ]
