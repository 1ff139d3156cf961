"""What to paste into a client that speaks to OpenAI, to send it through Lectr instead. Printed by `lectr up`.

Text only. Two forms: the client brings its own OpenAI key (and sends Lectr's beside it), or Lectr holds the key (and the
client sends Lectr's in its place).
"""

from __future__ import annotations

from typing import Final

PYTHON: Final = """\
from openai import OpenAI

client = OpenAI(
    base_url="{base_url}/v1",
    {credential},
)
"""
NODE: Final = """\
import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: "{base_url}/v1",
  {credential},
}});
"""
CURL: Final = """\
curl {base_url}/v1/chat/completions \\
  {credential} \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "gpt-4o-mini", "messages": [{{"role": "user", "content": "Hello"}}]}}'
"""


def quickstart(base_url: str, key: str, *, is_held: bool) -> list[tuple[str, str]]:
    """(title, text) for Python, Node and curl. *is_held*: Lectr holds the provider's key, so the client needs none."""
    if is_held:
        python, node = f'api_key="{key}"', f'apiKey: "{key}"'
        curl = f'-H "Authorization: Bearer {key}"'
        note = "no other key is needed"
    else:
        python = f'default_headers={{"X-Lectr-Key": "{key}"}}'
        node = f'defaultHeaders: {{ "X-Lectr-Key": "{key}" }}'
        curl = f'-H "X-Lectr-Key: {key}" -H "Authorization: Bearer $OPENAI_API_KEY"'
        note = "OPENAI_API_KEY stays as it is"
    return [
        (f"OpenAI, Python ({note})", PYTHON.format(base_url=base_url, credential=python)),
        (f"OpenAI, Node ({note})", NODE.format(base_url=base_url, credential=node)),
        ("OpenAI, curl", CURL.format(base_url=base_url, credential=curl)),
    ]
