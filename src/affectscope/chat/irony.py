"""Turns of phrase that are mostly meant the other way round.

The model takes words literally: "thanks for nothing" is gratitude to it. Nothing here finds irony
in general, which needs more than one message; it only keeps a literal reading of well-known
phrases from being answered as if it were sure.
"""

from __future__ import annotations

import re

_PRAISE = (
    r"(?:great|wonderful|fantastic|brilliant|perfect|lovely|nice|amazing|awesome|fabulous|super)"
)
_MISHAP = (
    r"(?:cancel+ed|broken?|broke|lost|late|fail(?:ed|s)?|crash(?:ed|es)?|delay(?:ed)?|dead|died|"
    r"stuck|ruined|leak(?:ing|ed)?|closed|sold out|down|another|yet again|once again|again)"
)
_PHRASES = re.compile(
    "|".join(
        (
            r"(?:^|\s)/s\s*$",
            r"\bthanks? (?:you )?(?:for nothing|a (?:lot|bunch) for (?:nothing|ruining))\b",
            r"\byeah,? (?:right|sure)\b",
            r"\b(?:just|exactly) what (?:i|we) (?:needed|wanted)\b",
            r"\bbecause that (?:\w+ ){0,2}(?:worked|went) (?:out )?so well\b",
            r"\b(?:works|worked|went) (?:out )?so well (?:last|the last) time\b",
            r"\bwhat could (?:possibly )?go wrong\b",
            r"\bbig surprise\b",
            r"\b(?:as if|how original|cry me a river|tell me something new)\W*$",
            rf"^\W*(?:oh,? |well,? |wow,? |just )?{_PRAISE}\s*[,.!…]+.*\b{_MISHAP}\b",
            rf"^\W*(?:oh|well),? {_PRAISE}\W*$",
        )
    ),
    re.IGNORECASE | re.DOTALL,
)
_READ = 500


def may_be_ironic(text: str) -> bool:
    """Tell whether a text holds a phrase that is mostly meant the other way round.

    Args:
        text: Any; only its first 500 characters are looked at.
    """
    return _PHRASES.search(text[:_READ].replace("’", "'")) is not None
