"""A filled questionnaire as people hand it over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from affectscope.errors import InvalidValue, MissingField
from affectscope.survey.instruments import INSTRUMENTS


@dataclass(frozen=True)
class Filled:
    """What `SurveyAnalyzer.stream` takes; it judges the answers, the respondent and the time.

    Attributes:
        name: The instrument.
        answers: One an item.
        respondent: Whose they are.
        time: When they were given.
    """

    name: str
    answers: Sequence[object]
    respondent: object
    time: object


def parse_filled(document: Mapping[str, object]) -> Filled:
    """Read the object of the interface.

    Raises:
        MissingField: No instrument or no answers.
        InvalidValue: A field of the wrong type.
    """
    for field in ("instrument", "answers"):
        if field not in document:
            found = ", ".join(map(str, document)) or "nothing"
            raise MissingField(
                f"the questionnaire lacks {field!r}; found: {found:.100}", field=field
            )
    if not isinstance(document["instrument"], str):
        raise InvalidValue(
            f"instrument is {document['instrument']!r:.60}; valid: {', '.join(INSTRUMENTS)}",
            field="instrument",
        )
    if not isinstance(document["answers"], (list, tuple)):
        raise InvalidValue(
            f"answers is {document['answers']!r:.60}; valid: a list", field="answers"
        )
    return Filled(
        name=document["instrument"],
        answers=document["answers"],
        respondent=document.get("respondent", "respondent"),
        time=document.get("time"),
    )
