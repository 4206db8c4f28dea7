"""In which language a message is written, and when that cannot be told."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENGLISH = "en"
LANGUAGES = tuple(
    "af ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl gu ha he hi hr hu hy id is it"  # noqa: SIM905 - 82 quoted codes would be a page
    " ja ka kk km kn ko ku ky lo lt lv mk ml mn mr ms my ne nl nn no pa pl ps pt ro ru si sk sl so sq"
    " sr sv sw ta te tg th tl tr uk ur uz vi yo zh zu".split()
)
"""ISO 639 codes that are told apart.

Left out are languages that few chats are in and that short English is taken for, Nigerian Pidgin
before all; text in one of them counts as the nearest of these.
"""

_READ = 1000
"""Characters of a message that are looked at."""

_MARGIN = {1: 5.0, 2: 3.5, 3: 2.0, 4: 1.5}
_LEAST_MARGIN = 1.0
"""Natural logarithm of how much likelier a language must be than that of the conversation, by the
number of different words.

Chosen so that hardly any message of the dev split of GoEmotions is taken for another language.
"""

_ENGLISH_SHARE = 0.5
"""Share of the margin that English needs where the conversation is not English.

The identifier takes foreign words for English ones less often than the other way round.
"""

_PRESUMED = 5.0
"""Weight of English before any message, as that of five certain characters.

One short message that is hardly told does not turn a conversation, and one plain sentence does.
"""

_WINDOW = 5
"""Words in a row that may be in another language than the rest of a message."""

_MIXED = 3.0
"""Lead over English, as a natural logarithm, of words in a row that are in another language."""

_ENGLISH_WINDOW = 0.8
"""Probability of English of words in a row that count as English beside others."""

_UNMIXED = 0.98
"""Probability of one language for a whole message from which it is not searched for another."""

_NEUTRAL = re.compile(
    r"\b(?:(?:a*h*a*(?:ha){2,}h?|(?:he){2,}h?|(?:hi){2,}|(?:ja){2,}|(?:je){2,}|k{2,})|lo+l|lmf?ao+|rofl|omg|wtf"
    r"|brb|xd+|ok|okay|oh+|ah+|aww*|wow|hm+|mm+|ugh|yay|hey|btw|tbh|imo|idk|asdf\w*)\b",
    re.IGNORECASE,
)
"""What chats in many languages share."""

_NOT_WORDS = re.compile(
    r"https?://\S+|www\.\S+|[\w.+-]{1,64}@[\w.-]{1,64}|[@#][\w.-]+|\[[A-Z]+\]|\b[ru]/\w+|:[a-z0-9_+-]+:|<[^<>]*>"
)
_LONG_DRAWN = re.compile(r"([^\W\d_])\1{2,}")
_BREAKS = re.compile(r"[^\w'’\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff]+|[\d_]+")
_RUN = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True, slots=True)
class Language:
    """The language of a message.

    Attributes:
        code: ISO 639 code, one of `LANGUAGES`; None where nothing tells.
        confidence: Probability that the identifier gives to `code`, [0, 1]; 0 where it saw no word.
        decided: Whether this message alone tells.
        reason: Why it does not: ``no-words`` (emoji, numbers, marks), ``too-short``, ``uncertain``.
        mixed: Whether a part of it is English and another part is not.
    """

    code: str | None
    confidence: float
    decided: bool
    reason: str | None = None
    mixed: bool = False

    @property
    def english(self) -> bool:
        """Whether it counts as English."""
        return self.code == ENGLISH


def load() -> None:
    """Load the identifier now instead of on first use."""
    _identifier()


def identify(text: str, expected: str = ENGLISH) -> Language:
    """Tell the language of one text.

    Args:
        text: Any text; links, mentions, emoji and laughter do not count.
        expected: Language that it is presumed to be in. Another one needs evidence, the more the
            shorter the text is.

    Returns:
        The language, or None as its code and the reason.
    """
    shown = unicodedata.normalize("NFKC", text[:_READ])
    words = _words(shown)
    if not words:
        # What chats share is no evidence, and still something that a person said.
        said = any(character.isalpha() for character in _NOT_WORDS.sub(" ", shown))
        return Language(None, 0.0, decided=False, reason="too-short" if said else "no-words")
    joined = " ".join(words)
    shares = _shares(joined)
    best = max(shares, key=shares.__getitem__)
    if _foreign_script(joined):
        # A script that English does not use tells by itself; lone letters are drawings.
        best = max((code for code in shares if code != ENGLISH), key=shares.__getitem__)
        if not _RUN.search(joined):
            return Language(None, 0.0, decided=False, reason="no-words")
        return Language(best, shares[best], decided=True)
    mixed = shares[best] < _UNMIXED and _is_mixed(words)
    # A word that is said again tells no more: "no no no" is in many languages.
    different = len({word.lower() for word in words})
    if best == expected:
        decided = len(words) > 2
    else:
        lead = _lead(shares, best, expected)
        decided = lead >= _needed(different, best) and not _only_names(words, best, expected)
    if decided:
        return Language(best, shares[best], decided=True, mixed=mixed)
    reason = "too-short" if different < 3 else "uncertain"
    return Language(None, shares[best], decided=False, reason=reason, mixed=mixed)


class ConversationLanguages:
    """The languages of the messages of one conversation, in their order.

    What a message alone does not tell is taken to be in the language of those before it, of which
    the last ones weigh most; before any has told, English.
    """

    def __init__(self) -> None:
        self._weights = {ENGLISH: _PRESUMED}

    @property
    def code(self) -> str:
        """The language of the conversation so far."""
        return max(self._weights, key=self._weights.__getitem__)

    def judge(self, text: str) -> Language:
        """Return the language of the next message; its code is never None."""
        found = identify(text, self.code)
        if not found.decided:
            return replace(found, code=self.code)
        assert found.code is not None
        for code in self._weights:
            self._weights[code] *= 0.8
        # Short messages tell less than long ones, and a long one not more than a few.
        weight = min(len(text), 100) * found.confidence
        self._weights[found.code] = self._weights.get(found.code, 0.0) + weight
        return found


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    whole = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    whole.set_languages(LANGUAGES)
    # A new one, for the whole one keeps the table of all languages beside that of these.
    return LanguageIdentifier(
        whole.nb_ptc,
        whole.nb_pc,
        whole.nb_classes,
        whole.tk_nextmove,
        whole.tk_output,
        norm_probs=True,
        tk_row=whole.tk_row,
    )


def _shares(text: str) -> dict[str, float]:
    return dict(_identifier().rank(text))


def _words(shown: str) -> list[str]:
    plain = _NEUTRAL.sub(" ", _LONG_DRAWN.sub(r"\1", _NOT_WORDS.sub(" ", shown)))
    return [word for word in _BREAKS.sub(" ", plain).split() if word.strip("'’")]


def _foreign_script(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    latin = sum(character < "\u0250" or "\u1e00" <= character < "\u1f00" for character in letters)
    return latin * 2 < len(letters)


def _lead(shares: Mapping[str, float], one: str, other: str) -> float:
    return math.log(shares[one] + 1e-9) - math.log(shares.get(other, 0.0) + 1e-9)


def _needed(words: int, code: str) -> float:
    margin = _MARGIN.get(words, _LEAST_MARGIN)
    return margin * _ENGLISH_SHARE if code == ENGLISH else margin


def _only_names(words: list[str], best: str, expected: str) -> bool:
    """Tell whether nothing but capitalised words speaks for another language."""
    if any(word.isupper() and len(word) > 1 for word in words):
        return False
    rest = [word for word in words if not word[:1].isupper()]
    if not rest:
        return len(words) > 1
    if len(rest) == len(words):
        return False
    shares = _shares(" ".join(rest))
    return _lead(shares, best, expected) <= 0


def _is_mixed(words: list[str]) -> bool:
    """Tell whether some words in a row are English and others are clearly not."""
    if len(words) < 2 * _WINDOW:
        return False
    english = foreign = False
    for start in range(0, len(words) - _WINDOW + 1, _WINDOW):
        shares = _shares(" ".join(words[start : start + _WINDOW]))
        best = max(shares, key=shares.__getitem__)
        if best == ENGLISH:
            english = english or shares[best] > _ENGLISH_WINDOW
        else:
            foreign = foreign or _lead(shares, best, ENGLISH) >= _MIXED
    return english and foreign
