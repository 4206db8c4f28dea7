"""Categories and distributions have their published place on the circumplex."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.affect import VOCABULARIES, circumplex, coordinates, vocabulary
from affectscope.affect.circumplex import RATED_TERM, TERMS
from affectscope.errors import InvalidValue


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_label_has_coordinates_in_range(name: str) -> None:
    places = coordinates(name)

    assert tuple(places) == vocabulary(name).labels
    assert all(-1 <= axis <= 1 for place in places.values() for axis in place)


def test_no_term_is_listed_in_vain() -> None:
    assert {term for term in RATED_TERM.values() if term} == set(TERMS)
    assert set(RATED_TERM) == {label for one in VOCABULARIES.values() for label in one.labels}


def test_the_same_category_has_the_same_place_in_every_vocabulary() -> None:
    assert coordinates("ferplus-8")["anger"] == coordinates("ravdess-8")["angry"] == (-0.51, 0.59)


def test_neutral_is_the_origin_and_so_is_nothing() -> None:
    assert circumplex("core-7", {"neutral": 1.0}) == (0.0, 0.0)
    assert circumplex("core-7", {}) == (0.0, 0.0)


@given(st.lists(st.floats(0, 1), min_size=8, max_size=8))
def test_a_mixture_stays_between_its_parts(scores: list[float]) -> None:
    places = coordinates("ferplus-8")

    valence, arousal = circumplex("ferplus-8", dict(zip(places, scores, strict=True)))

    assert min(v for v, _ in places.values()) - 1e-9 <= valence <= 0.81 + 1e-9
    assert min(a for _, a in places.values()) - 1e-9 <= arousal <= 0.67 + 1e-9


def test_a_foreign_label_is_refused() -> None:
    with pytest.raises(InvalidValue, match="'joy' is not in core-7"):
        circumplex("core-7", {"joy": 1.0})
