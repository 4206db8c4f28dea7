"""Questionnaires scored by their published rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from affectscope.affect import QualityNoted, Record, SurveyResult, SurveyScored
from affectscope.errors import EmptyInput, InvalidValue
from affectscope.survey.instruments import Instrument, instrument

SAFETY_NOTICE = (
    "Item {number} was answered above zero: thoughts of being better off dead or of self-harm. "
    "Please have someone qualified talk with this person soon, whatever the total score. In "
    "immediate danger call the local emergency number or a crisis line."
)


class SurveyAnalyzer:
    """Scores filled questionnaires; needs no model."""

    def stream(
        self,
        name: str,
        answers: Sequence[object],
        *,
        respondent: object = "respondent",
        time: object = None,
    ) -> Iterator[Record]:
        """Yield the scored result.

        Args:
            name: An instrument, such as ``phq-9``.
            answers: One whole number an item, None where the item has no answer.
            respondent: Whose answers these are, 1 to 256 characters.
            time: When they were given, in seconds of the session's clock, or None.

        Raises:
            InvalidValue: Unknown instrument, wrong number of answers, one out of range, or a
                respondent or time that is none.
            EmptyInput: Every answer is missing.
        """
        rule = instrument(name)
        checked = check_answers(rule, answers)
        who, when = _respondent(respondent), _moment(time)
        result = score(rule, checked, respondent=who, time=when)
        if result.score is None:
            yield QualityNoted(
                modality="survey",
                flag="incomplete",
                message=f"{rule.name} is not scored: items {_numbers(result.missing)} have no "
                f"answer and the rule tolerates {rule.most_missing}",
            )
        yield SurveyScored(result=result)


def check_answers(rule: Instrument, answers: Sequence[object]) -> tuple[int | None, ...]:
    """Return the answers, now known to be whole numbers in range, or None.

    Raises:
        InvalidValue: Wrong number of answers, or one that is not a whole number in range.
        EmptyInput: Every answer is missing.
    """
    if len(answers) != len(rule.items):
        raise InvalidValue(
            f"{rule.name} has {len(rule.items)} items, got {len(answers)} answers; "
            "give null for a missing one",
            field="answers",
        )
    checked: list[int | None] = []
    for number, answer in enumerate(answers, 1):
        # True is an int in Python, and 2.0 a slip of whoever wrote it: neither is an answer.
        if answer is not None and (
            type(answer) is not int or not rule.lowest <= answer <= rule.highest
        ):
            raise InvalidValue(
                f"item {number} of {rule.name} is {answer!r:.60}; valid: whole numbers "
                f"{rule.lowest} to {rule.highest}, or null",
                field=f"answers[{number - 1}]",
            )
        checked.append(answer if isinstance(answer, int) else None)
    if all(answer is None for answer in checked):
        raise EmptyInput(f"every answer of {rule.name} is missing", field="answers")
    return tuple(checked)


def score(
    rule: Instrument,
    answers: Sequence[int | None],
    *,
    respondent: str = "respondent",
    time: float | None = None,
) -> SurveyResult:
    """Score checked answers by the instrument's rule.

    Missing items, as many as the rule tolerates, take the mean of the answered ones; the total is
    then rounded half up to a whole number. Beyond, there is no score: a lowered sum would look like
    a better state.
    """
    given = [answer for answer in answers if answer is not None]
    missing = tuple(number for number, answer in enumerate(answers, 1) if answer is None)
    total: float | None = None
    if len(missing) <= rule.most_missing:
        count = len(answers)
        # Whole-number arithmetic: floor(x + 1/2) for x = sum * count / answered.
        total = float((2 * sum(given) * count + len(given)) // (2 * len(given)) * rule.factor)
    band = rule.band(total).name if total is not None else None
    notices: tuple[str, ...] = ()
    if rule.safety_item is not None and (answers[rule.safety_item - 1] or 0) > 0:
        notices = (SAFETY_NOTICE.format(number=rule.safety_item),)
    if total is None:
        meaning = f"Not scored: items {_numbers(missing)} have no answer."
    else:
        highest = rule.score_range[1]
        meaning = (
            f"{total:g} of {highest:g}, {band}. A screening score, not a diagnosis: "
            f"{rule.screening}."
        )
    if rule.safety_item in missing:
        meaning += (
            f" Item {rule.safety_item} has no answer: nothing is known of thoughts of self-harm."
        )
    return SurveyResult(
        instrument=rule.name,
        title=rule.title,
        respondent=respondent,
        time=time,
        answers=tuple(answers),
        missing=missing,
        prorated=bool(missing) and total is not None,
        score=total,
        score_range=rule.score_range,
        band=band,
        interpretation=meaning,
        notices=notices,
        sources=rule.sources,
    )


def _respondent(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 256:
        raise InvalidValue(
            f"respondent is {value!r:.60}; valid: a name of 1 to 256 characters",
            field="respondent",
        )
    # Half of a surrogate pair, as JSON escapes may hold it, is no character.
    return value.encode("utf-8", "replace").decode("utf-8")


def _moment(value: object) -> float | None:
    if value is None:
        return None
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            seconds = float(value)
            if math.isfinite(seconds):
                return seconds
    except OverflowError:  # a whole number beyond all floats
        pass
    raise InvalidValue(f"time is {value!r:.60}; valid: seconds, or null", field="time")


def _numbers(items: Sequence[int]) -> str:
    return ", ".join(map(str, items))
