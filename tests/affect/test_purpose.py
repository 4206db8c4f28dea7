"""The declared purpose decides what may be analysed."""

import pytest

from affectscope.affect import PURPOSES, check_purpose
from affectscope.errors import InvalidValue, MissingField, PurposeRefused

ALL_MODALITIES = ("face", "voice", "text", "survey")


@pytest.mark.parametrize("purpose", ["unspecified", "research", "support"])
def test_ordinary_purposes_allow_everything(purpose: str) -> None:
    assert check_purpose(purpose, None, ALL_MODALITIES) == purpose


@pytest.mark.parametrize("purpose", ["workplace", "education"])
def test_work_and_education_refuse_face_and_voice_with_the_reason(purpose: str) -> None:
    with pytest.raises(PurposeRefused, match=r"face and voice.*Article 5\(1\)\(f\)") as caught:
        check_purpose(purpose, None, ALL_MODALITIES)

    assert caught.value.extra["modalities"] == ["face", "voice"]
    assert check_purpose(purpose, None, ("text", "survey")) == purpose


@pytest.mark.parametrize("purpose", ["medical", "safety"])
@pytest.mark.parametrize("justification", [None, "", "  "])
def test_medical_and_safety_need_a_justification(purpose: str, justification: str | None) -> None:
    with pytest.raises(MissingField, match="justification"):
        check_purpose(purpose, justification, ("face",))

    assert check_purpose(purpose, "depression follow-up, consent on file", ("face",)) == purpose


def test_an_unknown_purpose_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(InvalidValue) as caught:
        check_purpose("surveillance", None, ("face",))

    assert all(purpose in caught.value.detail for purpose in PURPOSES)
