"""The text model reads what it can, and gives each text the scores that are its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.affect import vocabulary
from affectscope.chat import TextModel
from affectscope.chat.batching import MOST_TOKENS
from affectscope.chat.model import LONGEST

MODEL = TextModel()


class TestReading:
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
        (reading,) = MODEL.read([text])

        first, last = 101, 102
        assert (len(reading.ids), reading.truncated) == (count, truncated)
        assert (reading.ids[0], reading.ids[-1]) == (first, last)
        assert last not in reading.ids[:-1]

    @given(st.text(max_size=300))
    @settings(max_examples=60)
    def test_any_text_becomes_tokens(self, text: str) -> None:
        (reading,) = MODEL.read([text])

        assert 2 <= len(reading.ids) <= LONGEST
        assert 0 <= reading.unknown <= len(reading.ids) - 2

    @pytest.mark.parametrize(
        ("text", "empty"), [("🦩🦩", True), ("🦩 !", True), ("so 🦩", False), ("so", False)]
    )
    def test_signs_that_it_does_not_know_are_no_evidence(self, text: str, empty: bool) -> None:
        (reading,) = MODEL.read([text])

        assert reading.empty is empty
        assert (reading.unknown > 0) is ("🦩" in text)


class TestScores:
    TEXTS = (
        "I am happy",
        "I am angry",
        "you did it",
        "a much longer sentence about nothing in particular, really, that goes on and on",
        "no",
        "why though?",
        "What a wonderful, beautiful day this is!",
    )

    def test_the_texts_beside_it_do_not_change_the_scores_of_a_text(self) -> None:
        together, places = MODEL.predict(self.TEXTS)
        alone = [MODEL.predict([text]) for text in self.TEXTS]

        assert together.shape == (len(self.TEXTS), 28)
        assert np.allclose(together, np.concatenate([one for one, _ in alone]), atol=1e-4)
        assert np.allclose(places, np.concatenate([one for _, one in alone]), atol=1e-4)

    def test_nor_does_padding(self) -> None:
        rows = [reading.ids for reading in MODEL.read(self.TEXTS)]

        together, _ = MODEL.run(rows)
        alone = np.concatenate([MODEL.run([row])[0] for row in rows])

        assert np.allclose(together, alone, atol=1e-3)

    def test_weights_without_the_promise_of_independence_run_text_by_text(self) -> None:
        assert MODEL.most_tokens == (MOST_TOKENS if MODEL.batch_independent else 1)

    def test_scores_are_within_their_ranges(self) -> None:
        probabilities, places = MODEL.predict(self.TEXTS)

        assert ((probabilities >= 0) & (probabilities <= 1)).all()
        assert (np.abs(places) <= 1).all()

    def test_every_label_has_a_threshold_from_training(self) -> None:
        assert set(MODEL.thresholds) == set(vocabulary("goemotions-28").labels)
