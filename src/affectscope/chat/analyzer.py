"""Chats: every message judged, one track per speaker, and the conversation as a whole."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import (
    ConversationSummarised,
    ModelRef,
    ProgressMade,
    QualityNoted,
    Record,
    Segment,
    SegmentFound,
    Track,
    TrackOpened,
    WordWeight,
    affect_from,
    vocabulary,
)
from affectscope.chat import explain, language
from affectscope.chat.batching import Batcher, Outputs, Pending, Tokens
from affectscope.chat.conversation import ConversationStatistics
from affectscope.chat.irony import may_be_ironic
from affectscope.chat.messages import Message, out_of_order
from affectscope.chat.model import Reading, TextModel
from affectscope.telemetry import stage

LEAST_CONFIDENCE = 0.2
"""Below this probability of the highest of 28 labels the text is too weak to judge."""

SMALL = 32
"""Messages up to which a request is small; larger ones go behind small ones."""

_BULK_NICENESS = 10
"""How far the network stands back for small requests where it judges something long.

A thread that a small request wakes then takes the core at once, instead of at the end of a run.
"""

_AT_ONCE = 256
"""Messages that are judged together after the first `SMALL`: enough that many are of one length."""

_FADING = 0.8
"""Weight in a speaker's valence so far of a message, relative to that of the next one."""

_LABELS = vocabulary("goemotions-28").labels
_NO_WORD = re.compile(r"^[\W\d_]*$")
_EMOJI = re.compile(r"[\u2600-\u27bf\U0001f300-\U0001faff]|[:;=8][-']?[()DPpO/\\|]")


@dataclass(frozen=True)
class _Seen:
    """A message as it is before the network: what to judge, or why not."""

    message: Message
    reason: str | None
    quality: tuple[str, ...] = ()
    reading: Reading | None = None


class _Here:
    """Texts that are judged in the thread that asks for them, when it asks."""

    def __init__(self, model: TextModel, rows: Sequence[Tokens]) -> None:
        self._model = model
        self._rows = rows

    def result(self) -> Outputs:
        return self._model.logits(self._rows)

    def cancel(self) -> None:
        """Nothing runs that was not asked for."""


_Chunk = tuple[list[_Seen], Pending | _Here]


class _Speaker:
    """The track of a speaker, and the valence of the messages so far."""

    def __init__(self, track: str) -> None:
        self.track = track
        self._total = 0.0
        self._weight = 0.0

    def so_far(self, valence: float, confidence: float) -> float:
        """Take a message; return the mean of all, by confidence, of which early ones fade."""
        self._total = _FADING * self._total + confidence * valence
        self._weight = _FADING * self._weight + confidence
        return self._total / self._weight


class ChatAnalyzer:
    """Judges the text of messages in the language that the model knows, English.

    Constructing one is cheap; the models are loaded on first use or by `load`.

    Args:
        threads: Threads that judge the messages of all callers together; with 0, each caller's own
            thread does.
    """

    def __init__(self, threads: int = 0) -> None:
        self._model = TextModel()
        self._urgent = self._bulk = None
        if threads:
            run, most_tokens = self._model.run, self._model.most_tokens
            self._urgent = Batcher(run, threads, most_tokens)
            self._bulk = Batcher(run, threads, most_tokens, niceness=_BULK_NICENESS)

    def load(self) -> None:
        """Load the models now instead of on first use."""
        language.load()
        self._model.load()

    def close(self) -> None:
        """End the threads; whoever waits for them is told that the service stops."""
        for batcher in (self._urgent, self._bulk):
            if batcher is not None:
                batcher.close()

    def stream(
        self, messages: Iterable[Message], *, explained: bool = False, total: int | None = None
    ) -> Iterator[Record]:
        """Yield a track per speaker, a segment per message in the order given, and a summary.

        A message is an instant where nobody knows how long it took. Where it has no time, its time
        is that of the last one that has. A text longer than the model reads is judged by its
        beginning and flagged `truncated`. The conversation is the context of a message in two ways:
        its language is presumed, and `valence_so_far` of its measures is the mean of the speaker's
        valence up to it, weighted by confidence and fading by a fifth with each message. Scores are
        of the message alone, for so the model was trained.

        Args:
            messages: The conversation; an iterator may have any length, memory stays flat.
            explained: Whether to weigh the words of the first `explain.MOST_MESSAGES` messages.
            total: Number of messages, where known and progress is wanted.
        """
        with stage("load"):
            card = self._model.model.card
        model = ModelRef(name=card.name, version=card.version, license_class=card.license_class)
        small = isinstance(messages, Sequence) and len(messages) <= SMALL
        disorder = _Disorder()
        if isinstance(messages, Sequence) and (count := out_of_order(messages)):
            yield disorder.note(count)
        speakers: dict[str, _Speaker] = {}
        statistics = ConversationStatistics()
        explanation = _Explanation(self._logits) if explained else None
        moment, done = 0.0, 0
        for seen, work in self._ahead(self._chunks(iter(messages), not small)):
            with stage("infer"):
                logits, places = work.result()
                probabilities = card.probabilities(logits)
            row = 0
            for one in seen:
                message = one.message
                disorder.look(message)
                moment = moment if message.time is None else message.time
                speaker = speakers.get(message.speaker)
                if speaker is None:
                    track = Track(
                        id=f"text-{len(speakers) + 1}",
                        subject=message.speaker,
                        modality="text",
                        vocabulary=card.vocabulary,
                        model=model,
                    )
                    speaker = speakers[message.speaker] = _Speaker(track.id)
                    yield TrackOpened(track=track)
                if one.reading is None:
                    segment = _abstained(one, moment, one.reason or "unknown")
                else:
                    segment = self._segment(
                        one, moment, probabilities[row], places[row], speaker, explanation
                    )
                    row += 1
                statistics.add(message.speaker, segment)
                yield SegmentFound(track=speaker.track, segment=segment)
            done += len(seen)
            if total is not None:
                yield ProgressMade(done=done, total=total)
        if not isinstance(messages, Sequence) and disorder.count:
            yield disorder.note(disorder.count)
        if explanation is not None and explanation.cut:
            yield explanation.note()
        if done > 1:
            with stage("summarise"):
                summary = statistics.summary()
            yield ConversationSummarised(summary=summary)

    def _chunks(self, messages: Iterator[Message], bulk: bool) -> Iterator[_Chunk]:
        """Prepare messages and hand them in; the outputs come when they are asked for."""
        languages = language.ConversationLanguages()
        size = SMALL
        while chunk := list(islice(messages, size)):
            size = _AT_ONCE
            with stage("detect"):
                seen = [_look(message, languages) for message in chunk]
            with stage("infer"):
                texts = [one.message.text for one in seen if one.reason is None]
                readings = iter(self._model.read(texts))
                seen = [one if one.reason else _with(one, next(readings)) for one in seen]
                rows = [one.reading.ids for one in seen if one.reading is not None]
                work = self._work(rows, bulk)
            yield seen, work

    def _work(self, rows: Sequence[Tokens], bulk: bool) -> Pending | _Here:
        batcher = self._bulk if bulk else self._urgent
        return _Here(self._model, rows) if batcher is None else batcher.submit(rows)

    def _ahead(self, chunks: Iterator[_Chunk]) -> Iterator[_Chunk]:
        """Hand in the next messages before the last ones are answered, so that no core waits."""
        if self._urgent is None:
            yield from chunks
            return
        begun: deque[_Chunk] = deque()
        try:
            for chunk in chunks:
                begun.append(chunk)
                if len(begun) > 1:
                    yield begun.popleft()
            while begun:
                yield begun.popleft()
        finally:
            # Where the client has gone, what was begun for it is not needed either.
            for _, work in begun:
                work.cancel()

    def _logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return logits over the temperature [n, 28]; an offset would leave their differences alone."""
        rows = [one.ids for one in self._model.read(texts)]
        logits, _ = self._work(rows, bulk=True).result()
        return (logits / self._model.model.card.calibration.temperature).astype(np.float32)

    def _segment(
        self,
        seen: _Seen,
        moment: float,
        shares: NDArray[np.float32],
        place: NDArray[np.float32],
        speaker: _Speaker,
        explanation: _Explanation | None,
    ) -> Segment:
        if seen.reading is not None and seen.reading.empty:
            return _abstained(seen, moment, "no-words")
        if shares.max() < LEAST_CONFIDENCE:
            return _abstained(seen, moment, "low-confidence")
        valence, arousal, dominance = place.tolist()
        # Only a pleasant reading is in doubt: who writes something bad rarely means something good.
        if valence > 0 and may_be_ironic(seen.message.text):
            return _abstained(seen, moment, "irony-possible")
        thresholds = self._model.thresholds
        affect = affect_from(
            "goemotions-28",
            shares.tolist(),
            valence=valence,
            arousal=arousal,
            dominance=dominance,
            present=[
                label
                for label, share in zip(_LABELS, shares, strict=True)
                if share >= thresholds[label]
            ],
        )
        text = seen.message.text
        words: tuple[WordWeight, ...] = ()
        if explanation is not None:
            labels = explain.top_labels(affect.scores, affect.present)
            words = explanation.words(text, labels)
        return Segment(
            start=moment,
            end=_end(seen.message, moment),
            affect=affect,
            text=text,
            quality=seen.quality,
            measures={"valence_so_far": speaker.so_far(affect.valence, affect.confidence)},
            explanation=words,
        )


class _Explanation:
    """Explains messages within bounds of number and time."""

    def __init__(self, logits: explain.Logits) -> None:
        self._logits = logits
        self._began = time.monotonic()
        self._done = 0
        self.cut = 0

    def words(self, text: str, labels: Sequence[str]) -> tuple[WordWeight, ...]:
        spent = time.monotonic() - self._began
        if self._done >= explain.MOST_MESSAGES or spent > explain.MOST_SECONDS:
            self.cut += 1
            return ()
        self._done += 1
        with stage("explain"):
            return explain.weigh(text, labels, _LABELS, self._logits)

    def note(self) -> QualityNoted:
        return QualityNoted(
            modality="text",
            flag="explained-in-part",
            message=f"{self.cut} messages are not explained; at most {explain.MOST_MESSAGES} in "
            f"a request, and {explain.MOST_SECONDS:g} seconds",
        )


class _Disorder:
    """Counts messages that are earlier than the one before them."""

    def __init__(self) -> None:
        self.count = 0
        self._last: float | None = None

    def look(self, message: Message) -> None:
        if message.time is not None:
            self.count += self._last is not None and message.time < self._last
            self._last = message.time

    @staticmethod
    def note(count: int) -> QualityNoted:
        return QualityNoted(
            modality="text",
            flag="out-of-order",
            message=f"{count} messages are earlier than the one before them",
        )


def _look(message: Message, languages: language.ConversationLanguages) -> _Seen:
    """Find out whether the model can judge a message."""
    text = message.text
    if not text.strip():
        return _Seen(message, "empty")
    if _NO_WORD.match(text) and not _EMOJI.search(text):
        return _Seen(message, "no-words")
    found = languages.judge(text)
    if not found.english:
        return _Seen(message, "not-english", (f"language-{found.code}",))
    return _Seen(message, None, ("mixed-language",) if found.mixed else ())


def _with(seen: _Seen, reading: Reading) -> _Seen:
    flags = [
        flag
        for flag, raised in (
            ("truncated", reading.truncated),
            ("symbols-unread", reading.unknown > 0),
        )
        if raised
    ]
    return _Seen(seen.message, None, (*seen.quality, *flags), reading)


def _end(message: Message, moment: float) -> float:
    return moment if message.end is None else max(moment, message.end)


def _abstained(seen: _Seen, moment: float, reason: str) -> Segment:
    message = seen.message
    return Segment(
        start=moment,
        end=_end(message, moment),
        abstained=reason,
        text=message.text,
        quality=seen.quality,
    )
