"""The shipped model judges messages, per speaker, and abstains where there are no words."""

from __future__ import annotations

import json

import numpy as np
import pytest

from affectscope.affect import (
    QualityNoted,
    Record,
    Segment,
    SegmentFound,
    SessionBuilder,
    TrackOpened,
    vocabulary,
)
from affectscope.chat import ChatAnalyzer, Message, TextModel, parse_messages
from affectscope.chat.model import LONGEST
from affectscope.samples import sample


@pytest.fixture(scope="module")
def analyzer() -> ChatAnalyzer:
    analyzer = ChatAnalyzer()
    analyzer.load()
    return analyzer


def judged(analyzer: ChatAnalyzer, text: str) -> Segment:
    """Return the segment of a lone text."""
    records = list(analyzer.stream([Message("a", 0.0, text)]))
    assert isinstance(records[-1], SegmentFound)
    return records[-1].segment


class TestJudgement:
    @pytest.mark.parametrize(
        ("text", "label"),
        [
            ("Thank you so much for your help, I really appreciate it!", "gratitude"),
            ("I love you more than anything in the world.", "love"),
            ("What does that mean? Why would they do this?", "curiosity"),
            ("I am so sorry, please forgive me.", "remorse"),
            ("Congratulations, well done, great job!", "admiration"),
        ],
    )
    def test_plain_sentences_get_the_label_that_readers_would_give(
        self, analyzer: ChatAnalyzer, text: str, label: str
    ) -> None:
        affect = judged(analyzer, text).affect

        assert affect is not None
        assert affect.label == label
        assert affect.vocabulary == "goemotions-28"

    def test_valence_follows_the_words(self, analyzer: ChatAnalyzer) -> None:
        good = judged(analyzer, "What a wonderful, beautiful day!").affect
        bad = judged(analyzer, "This is horrible, I hate it.").affect

        assert good is not None
        assert bad is not None
        assert good.valence > 0 > bad.valence
        assert good.dominance is not None

    @pytest.mark.parametrize("text", ["...", "?!", "12345", "---\n***", "\u200b\u200b"])
    def test_no_words_is_a_reason_to_abstain(self, analyzer: ChatAnalyzer, text: str) -> None:
        assert judged(analyzer, text).abstained == "no-words"

    def test_an_empty_message_among_others_abstains(self, analyzer: ChatAnalyzer) -> None:
        assert judged(analyzer, "  ").abstained == "empty"

    def test_a_text_longer_than_the_model_reads_is_flagged(self, analyzer: ChatAnalyzer) -> None:
        assert judged(analyzer, "I am so happy. " * 20).quality == ()
        assert judged(analyzer, "I am so happy. " * 30).quality == ("truncated",)
        assert judged(analyzer, "word " * 13_000).quality == ("truncated",)

    @pytest.mark.parametrize(
        "text",
        ["😀😀😀", "لا أحب هذا", "我很高兴", "a" * 60_000, "\x00\x01", "e\u0301" * 500, "𝕳𝖊𝖑𝖑𝖔"],
    )
    def test_any_unicode_is_answered(self, analyzer: ChatAnalyzer, text: str) -> None:
        segment = judged(analyzer, text)

        assert (segment.affect is None) != (segment.abstained is None)

    def test_several_labels_may_be_present(self, analyzer: ChatAnalyzer) -> None:
        affect = judged(analyzer, "Thank you so much, I love it!").affect

        assert affect is not None
        assert {"gratitude", "love"} <= set(affect.present)
        thresholds = TextModel().thresholds
        assert all(affect.scores[label] >= thresholds[label] for label in affect.present)


class TestConversation:
    def test_each_speaker_has_one_track(self, analyzer: ChatAnalyzer) -> None:
        messages = parse_messages(json.loads(sample("chat").read_text()))

        session = SessionBuilder().extend(analyzer.stream(messages)).build()

        assert len(session.tracks) == len({m.speaker for m in messages}) == 2
        assert sum(len(track.segments) for track in session.tracks) == len(messages)
        assert all(track.model is not None for track in session.tracks)

    def test_a_message_without_time_follows_the_one_before(self, analyzer: ChatAnalyzer) -> None:
        records: list[Record] = list(
            analyzer.stream([Message("a", 5.0, "good"), Message("a", None, "bad")])
        )

        starts = [r.segment.start for r in records if isinstance(r, SegmentFound)]
        assert starts == [5.0, 5.0]

    def test_disorder_is_noted(self, analyzer: ChatAnalyzer) -> None:
        first = next(analyzer.stream([Message("a", 5.0, "good"), Message("a", 1.0, "bad")]))

        assert isinstance(first, QualityNoted)
        assert first.flag == "out-of-order"

    def test_records_come_as_they_are_found(self, analyzer: ChatAnalyzer) -> None:
        stream = analyzer.stream([Message("a", float(i), f"number {i}") for i in range(5000)])

        assert isinstance(next(stream), TrackOpened)
        stream.close()


class TestModel:
    @pytest.mark.parametrize(
        ("text", "count", "truncated"),
        [
            ("", 2, False),
            ("word", 3, False),
            ("word " * (LONGEST - 2), LONGEST, False),
            ("word " * (LONGEST - 1), LONGEST, True),
            ("!" * 60_000, LONGEST, True),
            (" " * 60_000 + "I hate you", 5, False),
        ],
    )
    def test_tokens_are_cut_where_the_model_stops_reading(
        self, text: str, count: int, truncated: bool
    ) -> None:
        (reading,) = TextModel().read([text])

        first, last = 101, 102
        assert (len(reading.ids), reading.truncated) == (count, truncated)
        assert (reading.ids[0], reading.ids[-1]) == (first, last)
        assert last not in reading.ids[:-1]

    def test_the_texts_beside_it_do_not_change_the_scores_of_a_text(self) -> None:
        model = TextModel()
        texts = ["I am happy", "a much longer sentence about nothing in particular, really", "no"]

        together, _ = model.predict(texts)
        alone = np.concatenate([model.predict([text])[0] for text in texts])

        assert together.shape == (3, 28)
        assert np.array_equal(together, alone)

    def test_every_label_has_a_threshold_from_training(self) -> None:
        assert set(TextModel().thresholds) == set(vocabulary("goemotions-28").labels)
