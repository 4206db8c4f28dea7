"""Everything of one occasion: each part analysed by its service, side by side, then put together."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from affectscope.affect import SEGMENT_LIMIT, Modality, Notice, Purpose, Session
from affectscope.errors import AffectscopeError, AnswerTooLarge, RequestError
from affectscope.gateway.backends import CHAT, SPEECH, SURVEY, VIDEO, Backend
from affectscope.gateway.parts import Answer, Asker, Document, Medium
from affectscope.media import probe
from affectscope.service import Form, Upload
from affectscope.session import combine
from affectscope.telemetry import current_timings, stage

T = TypeVar("T")
InPool = Callable[[Callable[[], T]], Awaitable[T]]

FILES = ("video_file", "audio_file")
DOCUMENTS = ("chat", "survey")
_MOST_FUNCTIONS = 100


@dataclass(frozen=True)
class Part:
    """What became of one part.

    Attributes:
        name: `video`, `speech`, `chat`, `survey`, or `words`: what was said, judged as text.
        modality: Which modality it gives.
        seconds: How long it took, as the gateway saw it.
        outcome: The answer, or why there is none.
    """

    name: str
    modality: Modality
    seconds: float
    outcome: Answer | AffectscopeError


def modalities(form: Form) -> tuple[Modality, ...]:
    """Return what a form asks to be analysed, as far as its fields tell."""
    asked: tuple[tuple[str, Modality], ...] = (
        ("video_file", "face"),
        ("audio_file", "voice"),
        ("chat", "text"),
        ("survey", "survey"),
    )
    given = (*form.files, *form.texts)
    return tuple(modality for name, modality in asked if name in given)


class Occasion:
    """One request for a mix of modalities.

    Args:
        asker: Asks the services.
        in_pool: Runs a function in a worker thread.
        form: What was sent.
        purpose: Declared purpose, already checked.
        justification: Recorded with the session.
    """

    def __init__(
        self,
        asker: Asker,
        in_pool: InPool[Any],
        form: Form,
        *,
        purpose: Purpose,
        justification: str | None,
    ) -> None:
        self._asker = asker
        self._in_pool = in_pool
        self._form = form
        self._purpose = purpose
        self._justification = justification
        self._parts: list[Part] = []

    async def analyse(self) -> bytes:
        """Analyse every part and put the answers together.

        A part that fails gives a warning, and the rest is answered.

        Returns:
            The JSON document of the interface.

        Raises:
            AffectscopeError: Every part failed: the problem of the first.
            AnswerTooLarge: More segments than one document holds.
        """
        begin = time.perf_counter()
        files, texts = self._form.files, self._form.texts
        jobs = []
        if "video_file" in files:
            jobs.append(self._ask("video", VIDEO, _medium("video_file", files["video_file"])))
        if "audio_file" in files:
            jobs.append(self._voice(files["audio_file"]))
        elif "video_file" in files:
            jobs.append(self._sound(files["video_file"]))
        if "chat" in texts:
            jobs.append(self._ask("chat", CHAT, Document(texts["chat"].encode())))
        if "survey" in texts:
            jobs.append(self._ask("survey", SURVEY, Document(texts["survey"].encode())))
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
        document: bytes = await self._in_pool(lambda: self._put_together(begin))
        return document

    async def _ask(self, name: str, backend: Backend, body: Document | Medium) -> Session | None:
        """Have one part analysed and note what became of it."""
        begin = time.perf_counter()
        outcome: Answer | AffectscopeError
        try:
            outcome = await self._asker.ask(backend, body)
        except AffectscopeError as error:
            outcome = error
        seconds = time.perf_counter() - begin
        self._parts.append(Part(name, backend.modality, seconds, outcome))
        return outcome.session if isinstance(outcome, Answer) else None

    async def _sound(self, video: Upload) -> None:
        """Analyse the sound of a video, where it has any."""
        try:
            info = await self._in_pool(lambda: probe(video.path))
        except RequestError:
            return  # The video service says what is wrong with it.
        except AffectscopeError as error:
            self._parts.append(Part("speech", SPEECH.modality, 0.0, error))
            return
        if info.audio is not None:
            await self._voice(video)

    async def _voice(self, sound: Upload) -> None:
        """Analyse a voice, then what it said."""
        session = await self._ask("speech", SPEECH, _medium("audio_file", sound))
        said = [line for line in session.transcript if line.text.strip()] if session else []
        if said:
            messages = [
                {"speaker": line.subject, "time": line.start, "text": line.text} for line in said
            ]
            document = json.dumps({"messages": messages}).encode()
            await self._ask("words", CHAT, Document(document))

    def _put_together(self, begin: float) -> bytes:
        """Merge, fuse and serialise; runs in a worker thread."""
        answers = {
            part.name: part.outcome for part in self._parts if isinstance(part.outcome, Answer)
        }
        failed = [part for part in self._parts if isinstance(part.outcome, AffectscopeError)]
        if not answers:
            raise _first(failed)
        with stage("fuse"):
            session = combine(
                [answer.session for answer in answers.values()],
                purpose=self._purpose,
                justification=self._justification,
            )
        count = sum(len(track.segments) for track in session.tracks)
        if count > SEGMENT_LIMIT:
            raise AnswerTooLarge(
                f"the answer would have {count} segments; at most {SEGMENT_LIMIT} fit into one "
                "document: ask the services one by one with 'Accept: application/x-ndjson'",
                limit=SEGMENT_LIMIT,
            )
        warnings = [one for answer in answers.values() for one in answer.warnings]
        warnings += [_notice(part) for part in failed]
        timings = current_timings()
        total = time.perf_counter() - begin
        parts = {
            part.name: {
                **(part.outcome.timing if isinstance(part.outcome, Answer) else {}),
                "total": part.seconds,
            }
            for part in self._parts
        }
        stages = dict(timings.seconds) if timings is not None else {}
        rest: dict[str, object] = {
            "timing": {**stages, "total": total, "parts": parts},
            "warnings": [one.model_dump() for one in warnings],
        }
        if any(answer.profile is not None for answer in answers.values()):
            rest["profile"] = _profile(answers, total)
        tail = json.dumps(rest, ensure_ascii=False)
        return f'{{"session":{session.model_dump_json()},{tail[1:]}'.encode()


def _medium(field: str, upload: Upload) -> Medium:
    return Medium(field, upload.path, upload.size, upload.filename or "upload")


def _first(failed: list[Part]) -> AffectscopeError:
    """Return the problem to answer where nothing succeeded, naming its part."""
    part = failed[0]
    assert isinstance(part.outcome, AffectscopeError)
    part.outcome.extra["part"] = part.name
    return part.outcome


def _notice(part: Part) -> Notice:
    error = part.outcome
    assert isinstance(error, AffectscopeError)
    return Notice(
        code=error.slug,
        message=f"{part.name} is missing from this answer: {error.detail}",
        modality=part.modality,
    )


def _profile(answers: Mapping[str, Answer], seconds: float) -> dict[str, object]:
    """Return the profiles of all parts, and the most expensive functions of all together."""
    profiles = {name: one.profile for name, one in answers.items() if one.profile is not None}
    functions: list[dict[str, Any]] = [
        {**function, "part": name}
        for name, profile in profiles.items()
        for function in profile.get("functions", ())
    ]
    functions.sort(key=lambda function: -float(function["cumulative_seconds"]))
    return {
        "wall_seconds": seconds,
        "functions": functions[:_MOST_FUNCTIONS],
        "parts": profiles,
    }
