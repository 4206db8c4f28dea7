"""Questionnaires as data: items, answers, scoring, bands, and where each rule is published."""

from __future__ import annotations

from dataclasses import dataclass

from affectscope.errors import InvalidValue


@dataclass(frozen=True)
class Band:
    """A range of scores with a name; both ends belong to it."""

    lowest: float
    highest: float
    name: str


@dataclass(frozen=True)
class Instrument:
    """One questionnaire and its published rules.

    Attributes:
        name: Short name, as the interface takes it.
        title: Full name.
        keys: Short names of the items, in their order.
        items: Texts of the items, or empty strings where the text may not be shipped.
        answers: Labels of the answers, from the lowest valid number upwards.
        lowest: The lowest valid answer.
        factor: What the sum of the answers is multiplied by.
        bands: Ranges of the score, from low to high, without gaps.
        most_missing: How many missing items the rule tolerates; their value is the mean of the rest.
        safety_item: Number (from 1) of the item about self-harm, where there is one.
        screening: What a score says, in words for people.
        sources: Publications of the rules.
        license: Terms of the item texts.
    """

    name: str
    title: str
    keys: tuple[str, ...]
    items: tuple[str, ...]
    answers: tuple[str, ...]
    lowest: int
    factor: int
    bands: tuple[Band, ...]
    most_missing: int
    safety_item: int | None
    screening: str
    sources: tuple[str, ...]
    license: str

    @property
    def highest(self) -> int:
        """The highest valid answer."""
        return self.lowest + len(self.answers) - 1

    @property
    def score_range(self) -> tuple[float, float]:
        """The lowest and highest possible score."""
        count = len(self.items) * self.factor
        return float(self.lowest * count), float(self.highest * count)

    def band(self, score: float) -> Band:
        """Return the band of a score."""
        for band in self.bands:
            if score <= band.highest:
                return band
        raise InvalidValue(f"score {score} is outside {self.score_range}")


_TWO_WEEKS = ("not at all", "several days", "more than half the days", "nearly every day")

PHQ_9 = Instrument(
    name="phq-9",
    title="Patient Health Questionnaire, nine items",
    keys=(
        "interest",
        "mood",
        "sleep",
        "energy",
        "appetite",
        "self-worth",
        "concentration",
        "movement",
        "self-harm",
    ),
    items=(
        "Little interest or pleasure in doing things",
        "Feeling down, depressed, or hopeless",
        "Trouble falling or staying asleep, or sleeping too much",
        "Feeling tired or having little energy",
        "Poor appetite or overeating",
        "Feeling bad about yourself, or that you are a failure or have let yourself or your family "
        "down",
        "Trouble concentrating on things, such as reading the newspaper or watching television",
        "Moving or speaking so slowly that other people could have noticed, or the opposite, being "
        "so fidgety or restless that you have been moving around a lot more than usual",
        "Thoughts that you would be better off dead or of hurting yourself in some way",
    ),
    answers=_TWO_WEEKS,
    lowest=0,
    factor=1,
    bands=(
        Band(0, 4, "minimal"),
        Band(5, 9, "mild"),
        Band(10, 14, "moderate"),
        Band(15, 19, "moderately severe"),
        Band(20, 27, "severe"),
    ),
    most_missing=2,
    safety_item=9,
    screening="10 and above is the usual threshold for a closer look at depression",
    sources=(
        "Items and bands: Kroenke, K., Spitzer, R. L. and Williams, J. B. W. (2001). The PHQ-9: "
        "validity of a brief depression severity measure. Journal of General Internal Medicine 16, "
        "606-613.",
        "Missing items: Arrieta, J. et al. (2017). Validity and utility of the PHQ-2 and PHQ-9 for "
        "screening and diagnosis of depression in rural Chiapas, Mexico. Journal of Clinical "
        "Psychology 73, 1076-1090: up to two missing items take the mean of the others; beyond, no "
        "score.",
    ),
    license="free to use, copy and translate",
)

GAD_7 = Instrument(
    name="gad-7",
    title="Generalised Anxiety Disorder scale, seven items",
    keys=("nervous", "control", "worry", "relaxing", "restless", "irritable", "afraid"),
    items=(
        "Feeling nervous, anxious, or on edge",
        "Not being able to stop or control worrying",
        "Worrying too much about different things",
        "Trouble relaxing",
        "Being so restless that it is hard to sit still",
        "Becoming easily annoyed or irritable",
        "Feeling afraid, as if something awful might happen",
    ),
    answers=_TWO_WEEKS,
    lowest=0,
    factor=1,
    bands=(
        Band(0, 4, "minimal"),
        Band(5, 9, "mild"),
        Band(10, 14, "moderate"),
        Band(15, 21, "severe"),
    ),
    most_missing=0,
    safety_item=None,
    screening="10 and above is the usual threshold for a closer look at anxiety",
    sources=(
        "Items and bands: Spitzer, R. L. et al. (2006). A brief measure for assessing generalized "
        "anxiety disorder: the GAD-7. Archives of Internal Medicine 166, 1092-1097.",
        "Missing items: the same publication gives no rule to replace them, so there is no score.",
    ),
    license="free to use, copy and translate",
)

WHO_5 = Instrument(
    name="who-5",
    title="WHO-5 Well-Being Index",
    keys=("mood", "calm", "energy", "sleep", "interest"),
    items=("", "", "", "", ""),
    answers=(
        "at no time",
        "some of the time",
        "less than half of the time",
        "more than half of the time",
        "most of the time",
        "all of the time",
    ),
    lowest=0,
    factor=4,
    bands=(Band(0, 28, "low"), Band(29, 50, "reduced"), Band(51, 100, "good")),
    most_missing=0,
    safety_item=None,
    screening="50 and below is the usual threshold for a closer look at well-being",
    sources=(
        "Scoring and the threshold of 50: Topp, C. W. et al. (2015). The WHO-5 Well-Being Index: a "
        "systematic review of the literature. Psychotherapy and Psychosomatics 84, 167-176: the "
        "sum of the five answers times four; 28 and below suggests a depression screening.",
        "Missing items: the same review computes the score from all five items, so there is no "
        "score without all.",
    ),
    license="item texts are not shipped: they are under CC BY-NC-SA 3.0 IGO",
)

INSTRUMENTS: dict[str, Instrument] = {one.name: one for one in (PHQ_9, GAD_7, WHO_5)}
"""All instruments by name."""


def instrument(name: str) -> Instrument:
    """Return the instrument of that name, in any case.

    Raises:
        InvalidValue: There is none; the error lists those that exist.
    """
    found = INSTRUMENTS.get(name.lower())
    if found is None:
        raise InvalidValue(
            f"unknown instrument {name!r:.60}; valid: {', '.join(INSTRUMENTS)}", field="instrument"
        )
    return found
