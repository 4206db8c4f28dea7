"""Words are weighed by what their absence changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from affectscope.chat.explain import MOST_WORDS, top_labels, weigh

VOCABULARY = ("joy", "anger")


def counting(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return a logit for each label: how often its words are there."""
    return np.array(
        [[one.count("glad") - one.count("not"), one.count("hate")] for one in texts], np.float32
    )


def test_a_weight_is_what_the_word_adds() -> None:
    words = weigh("I am not glad, I hate it", ["joy", "anger"], VOCABULARY, counting)

    found = {word.text: word.weights for word in words}
    assert found["glad"] == {"joy": 1.0, "anger": 0.0}
    assert found["not"] == {"joy": -1.0, "anger": 0.0}
    assert found["hate"] == {"joy": 0.0, "anger": 1.0}
    assert found["it"] == {"joy": 0.0, "anger": 0.0}


def test_only_what_was_asked_for_is_explained() -> None:
    (word,) = weigh("hate", ["anger"], VOCABULARY, counting)

    assert word.weights == {"anger": 1.0}


def test_emoji_and_marks_count_as_words() -> None:
    words = weigh("so glad 😂 !!", ["joy"], VOCABULARY, counting)

    assert [word.text for word in words] == ["so", "glad", "😂", "!!"]


def test_a_contraction_is_one_word() -> None:
    words = weigh("I don’t, can't well-known", ["joy"], VOCABULARY, counting)

    assert [word.text for word in words] == ["I", "don’t", ",", "can't", "well-known"]


@given(st.text(max_size=600))
def test_places_are_those_of_the_words(text: str) -> None:
    words = weigh(text, ["joy"], VOCABULARY, counting)

    assert all(text[word.start : word.end] == word.text for word in words)
    assert len(words) <= MOST_WORDS


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        ([], ["b"]),
        (["a"], ["a"]),
        (["a", "b", "c", "d"], ["b", "d", "c"]),
    ],
)
def test_present_labels_are_explained_or_else_the_top_one(
    present: list[str], chosen: list[str]
) -> None:
    assert top_labels({"a": 0.1, "b": 0.9, "c": 0.2, "d": 0.3}, present) == chosen
