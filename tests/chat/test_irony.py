"""Phrases that are mostly meant the other way round are known; plain praise is not doubted."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.chat.irony import may_be_ironic


@pytest.mark.parametrize(
    "text",
    [
        "Thanks for nothing.",
        "thank you for nothing!!",
        "Great, my flight is cancelled again",
        "Oh great.",
        "Wonderful! The printer is broken, another day wasted",
        "just what I needed",
        "Yeah, right",
        "yeah sure, I believe you",
        "Because that worked so well last time",
        "what could possibly go wrong",
        "I love Mondays /s",
        "That’s exactly what we needed…",
        "Fantastic. The train is late.",
    ],
)
def test_known_turns_are_doubted(text: str) -> None:
    assert may_be_ironic(text)


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for everything",
        "Great job, everybody!",
        "What a wonderful, beautiful day!",
        "This is great",
        "I am right here",
        "You were right, yeah",
        "The show was not cancelled, great news",
        "I love Mondays",
        "a/s/l",
        "",
        "Perfect, see you at nine",
    ],
)
def test_plain_words_are_not(text: str) -> None:
    assert not may_be_ironic(text)


@given(st.text(max_size=2000))
def test_any_text_is_answered(text: str) -> None:
    assert may_be_ironic(text) in (True, False)


@pytest.mark.parametrize("text", ["great, " * 9000, "oh " * 20_000, "because that a a a " * 4000])
def test_none_takes_long(text: str) -> None:
    began = time.process_time()
    may_be_ironic(text)

    assert time.process_time() - began < 0.5
