"""Chats: each message judged by itself, one track per speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from affectscope.affect import (
    ModelRef,
    QualityNoted,
    Record,
    Segment,
    SegmentFound,
    Track,
    TrackOpened,
    affect_from,
    vocabulary,
)
from affectscope.chat.messages import Message, out_of_order
from affectscope.chat.model import TextModel
from affectscope.telemetry import stage

LEAST_CONFIDENCE = 0.2
"""Below this probability of the highest of 28 labels the text is too weak to judge."""

_AT_ONCE = 32
"""Messages that are judged before the first of them is yielded."""

_NO_WORD = re.compile(r"^[\W\d_]*$")
_EMOJI = re.compile(r"[\u2600-\u27bf\U0001f300-\U0001faff]|[:;=8][-']?[()DPpO/\\|]")


class ChatAnalyzer:
    """Judges the text of messages in the language that the model knows, English.

    Constructing one is cheap; the model is loaded on first use or by `load`.
    """

    def __init__(self) -> None:
        self._model = TextModel()

    def load(self) -> None:
        """Load the model now instead of on first use."""
        self._model.load()

    def stream(self, messages: Sequence[Message]) -> Iterator[Record]:
        """Yield a track per speaker, and a segment per message in the order given.

        A message is an instant: how long it took to write is not known. Where a message has no
        time, its time is that of the last one that has. A text longer than the model reads is
        judged by its beginning and flagged `truncated`.

        Args:
            messages: The conversation.
        """
        with stage("load"):
            card = self._model.model.card
        model = ModelRef(name=card.name, version=card.version, license_class=card.license_class)
        tracks: dict[str, str] = {}
        moment = 0.0
        if disordered := out_of_order(messages):
            yield QualityNoted(
                modality="text",
                flag="out-of-order",
                message=f"{disordered} messages are earlier than the one before them",
            )
        for start in range(0, len(messages), _AT_ONCE):
            batch = messages[start : start + _AT_ONCE]
            with stage("infer"):
                readings = self._model.read([one.text for one in batch])
                probabilities, places = self._model.judge(readings)
            for message, reading, shares, place in zip(
                batch, readings, probabilities, places, strict=True
            ):
                moment = moment if message.time is None else message.time
                if message.speaker not in tracks:
                    track = Track(
                        id=f"text-{len(tracks) + 1}",
                        subject=message.speaker,
                        modality="text",
                        vocabulary=card.vocabulary,
                        model=model,
                    )
                    tracks[message.speaker] = track.id
                    yield TrackOpened(track=track)
                segment = self._segment(message.text, moment, shares.tolist(), place.tolist())
                if reading.truncated:
                    segment = segment.model_copy(update={"quality": ("truncated",)})
                yield SegmentFound(track=tracks[message.speaker], segment=segment)

    def _segment(
        self, text: str, moment: float, shares: Sequence[float], place: Sequence[float]
    ) -> Segment:
        reason = None
        if not text.strip():
            reason = "empty"
        elif _NO_WORD.match(text) and not _EMOJI.search(text):
            reason = "no-words"
        elif max(shares) < LEAST_CONFIDENCE:
            reason = "low-confidence"
        if reason is not None:
            return Segment(start=moment, end=moment, abstained=reason, text=text)
        valence, arousal, dominance = place
        labels = vocabulary("goemotions-28").labels
        thresholds = self._model.thresholds
        affect = affect_from(
            "goemotions-28",
            shares,
            valence=valence,
            arousal=arousal,
            dominance=dominance,
            present=[
                label
                for label, share in zip(labels, shares, strict=True)
                if share >= thresholds[label]
            ],
        )
        return Segment(start=moment, end=moment, affect=affect, text=text)
