"""Readers of image answers: whole ones, and streams whose last event carries the usage. No image is kept or decoded."""

from __future__ import annotations

import attrs
import msgspec

from lectr_core import (
    ABSENT,
    EventReader,
    Findings,
    Reading,
    Tree,
    Usage,
    WholeReader,
    adds_up,
    apportion,
    branch,
    count,
    raw_tree,
    raw_word,
    units,
)


@attrs.define
class _Answer:
    usage: msgspec.Raw = ABSENT
    svg_usage: msgspec.Raw = ABSENT
    type: msgspec.Raw = ABSENT


_answer = msgspec.json.Decoder(_Answer)


def image_usage(tree: Tree) -> Usage:
    """Usage of an image: text and images in, images out, and text where the provider tells it apart.

    Shapes: `svg_usage`, which is billed at another model's price, stays in the raw tree and in no unit.
    """
    asked, given, total = (count(tree.get(name)) for name in ("input_tokens", "output_tokens", "total_tokens"))
    details = branch(tree, "input_tokens_details")
    parts = [
        (units.INPUT_IMAGE, count(details.get("image_tokens"))),
        (units.CACHE_READ, count(details.get("cached_tokens"))),
    ]
    read, read_fits = apportion(asked or 0, parts, units.INPUT)
    text = count(branch(tree, "output_tokens_details").get("text_tokens"))
    written, written_fits = apportion(given or 0, [(units.OUTPUT, text)], units.OUTPUT_IMAGE)
    return Usage(read | written, tree, adds_up(asked, given, total, fits=read_fits and written_fits))


def _tree(answer: _Answer) -> Tree:
    tree, svg = raw_tree(answer.usage), raw_tree(answer.svg_usage)
    return {**tree, "svg_usage": svg} if svg else tree


class ImagesReader(WholeReader):
    """A whole answer. Models that are billed by the image report no usage."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        tree = _tree(_answer.decode(body))
        return Findings().reading(image_usage(tree) if tree else None)


class ImagesEventReader(EventReader):
    """An image that comes in ever better versions; usage stands in the event of the last one."""

    def __init__(self) -> None:
        super().__init__()
        self._findings = Findings()
        self._tree: Tree = {}

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        if data == b"[DONE]":
            self.ended = True
            return
        answer = _answer.decode(data)
        kind = raw_word(answer.type) or ""
        if kind.endswith(".completed"):
            self._tree = _tree(answer)
            self.first_token_seen = True
        elif kind.endswith(".partial_image"):
            self.first_token_seen = True
        elif kind == "error":
            self._findings.error_category = "in_band"

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`."""
        return self._findings.reading(image_usage(self._tree) if self._tree else None)
