"""Every link from a page to another file of the repository leads somewhere, headings included."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import listed, name_of, text_of

PAGES: Final = [path for path in listed() if path.suffix == ".md"]
LINK: Final = re.compile(r"\]\((?!\w+:|//)([^)\s]*)\)")


def anchors_of(path: Path) -> set[str]:
    """What headings can be linked to as, the way GitHub and MyST spell it."""
    headings = re.findall(r"^#+ +(.*)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_pages_links_lead_somewhere(path: Path) -> None:
    plain = re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL)
    broken = []
    for link in LINK.findall(plain):
        target, _, anchor = link.partition("#")
        to = (path.parent / target).resolve() if target else path
        if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors_of(to)):
            broken.append(link)
    assert not broken, broken
