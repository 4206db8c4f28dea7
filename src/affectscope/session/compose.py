"""``analyze``: every modality of one occasion, in this process, without any server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import partial
from pathlib import Path

from affectscope.affect import Purpose, Record, Session, SessionBuilder, check_purpose
from affectscope.chat import ChatAnalyzer, Message
from affectscope.media import SEQUENCE_RATE
from affectscope.session.combine import combine
from affectscope.session.inputs import Chat, Inputs, Survey, gather
from affectscope.speech import Channels, SpeechAnalyzer
from affectscope.survey import SurveyAnalyzer
from affectscope.video import VideoAnalyzer

Listener = Callable[[Record], None]


def analyze(
    *paths: str | Path,
    chat: Chat | None = None,
    survey: Survey | None = None,
    purpose: str = "unspecified",
    justification: str | None = None,
    fps: float = 5.0,
    sequence_rate: float = SEQUENCE_RATE,
    channels: Channels = "auto",
    on_record: Listener | None = None,
) -> Session:
    """Analyse everything of one occasion.

    A video's sound is analysed as a voice; what was said is judged as text. The inputs run side by
    side, one thread each.

    Args:
        paths: Media of any kind, folders and ``.zip`` archives of numbered images, chats and
            questionnaires as ``.json``, text as ``.txt``.
        chat: A chat as text, a path, or the object of the HTTP interface.
        survey: A filled questionnaire as a path or the object of the HTTP interface.
        purpose: Why; ``workplace`` and ``education`` refuse face and voice.
        justification: Recorded; needed for ``medical`` and ``safety``.
        fps: Video frames analysed a second, in (0, 60].
        sequence_rate: Images a second of numbered images, in (0, 1000].
        channels: Whether two channels of sound with different voices are two speakers (``auto``),
            all channels are mixed (``mix``), or each of at most 8 is a speaker (``split``).
        on_record: Called with each record as it is found, from the threads that find them.

    Returns:
        One session on one clock, with a fused track per subject.

    Raises:
        affectscope.errors.RequestError: The input or the purpose cannot be served; the error names
            the bad value and what would be right.

    Example:
        >>> from affectscope import analyze
        >>> session = analyze(survey={"instrument": "who-5", "answers": [5, 4, 4, 3, 4]})
        >>> session.surveys[0].score
        80.0
    """
    inputs = gather(paths, chat, survey)
    checked: Purpose = check_purpose(purpose, justification, inputs.modalities)
    jobs = list(_jobs(inputs, fps, sequence_rate, channels))
    over = threading.Event()

    def run(job: Callable[[], Iterator[Record]]) -> Session:
        builder = SessionBuilder(limit=_NO_LIMIT)
        for record in job():
            if over.is_set():
                break
            builder.add(record)
            if on_record is not None:
                on_record(record)
        return builder.build()

    with ThreadPoolExecutor(max_workers=len(jobs), thread_name_prefix="analyze") as pool:
        futures = [pool.submit(copy_context().run, run, job) for job in jobs]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            over.set()  # where one part failed or Ctrl-C came, nobody waits for the others
        sessions = [future.result() for future in futures]
    return combine(sessions, purpose=checked, justification=justification)


_NO_LIMIT = 2**63
"""In one's own process the only bound of an answer is memory."""


def _jobs(
    inputs: Inputs, fps: float, sequence_rate: float, channels: Channels
) -> Iterator[Callable[[], Iterator[Record]]]:
    for path in inputs.faces:
        yield partial(VideoAnalyzer().stream, path, fps, sequence_rate)
    for path in inputs.voices:
        yield partial(_voice_and_words, path, channels)
    for messages in inputs.chats:
        yield partial(ChatAnalyzer().stream, messages)
    for filled in inputs.surveys:
        yield partial(SurveyAnalyzer().stream, **vars(filled))


def _voice_and_words(path: Path, channels: Channels) -> Iterator[Record]:
    """Yield the records of a voice, then those of what it said, judged as text."""
    said: list[Message] = []
    for record in SpeechAnalyzer().stream(path, channels=channels):
        yield record
        if record.type == "utterance":
            line = record.utterance
            said.append(Message(speaker=line.subject, time=line.start, text=line.text))
    if said:
        yield from ChatAnalyzer().stream(said)
