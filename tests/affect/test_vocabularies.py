"""Vocabularies are named, fixed and found by name."""

import pytest

from affectscope.affect import VOCABULARIES, vocabulary
from affectscope.errors import InvalidValue


def test_each_name_ends_with_the_number_of_its_labels() -> None:
    for name, one in VOCABULARIES.items():
        assert int(name.rsplit("-", 1)[1]) == len(one.labels) == len(set(one.labels))


def test_orders_are_those_of_the_data_sets() -> None:
    assert vocabulary("ferplus-8").labels[:3] == ("neutral", "happiness", "surprise")
    assert vocabulary("ravdess-8").labels[-1] == "surprised"
    assert vocabulary("goemotions-28").labels[-1] == "neutral"


def test_an_unknown_name_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(InvalidValue, match=r"'ekman'.*core-7, ferplus-8, goemotions-28, ravdess-8"):
        vocabulary("ekman")
