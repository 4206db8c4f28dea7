"""Maps between vocabularies are total, explicit and conserve mass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.affect import VOCABULARIES, map_to_core, to_core, vocabulary
from affectscope.errors import InvalidValue


@pytest.mark.parametrize("name", VOCABULARIES)
def test_each_label_has_exactly_one_place_in_core(name: str) -> None:
    pairs = map_to_core(name).pairs

    assert set(pairs) == set(vocabulary(name).labels)
    assert set(pairs.values()) == set(vocabulary("core-7").labels)


@given(st.lists(st.floats(0, 1), min_size=28, max_size=28))
def test_shares_sum_to_one_or_all_are_zero(scores: list[float]) -> None:
    labels = vocabulary("goemotions-28").labels

    shares = to_core("goemotions-28", dict(zip(labels, scores, strict=True)))

    total = sum(shares.values())
    assert total == pytest.approx(1.0) if sum(scores) > 0 else total == 0.0


def test_mass_follows_the_map() -> None:
    assert to_core("ravdess-8", {"calm": 0.25, "neutral": 0.25, "angry": 0.5}) == {
        "neutral": 0.5,
        "happiness": 0.0,
        "surprise": 0.0,
        "sadness": 0.0,
        "anger": 0.5,
        "disgust": 0.0,
        "fear": 0.0,
    }


def test_a_foreign_label_is_refused() -> None:
    with pytest.raises(InvalidValue, match="'calm' is not in ferplus-8"):
        to_core("ferplus-8", {"calm": 1.0})
