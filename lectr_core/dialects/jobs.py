"""Work that is done later, and told by the object that stands for it: runs of threads, runs of evaluations, videos.

The request that starts it is open. Whoever looks at it after its end, or hears its last event, is told what it used; since
that can be told again and again, it is counted once, under the object's id. Called through `dialects/provider.py`.
"""

from __future__ import annotations

from typing import Final

import attrs
import msgspec

from lectr_core.dialects.completions import completion_usage
from lectr_core.dialects.fetched import not_again
from lectr_core.dialects.findings import ABSENT, Findings, raw_chars, raw_tree, raw_word
from lectr_core.dialects.reading import EventReader, WholeReader
from lectr_core.dialects.usage import count
from lectr_core.model import units
from lectr_core.model.reading import Reading, Share, Terms, Usage
from lectr_core.wire.body import BAD_INPUT

_WORKING: Final = frozenset({"queued", "in_progress", "requires_action", "cancelling"})
_BILLED_TOOLS: Final = frozenset({"code_interpreter", "file_search"})
_TOOLS: Final = "calls of tools and containers that code ran in"
_MAX_SECONDS: Final = 24 * 3600


class _Job(msgspec.Struct, gc=False):
    # Raw, so that a wrong type in one field does not lose the others.
    id: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT
    status: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    tools: msgspec.Raw = ABSENT
    last_error: msgspec.Raw = ABSENT
    per_model_usage: msgspec.Raw = ABSENT
    seconds: msgspec.Raw = ABSENT


class _Tool(msgspec.Struct, gc=False):
    type: str | None = None


class _Text(msgspec.Struct, gc=False):
    value: msgspec.Raw = ABSENT


class _Part(msgspec.Struct, gc=False):
    text: _Text | None = None


class _Delta(msgspec.Struct, gc=False):
    content: list[_Part] | None = None


class _Message(msgspec.Struct, gc=False):
    delta: _Delta | None = None


class _Of(msgspec.Struct, gc=False):
    """What one model took of an evaluation."""

    model_name: str | None = None
    invocation_count: msgspec.Raw = ABSENT
    prompt_tokens: msgspec.Raw = ABSENT
    completion_tokens: msgspec.Raw = ABSENT
    cached_tokens: msgspec.Raw = ABSENT
    total_tokens: msgspec.Raw = ABSENT


_job = msgspec.json.Decoder(_Job)
_tools = msgspec.json.Decoder(list[_Tool])
_message = msgspec.json.Decoder(_Message)
_models = msgspec.json.Decoder(list[_Of])
_number = msgspec.json.Decoder(int)
_seconds = msgspec.json.Decoder(int, strict=False)


class _Learnt(Findings):
    """What the latest object of the job has said."""

    def __init__(self) -> None:
        super().__init__()
        self.usage: Usage | None = None

    def note(self, data: bytes) -> None:
        """Learn from the object. Errors: ValueError (msgspec's errors are such)."""
        job = _job.decode(data)
        self.model = raw_word(job.model) or self.model
        self.answer_id = raw_word(job.id) or self.answer_id
        self.finish_reason = raw_word(job.status) or self.finish_reason
        if len(job.last_error) > len(b"null"):
            self.error_category = "in_band"
        self.usage = self.usage_of(job) or self.usage

    def usage_of(self, job: _Job) -> Usage | None:
        """What the object tells of usage."""
        tree = raw_tree(job.usage)
        if not tree:
            return None
        usage = completion_usage(tree)
        return attrs.evolve(usage, terms=Terms(untold=_TOOLS)) if _has_billed_tools(job.tools) else usage

    def conclude(self) -> Reading:
        """All of it, to be counted once. What is still worked on is told later."""
        is_working = self.finish_reason in _WORKING
        reading = self.reading(None if is_working else self.usage)
        if reading.usage is None:
            return attrs.evolve(reading, state="open") if is_working else reading
        terms = attrs.evolve(reading.usage.terms or Terms(), once=self.answer_id)
        return attrs.evolve(reading, usage=attrs.evolve(reading.usage, terms=terms))


def _has_billed_tools(raw: msgspec.Raw) -> bool:
    if len(raw) <= 2:
        return False
    try:
        return any(tool.type in _BILLED_TOOLS for tool in _tools.decode(raw))
    except BAD_INPUT:
        return True  # tools of a shape unknown today


class RunReader(WholeReader):
    """A run of a thread: begun, cancelled, or gone on with."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        learnt = self.learnt()
        learnt.note(body)
        return learnt.conclude()

    def learnt(self) -> _Learnt:
        """What it learns with."""
        return _Learnt()


class FetchedRunReader(RunReader):
    """A run that is looked at: counted when it has come to its end."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        return not_again(super().read(body))


class RunEventReader(EventReader):
    """A run's events. Those of the run itself hold it, and the last of them its usage."""

    def __init__(self) -> None:
        super().__init__()
        self._learnt = _Learnt()

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        if data == b"[DONE]":
            self.ended = True
        elif name == b"error":
            self._learnt.error_category = "in_band"
        elif name == b"thread.message.delta":
            delta = _message.decode(data).delta
            texts = [part.text for part in (delta.content or ())] if delta is not None else []
            if chars := sum(raw_chars(text.value) for text in texts if text is not None):
                self.saw_output(chars)
        elif name.startswith(b"thread.run.") and not name.startswith(b"thread.run.step."):
            self._learnt.note(data)

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`."""
        return self._learnt.conclude()


class _OfModels(_Learnt):
    def usage_of(self, job: _Job) -> Usage | None:
        """A share for each model: what graded is another one than what was graded."""
        try:
            told = _models.decode(job.per_model_usage) if len(job.per_model_usage) > 2 else []
        except BAD_INPUT:
            return None
        shares, checks = [], []
        for one in told:
            calls, prompt, completion, cached, total = map(
                _count,
                (one.invocation_count, one.prompt_tokens, one.completion_tokens, one.cached_tokens, one.total_tokens),
            )
            tree = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
            usage = completion_usage({**tree, "prompt_tokens_details": {"cached_tokens": cached}})
            checks.append(usage.adds_up is not False)
            mean = max(1, (prompt or 0) // max(1, calls or 1))
            if usage.units:
                shares.append(Share(one.model_name, usage.units, longest_prompt=mean))
        self.model = None  # what was evaluated has no name of its own
        return Usage({}, {"models": len(told)}, all(checks), Terms(tuple(shares))) if shares else None


def _count(raw: msgspec.Raw) -> int | None:
    try:
        return count(_number.decode(raw)) if raw else None
    except BAD_INPUT:
        return None


class EvaluationReader(FetchedRunReader):
    """A run of an evaluation that is looked at."""

    def learnt(self) -> _Learnt:
        """See `RunReader`."""
        return _OfModels()


class _Drawn(_Learnt):
    def usage_of(self, job: _Job) -> Usage | None:
        """Seconds of the video, once it is there: a failed one is not billed."""
        if raw_word(job.status) != "completed" or not 0 < len(job.seconds) <= 16:
            return None
        try:
            seconds = _seconds.decode(job.seconds)
        except BAD_INPUT:
            return None
        counts = {units.VIDEO_SECONDS: seconds}
        return Usage(counts, dict(counts)) if 0 < seconds <= _MAX_SECONDS else None


class VideoReader(RunReader):
    """A video that is asked for."""

    def learnt(self) -> _Learnt:
        """See `RunReader`."""
        return _Drawn()


class FetchedVideoReader(FetchedRunReader):
    """A video that is looked at."""

    def learnt(self) -> _Learnt:
        """See `RunReader`."""
        return _Drawn()
