"""The language of a message is told where it can be, and never guessed where it cannot."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.chat.language import LANGUAGES, ConversationLanguages, Language, identify, load

SENTENCES: dict[str, list[str]] = tomllib.loads(
    (Path(__file__).parent / "sentences.toml").read_text(encoding="utf-8")
)
ENGLISH = [
    "I can't believe you did that!",
    "so happy for you guys",
    "omg this is the best day ever lol",
    "u ok? haven't heard from u all day",
    "No problem at all, take your time",
    "sooooo tired rn, gonna sleep",
    "Thanks for the help yesterday 🙏🙏",
    "lmao she really said that",
    "I HATE THIS SO MUCH",
    "Not gonna lie, that was a bit mean",
    "@Giuseppe are you coming tonight?",
    "Maria Gonzalez told me about Jürgen and François",
    "what a game https://www.example.de/fussball/spiel",
    "Let's get some croissants and gnocchi for dinner",
    "it's raining cats and dogs out here",
    "he's SUCH a drama queen 😂😂😂",
    "nah bro, you do you",
    "wish me luck, exam in five minutes",
]


def codes(*texts: str) -> list[str | None]:
    conversation = ConversationLanguages()
    return [conversation.judge(text).code for text in texts]


class TestSentences:
    @pytest.mark.parametrize("code", SENTENCES)
    def test_other_languages_are_never_english(self, code: str) -> None:
        found = [identify(text) for text in SENTENCES[code]]

        assert all(one.decided and not one.english for one in found)
        # Neighbours such as Russian and Bulgarian are mistaken for one another.
        assert sum(one.code == code for one in found) * 2 > len(found)

    @pytest.mark.parametrize("text", ENGLISH)
    def test_english_is_not_taken_for_another(self, text: str) -> None:
        assert identify(text).code in ("en", None)
        assert ConversationLanguages().judge(text).english

    def test_most_english_decides_by_itself(self) -> None:
        assert sum(identify(text).decided for text in ENGLISH) >= 0.8 * len(ENGLISH)

    @pytest.mark.parametrize(
        "text", ["mujhe nahi pata yaar", "seni çok özledim", "ana mabsoot awi", "ICH HASSE DAS SO"]
    )
    def test_other_spellings_are_not_english(self, text: str) -> None:
        assert identify(text).code not in ("en", None)

    def test_two_words_suffice_where_they_are_clear(self) -> None:
        assert identify("te quiero").code == "es"
        assert identify("seni seviyorum").code == "tr"

    @pytest.mark.parametrize(("text", "code"), [("你好", "zh"), ("안녕", "ko"), ("ขอบคุณ", "th")])
    def test_a_script_of_its_own_tells_at_once(self, text: str, code: str) -> None:
        assert identify(text).code == code

    def test_letters_of_mathematics_are_letters(self) -> None:
        assert identify("𝕴 𝖑𝖔𝖛𝖊 𝖞𝖔𝖚 𝖘𝖔 𝖒𝖚𝖈𝖍").english


class TestNothingToTell:
    @pytest.mark.parametrize(
        "text",
        ["", "  ", "😂😂", "123", "?!", "¯\\_(ツ)_/¯", "ಠ_ಠ", "https://a.de/ich/bin", ":joy:"],
    )
    def test_no_words(self, text: str) -> None:
        assert identify(text) == Language(None, 0.0, decided=False, reason="no-words")

    @pytest.mark.parametrize(
        "text", ["ok", "lol", "hahaha", "no", "danke", "nice one", "Oh wow", "no no no no"]
    )
    def test_too_short(self, text: str) -> None:
        found = identify(text)

        assert (found.code, found.decided, found.reason) == (None, False, "too-short")

    @pytest.mark.parametrize(
        "text", ["Maria Gonzalez Fernandez", "Giuseppe Rossi called", "Still no contest"]
    )
    def test_uncertain(self, text: str) -> None:
        assert identify(text).reason == "uncertain"


class TestMixed:
    def test_parts_in_two_languages_are_noted(self) -> None:
        text = "I told him yesterday that I can't do it, pero no me quiso escuchar para nada"

        assert identify(text).mixed

    @pytest.mark.parametrize(
        "text",
        [
            "I told him yesterday that I can't do it and he just would not listen to me at all",
            " ".join(SENTENCES["de"][:3]),
            "je suis so done",
        ],
    )
    def test_one_language_is_not_mixed(self, text: str) -> None:
        assert not identify(text).mixed


class TestConversation:
    def test_english_is_presumed_until_something_tells(self) -> None:
        assert codes("ok", "😂", "danke") == ["en", "en", "en"]

    def test_short_messages_follow_the_conversation(self) -> None:
        assert codes(*SENTENCES["de"][:3], "ok", "😂", "no", "hahaha")[-4:] == ["de"] * 4
        assert codes(*ENGLISH[:3], "ok", "😂", "danke")[-3:] == ["en"] * 3

    def test_a_doubtful_message_does_not_turn_a_conversation(self) -> None:
        conversation = ConversationLanguages()

        assert not conversation.judge("No problem comrade").english
        assert conversation.code == "en"

    def test_the_reason_stays_visible(self) -> None:
        found = ConversationLanguages().judge("ok")

        assert (found.code, found.decided, found.reason) == ("en", False, "too-short")

    def test_a_sentence_in_another_language_stands_out(self) -> None:
        assert codes(*ENGLISH[:5], SENTENCES["fr"][0], ENGLISH[6])[-2:] == ["fr", "en"]
        assert codes(*SENTENCES["fr"][:5], "I am so happy for you", SENTENCES["fr"][6])[-2:] == [
            "en",
            "fr",
        ]

    def test_the_language_changes_with_the_conversation(self) -> None:
        conversation = ConversationLanguages()
        for text in (*ENGLISH, *SENTENCES["pl"]):
            conversation.judge(text)

        assert conversation.code == "pl"


class TestAnyText:
    @settings(max_examples=200, deadline=None)
    @given(st.text(max_size=300), st.sampled_from(["en", "de"]))
    def test_it_is_answered(self, text: str, expected: str) -> None:
        found = identify(text, expected)

        assert found.code is None or found.code in LANGUAGES
        assert found.decided == (found.code is not None)
        assert found.decided == (found.reason is None)
        assert 0 <= found.confidence <= 1.0001

    @pytest.mark.parametrize(
        "text",
        ["a" * 60_000, "a@" * 30_000, "<" * 60_000, "ha" * 30_000, "Ein Satz " * 6_000, "\ud800 a"],
    )
    def test_none_takes_long(self, text: str) -> None:
        load()
        began = time.perf_counter()
        identify(text)

        assert time.perf_counter() - began < 0.5
