"""The model in an uploaded form is found, however the bytes arrive, and nothing else of the form is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.wire import form as wire_form
from lectr_core.wire.form import FormModel, form_model

TYPE = b"multipart/form-data; boundary=xyz"


def part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"{more}\r\n'
    kind = "Content-Type: application/octet-stream\r\n" if more else ""
    return (head + kind + "\r\n").encode() + value + b"\r\n"


END = b"--xyz--\r\n"
FILE = part("file", b'RIFF\r\n\r\n--xy \r\nname="model"\r\n\r\nnot me' * 99, '; filename="a.wav"')
FORMS: list[tuple[bytes, str | None]] = [
    (part("model", b"whisper-1") + FILE + END, "whisper-1"),
    (FILE + part("model", b"gpt-4o-transcribe") + END, "gpt-4o-transcribe"),
    (part("language", b"en") + part("model", b"m") + FILE + END, "m"),
    (b"--xyz\r\ncontent-disposition: form-data; name=model\r\n\r\nm\r\n" + END, "m"),
    (b'--xyz\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n' + END, "m"),
    (b"a preamble\r\n" + part("model", b"m") + END, "m"),
    (FILE + END, None),
    (part("model_id", b"m") + part("amodel", b"m") + END, None),
    (part("model", b"") + END, None),
    (part("model", b"x" * 300) + END, None),
    (part("model", b"a\nb") + END, None),
    (part("model", b"cut off")[:-2], None),
    (b"", None),
    (b"no form at all" * 99, None),
]


def found(body: bytes, step: int) -> str | None:
    form = form_model(TYPE)
    assert form is not None
    for at in range(0, len(body), step):
        form.feed([body[at : at + step]])
    return form.model


@pytest.mark.parametrize(("body", "model"), FORMS)
@pytest.mark.parametrize("step", [1, 3, 7, 4096, 10**6])
def test_the_model_does_not_depend_on_how_bytes_arrive(body: bytes, model: str | None, step: int) -> None:
    assert found(body, step) == model


@pytest.mark.parametrize(
    ("content_type", "is_form"),
    [
        (TYPE, True),
        (b'Multipart/Form-Data; charset=x; Boundary="a b"', True),
        (b"multipart/form-data", False),
        (b"multipart/mixed; boundary=x", False),
        (b"application/json", False),
        (None, False),
    ],
)
def test_only_a_form_with_a_boundary_is_looked_at(content_type: bytes | None, is_form: bool) -> None:
    assert (form_model(content_type) is not None) is is_form


def test_little_is_held_of_a_large_file() -> None:
    form = FormModel(b"xyz")
    form.feed([part("file", b"", '; filename="a"')[:-2]])
    for _ in range(100):
        form.feed([b"\r\n" * 30_000])
        assert len(form._held) < 200
    form.feed([b"\r\n" + part("model", b"m") + END])
    assert form.model == "m"


def test_a_head_that_does_not_end_is_given_up() -> None:
    form = FormModel(b"xyz")
    form.feed([b"--xyz\r\nContent-Disposition: form-data; " + b"x" * 20_000] + [b"y" * 20_000] * 9)
    assert form.model is None
    assert len(form._held) < 50_000


@pytest.mark.parametrize("at_once", [True, False])
def test_each_head_is_searched_once_however_its_value_comes(at_once: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value in 8,000 chunks of one byte kept the whole process busy for two seconds, in one read."""
    searched = []

    class Counting:
        def search(self, *given: object) -> re.Match[bytes] | None:
            searched.append(given)
            return pattern.search(*given)  # type: ignore[call-overload, no-any-return]  # as it was called

    pattern = wire_form._IS_MODEL
    monkeypatch.setattr(wire_form, "_IS_MODEL", Counting())
    form = FormModel(b"xyz")
    form.feed([b"--xyz\r\nContent-Disposition: form-data; " + b"x" * 8_000 + b'; name="model"\r\n\r\n'])
    pieces = [b"m"] * 200
    for some in [pieces] if at_once else [[piece] for piece in pieces]:
        form.feed(some)
    form.feed([b"\r\n" + END])
    assert form.model == "m" * 200
    assert len(searched) == 1
    assert not form._held


@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_bytes_make_it_raise(body: bytes, step: int) -> None:
    found(b"--xyz" + body + b"\r\n--xyz" + body, step)
