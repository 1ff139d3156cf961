"""The dialect of images: whole answers, and streams whose last event carries the usage. No image is kept or decoded.

Models that are billed by the image report no usage: then the images are counted. Called through `dialects/provider.py`.
"""

from __future__ import annotations

import attrs
import msgspec

from lectr_core.dialects.findings import ABSENT, Findings, adds_up, raw_tree, raw_word
from lectr_core.dialects.reading import EventReader, WholeReader
from lectr_core.dialects.usage import apportion, branch, count
from lectr_core.model import units
from lectr_core.model.reading import Reading, Share, Terms, Tree, Usage


class _Answer(msgspec.Struct, gc=False):
    usage: msgspec.Raw = ABSENT
    svg_usage: msgspec.Raw = ABSENT
    type: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT
    data: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


_answer = msgspec.json.Decoder(_Answer)
_images = msgspec.json.Decoder(list[msgspec.Raw])


def image_usage(tree: Tree) -> Usage:
    """Usage of an image: text and images in, images out, and text where the provider tells it apart.

    Shapes: cached tokens, where they are told, are part of the input, by medium. `svg_usage`, which stands beside the usage,
        is looked for in the tree under its own name: it is a share of another model.
    """
    asked, given, total = (count(tree.get(name)) for name in ("input_tokens", "output_tokens", "total_tokens"))
    details = branch(tree, "input_tokens_details")
    cached, by_medium = _cached(tree, details)
    images = count(details.get("image_tokens")) or 0
    cached_images = min(by_medium, images, cached)
    parts = [
        (units.INPUT_IMAGE, images - cached_images),
        (units.CACHE_READ_IMAGE, cached_images),
        (units.CACHE_READ, cached - cached_images),
    ]
    read, read_fits = apportion(asked or 0, parts, units.INPUT)
    text = count(branch(tree, "output_tokens_details").get("text_tokens"))
    written, written_fits = apportion(given or 0, [(units.OUTPUT, text)], units.OUTPUT_IMAGE)
    usage = Usage(read | written, tree, adds_up(asked, given, total, fits=read_fits and written_fits))
    svg = branch(tree, "svg_usage")
    return attrs.evolve(usage, terms=Terms((svg_share(svg),))) if svg else usage


def _cached(tree: Tree, details: Tree) -> tuple[int, int]:
    """Cached tokens in all, and how many of them were images."""
    by_medium = branch(tree, "cached_tokens_details")
    cached = count(tree.get("cached_tokens"))
    if cached is None:
        cached = count(details.get("cached_tokens"))
    return cached or 0, count(by_medium.get("cached_image_tokens")) or 0


def svg_share(svg: Tree) -> Share:
    """What the model took that wrote an image as text: a share of its own."""
    asked, given, thought, total = (
        count(svg.get(f"{name}_tokens")) or 0 for name in ("input", "output", "reasoning", "total")
    )
    if total == asked + given + thought:
        given += thought  # told beside the output, not within it
    written, _ = apportion(given, [(units.REASONING, thought)], units.OUTPUT)
    model = svg.get("model")
    return Share(model if isinstance(model, str) else None, ({units.INPUT: asked} if asked else {}) | written)


def _tree(answer: _Answer) -> Tree:
    tree, svg = raw_tree(answer.usage), raw_tree(answer.svg_usage)
    return {**tree, "svg_usage": svg} if svg else tree


def counted_images(data: msgspec.Raw) -> Usage | None:
    """A list of images, for models that are billed by the image; None where there is none."""
    try:
        number = len(_images.decode(data)) if len(data) > 2 else 0
    except ValueError:
        return None
    return Usage({units.IMAGES: number}, {units.IMAGES: number}) if number else None


class ImagesReader(WholeReader):
    """A whole answer."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        answer = _answer.decode(body)
        tree = _tree(answer)
        findings = Findings()
        findings.model = raw_word(answer.model)
        if len(answer.error) > len(b"null"):
            findings.error_category = "in_band"
        usage = self.usage_of(tree) if tree else None
        if usage is None or not usage.units:
            counted = counted_images(answer.data)
            if counted is not None and usage is not None:
                counted = attrs.evolve(counted, raw=usage.raw, terms=usage.terms)
            usage = counted or usage
        return findings.reading(usage)

    def usage_of(self, tree: Tree) -> Usage:
        """The usage object in disjoint units. Override it where the provider counts otherwise."""
        return image_usage(tree)


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
        return self._findings.reading(self.usage_of(self._tree) if self._tree else None)

    def usage_of(self, tree: Tree) -> Usage:
        """See `ImagesReader`."""
        return image_usage(tree)
