"""The shipped model judges messages, per speaker, and abstains where there are no words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from affectscope.affect import (
    ProgressMade,
    QualityNoted,
    Record,
    Segment,
    SegmentFound,
    SessionBuilder,
    TrackOpened,
)
from affectscope.chat import ChatAnalyzer, Message, TextModel, explain, parse_messages
from affectscope.chat.analyzer import LEAST_CONFIDENCE, SMALL
from affectscope.chat.conversation import LEAST_EXCHANGES, LEAST_JUDGED
from affectscope.chat.model import LONGEST
from affectscope.errors import Unavailable
from affectscope.samples import sample


@pytest.fixture(scope="module")
def analyzer() -> ChatAnalyzer:
    analyzer = ChatAnalyzer()
    analyzer.load()
    return analyzer


@pytest.fixture(scope="module")
def threaded() -> Iterator[ChatAnalyzer]:
    analyzer = ChatAnalyzer(threads=2)
    yield analyzer
    analyzer.close()


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
            ("How does this work? I would like to know more.", "curiosity"),
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


class TestHonesty:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("Ich freue mich so sehr auf heute Abend mit euch allen!", "language-de"),
            ("Je suis tellement content de te voir demain soir", "language-fr"),
            ("我今天很高兴见到你", "language-zh"),
            ("Сегодня был ужасный день, я очень устал", "language-ru"),
        ],
    )
    def test_what_is_not_english_is_named_and_not_judged(
        self, analyzer: ChatAnalyzer, text: str, language: str
    ) -> None:
        segment = judged(analyzer, text)

        assert (segment.affect, segment.abstained) == (None, "not-english")
        assert segment.quality == (language,)

    @pytest.mark.parametrize(
        ("plain", "negated"),
        [
            ("I am happy with this", "I am not happy with this"),
            ("I like him", "I don't like him"),
            ("This is good", "This is not good at all"),
        ],
    )
    def test_negation_turns_valence(self, analyzer: ChatAnalyzer, plain: str, negated: str) -> None:
        one, other = judged(analyzer, plain).affect, judged(analyzer, negated).affect

        assert one is not None
        assert other is None or other.valence < one.valence - 0.1

    @pytest.mark.parametrize(
        "text", ["Thanks for nothing.", "Great, my flight is cancelled again", "Oh wonderful."]
    )
    def test_praise_that_may_be_ironic_is_never_taken_for_pleasure(
        self, analyzer: ChatAnalyzer, text: str
    ) -> None:
        segment = judged(analyzer, text)

        assert segment.abstained in {"irony-possible", "low-confidence"} or (
            segment.affect is not None and segment.affect.valence <= 0
        )

    @pytest.mark.parametrize("text", ["k", "ok", "no", "yes", "lol", "hm", "same", "u?", "😭"])
    def test_very_short_messages_are_answered_or_abstained_on_with_a_reason(
        self, analyzer: ChatAnalyzer, text: str
    ) -> None:
        segment = judged(analyzer, text)

        assert (segment.affect is None) != (segment.abstained is None)
        assert segment.abstained in {None, "low-confidence", "no-words", "irony-possible"}

    def test_emoji_that_the_model_does_not_know_are_no_evidence(
        self, analyzer: ChatAnalyzer
    ) -> None:
        assert judged(analyzer, "🦩🦩🦩").abstained == "no-words"
        assert "symbols-unread" in judged(analyzer, "I love this 🦩").quality


class TestContext:
    def test_valence_so_far_is_the_speakers_own_and_fades(self, analyzer: ChatAnalyzer) -> None:
        good, bad = "I love this so much!", "I hate this, it is horrible."
        session = (
            SessionBuilder()
            .extend(
                analyzer.stream(
                    [
                        Message("a", 0.0, good),
                        Message("b", 1.0, bad),
                        *(Message("a", 2.0 + i, bad) for i in range(8)),
                    ]
                )
            )
            .build()
        )

        first, other = (
            [segment.measures["valence_so_far"] for segment in track.segments]
            for track in session.tracks
        )
        assert first[0] > 0 > first[-1]
        assert other[0] < 0
        assert first == sorted(first, reverse=True)

    def test_the_language_of_the_conversation_decides_short_messages(
        self, analyzer: ChatAnalyzer
    ) -> None:
        german = "Das ist ja wirklich eine ganz tolle Nachricht, danke dir!"
        messages = [Message("a", None, text) for text in (german, german, "super")]
        last = [one for one in analyzer.stream(messages) if isinstance(one, SegmentFound)][-1]

        assert last.segment.abstained == "not-english"

    def test_a_conversation_ends_with_its_summary_and_a_lone_text_has_none(
        self, analyzer: ChatAnalyzer
    ) -> None:
        messages = parse_messages(json.loads(sample("chat").read_text()))

        session = SessionBuilder().extend(analyzer.stream(messages)).build()
        lone = SessionBuilder().extend(analyzer.stream([Message("a", 0.0, "I am glad")])).build()

        (summary,) = session.conversations
        assert summary.messages == len(messages)
        assert {one.speaker for one in summary.speakers} == {one.speaker for one in messages}
        assert lone.conversations == ()

    def test_scores_are_of_the_message_alone(self, analyzer: ChatAnalyzer) -> None:
        text = "See you tomorrow, I can't wait!"
        alone = judged(analyzer, text).affect
        records = analyzer.stream([Message("a", None, "I hate you all."), Message("a", None, text)])
        *_, last = (one.segment.affect for one in records if isinstance(one, SegmentFound))

        assert alone is not None
        assert last is not None
        assert last.scores == pytest.approx(alone.scores, abs=1e-4)


class TestExplanation:
    def test_the_word_that_says_it_weighs_most(self, analyzer: ChatAnalyzer) -> None:
        (_, found) = analyzer.stream([Message("a", 0.0, "Thank you for the ride")], explained=True)

        assert isinstance(found, SegmentFound)
        words = {word.text: word.weights["gratitude"] for word in found.segment.explanation}
        assert max(words, key=words.__getitem__) == "Thank"
        assert words["Thank"] > 0.5

    def test_nothing_is_explained_unasked(self, analyzer: ChatAnalyzer) -> None:
        assert judged(analyzer, "Thank you for the ride").explanation == ()

    def test_what_is_not_explained_any_more_is_said(
        self, analyzer: ChatAnalyzer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(explain, "MOST_MESSAGES", 1)
        session = SessionBuilder()
        session.extend(analyzer.stream([Message("a", None, "I love it")] * 3, explained=True))

        (track,) = session.build().tracks
        assert [bool(segment.explanation) for segment in track.segments] == [True, False, False]
        assert [one.code for one in session.warnings] == ["explained-in-part"]


class TestThreads:
    def test_the_answer_is_that_of_one_thread(
        self, analyzer: ChatAnalyzer, threaded: ChatAnalyzer
    ) -> None:
        messages = parse_messages(json.loads(sample("chat").read_text())) * 6

        one, other = (
            [r.segment for r in found.stream(messages) if isinstance(r, SegmentFound)]
            for found in (analyzer, threaded)
        )

        assert [s.abstained for s in one] == [s.abstained for s in other]
        for left, right in zip(one, other, strict=True):
            if left.affect is not None and right.affect is not None:
                assert left.affect.scores == pytest.approx(right.affect.scores, abs=1e-4)

    def test_progress_is_told_where_the_number_is_known(self, threaded: ChatAnalyzer) -> None:
        messages = iter([Message("a", None, "ok")] * 400)

        found = [r for r in threaded.stream(messages, total=400) if isinstance(r, ProgressMade)]

        assert [(r.done, r.total) for r in found] == [(32, 400), (288, 400), (400, 400)]

    def test_an_endless_conversation_is_read_as_it_comes(self, threaded: ChatAnalyzer) -> None:
        read = 0

        def endless() -> Iterator[Message]:
            nonlocal read
            while True:
                read += 1
                yield Message("a", None, "ok")

        stream = threaded.stream(endless())
        list(islice(stream, 1000))
        stream.close()

        assert read < 2000

    def test_after_its_end_it_says_so(self) -> None:
        analyzer = ChatAnalyzer(threads=1)
        analyzer.close()

        with pytest.raises(Unavailable):
            list(analyzer.stream([Message("a", 0.0, "I am glad")]))


class TestDocumentation:
    """The page on chats gives the numbers that the code has."""

    PAGE = (Path(__file__).parents[2] / "docs" / "chat.md").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        "said",
        [
            f"below {LEAST_JUDGED} judged messages",
            f"below {LEAST_EXCHANGES} exchanges",
            f"first {explain.MOST_MESSAGES} messages",
            f"{explain.MOST_WORDS} words of each",
            f"within {explain.MOST_SECONDS:g} seconds",
            f"{LONGEST} tokens",
            f"more than {SMALL}\nmessages",
            f"a probability of {LEAST_CONFIDENCE}",
        ],
    )
    def test_limits(self, said: str) -> None:
        assert said.lower() in self.PAGE.lower()

    @pytest.mark.parametrize(
        "reason", ["empty", "no-words", "not-english", "low-confidence", "irony-possible"]
    )
    def test_every_reason_to_abstain(self, reason: str) -> None:
        assert f"`{reason}`" in self.PAGE
