"""Real text through real tokenizers: passages that lie on this machine, cut into the tokens of three vocabularies.

The vocabularies come with the wheel of another gateway, which `tests/bench` installs into a cache of its own; the
tokenizing is done by that installation's Python. Nothing is fetched for it. Called by `__main__.py`.
"""

from __future__ import annotations

import gettext
import json
import random
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from tests.bench.peers import cache

VOCABULARIES: Final = ("o200k_base", "cl100k_base", "anthropic")
PASSAGE_CHARS: Final = 2_400

_TOKENIZE: Final = """
import json, os, sys
folder = os.path.join(os.path.dirname(__import__("litellm").__file__), "litellm_core_utils", "tokenizers")
os.environ["TIKTOKEN_CACHE_DIR"] = folder
import tiktoken
from tokenizers import Tokenizer
def pieces(vocabulary):
    if vocabulary == "anthropic":
        made = Tokenizer.from_file(os.path.join(folder, "anthropic_tokenizer.json"))
        for text in texts:
            ends = [0] + [end for _, end in made.encode(text, add_special_tokens=False).offsets]
            yield [text[a:b] for a, b in zip(ends, ends[1:])]
        return
    made = tiktoken.get_encoding(vocabulary)
    for text in texts:
        found, held, count = [], b"", 0
        for token in made.decode_tokens_bytes(made.encode(text, disallowed_special=())):
            held += token
            try:
                found.append(held.decode())
                held = b""
            except UnicodeDecodeError:
                found.append("")
        yield found
texts = json.load(sys.stdin)
json.dump({name: list(pieces(name)) for name in sys.argv[1:]}, sys.stdout)
"""


@attrs.frozen
class Passage:
    """One piece of text and its tokens, per vocabulary; a token that ends within a character is empty."""

    text: str
    tokens: dict[str, list[str]]


def passages(chance: random.Random, each: int) -> dict[str, list[Passage]]:
    """*each* passages of every kind of text: prose, code, and what programs say in other languages."""
    found = {kind: chance.sample(pool, min(each, len(pool))) for kind, pool in _pools(chance).items()}
    texts = [text for kind in found.values() for text in kind]
    python = cache() / "litellm" / "bin" / "python"
    command = [str(python), "-c", _TOKENIZE, *VOCABULARIES]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    tokens = json.loads(done.stdout)
    numbered = iter(range(len(texts)))
    return {
        kind: [
            Passage(text, {name: tokens[name][at] for name in VOCABULARIES})
            for text, at in zip(pool, numbered, strict=False)
        ]
        for kind, pool in found.items()
    }


def _pools(chance: random.Random) -> dict[str, list[str]]:
    prose = list(_cut(sorted(Path("/usr/share/doc").glob("**/README*"))[:400], chance))
    prose += list(_cut(sorted(Path("docs").glob("**/*.md")), chance))
    code = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    pools = {"prose": prose, "code": list(_cut(chance.sample(code, min(150, len(code))), chance))}
    for language in ("de", "fr", "ja", "zh_CN", "ru"):
        pools[language] = list(_said_in(language))
    return pools


def _cut(paths: list[Path], chance: random.Random) -> Iterator[str]:
    for path in paths:
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        at = 0
        while at + 200 < len(text) and at < 20 * PASSAGE_CHARS:
            length = chance.randint(200, PASSAGE_CHARS)
            yield text[at : at + length]
            at += length


def _said_in(language: str) -> Iterator[str]:
    held = ""
    for path in sorted(Path(f"/usr/share/locale/{language}/LC_MESSAGES").glob("*.mo")):
        try:
            with path.open("rb") as file:
                said = gettext.GNUTranslations(file)
        except (OSError, UnicodeDecodeError, ValueError):
            continue
        for line in vars(said)["_catalog"].values():
            held += line + " "
            if len(held) > PASSAGE_CHARS // 2:
                yield held
                held = ""
