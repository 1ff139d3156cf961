"""What to paste into a client that speaks to OpenAI, to send it through Lectr instead. Printed by `lectr up`.

Text only. Two forms: the client brings its own OpenAI key (and sends Lectr's beside it), or Lectr holds the key (and the
client sends Lectr's in its place).
"""

from __future__ import annotations

import json
from typing import Final

FEATURE: Final = "my-feature"
"""For the client to put its own in: what costs are told apart by."""
PYTHON: Final = """\
from openai import OpenAI

client = OpenAI(
    base_url="{base_url}/v1",
    {credential}default_headers={headers},
)
"""
NODE: Final = """\
import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: "{base_url}/v1",
  {credential}defaultHeaders: {headers},
}});
"""
CURL: Final = """\
curl {base_url}/v1/chat/completions \\
  {credential} -H "X-Lectr-Feature: {feature}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "gpt-4o-mini", "messages": [{{"role": "user", "content": "Hello"}}]}}'
"""


def quickstart(base_url: str, key: str, *, is_held: bool) -> list[tuple[str, str]]:
    """(title, text) for Python, Node and curl. *is_held*: Lectr holds the provider's key, so the client needs none."""
    headers = {"X-Lectr-Feature": FEATURE}
    if is_held:
        python, node, curl = f'api_key="{key}",\n    ', f'apiKey: "{key}",\n  ', f'-H "Authorization: Bearer {key}"'
        note = "no other key is needed"
    else:
        headers = {"X-Lectr-Key": key, **headers}
        python, node, curl = "", "", f'-H "X-Lectr-Key: {key}" -H "Authorization: Bearer $OPENAI_API_KEY"'
        note = "OPENAI_API_KEY stays as it is"
    known = {"base_url": base_url, "headers": json.dumps(headers), "feature": FEATURE}
    return [
        (f"OpenAI, Python ({note})", PYTHON.format(credential=python, **known)),
        (f"OpenAI, Node ({note})", NODE.format(credential=node, **known)),
        ("OpenAI, curl", CURL.format(credential=curl, **known)),
    ]
