"""Records hold what they promise and travel through JSON unchanged."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import affectscope.affect
from affectscope.affect import Affect, Segment, Session, Track, affect_from

SCHEMA = Path(affectscope.affect.__file__).with_name("session.schema.json")


def expression() -> Affect:
    return affect_from("ferplus-8", [0.1, 0.6, 0.1, 0.05, 0.05, 0.05, 0.03, 0.02])


class TestAffect:
    def test_comes_from_a_model_output_with_its_place_and_confidence(self) -> None:
        affect = expression()

        assert affect.label == "happiness"
        assert affect.confidence == 0.6
        assert affect.valence > 0
        assert affect.arousal > 0

    def test_measured_valence_wins_over_the_circumplex(self) -> None:
        affect = affect_from(
            "core-7", [1, 0, 0, 0, 0, 0, 0], valence=-0.5, arousal=1.7, dominance=-3
        )

        assert (affect.valence, affect.arousal, affect.dominance) == (-0.5, 1.0, -1.0)

    def test_a_wrong_number_of_scores_is_a_defect(self) -> None:
        with pytest.raises(ValueError, match="zip"):
            affect_from("ferplus-8", [1.0])

    @pytest.mark.parametrize("bad", [math.nan, math.inf, 1.5, -0.1])
    def test_scores_outside_their_range_are_refused(self, bad: float) -> None:
        with pytest.raises(ValidationError):
            Affect(vocabulary="core-7", scores={"fear": bad}, valence=0, arousal=0, confidence=0.5)


class TestSegment:
    def test_an_instant_is_a_segment(self) -> None:
        assert Segment(start=2.0, end=2.0, affect=expression()).abstained is None

    def test_it_cannot_end_before_it_starts(self) -> None:
        with pytest.raises(ValidationError, match=r"start 2\.0, end 1\.0"):
            Segment(start=2.0, end=1.0, affect=expression())

    def test_it_has_either_an_affect_or_a_reason(self) -> None:
        with pytest.raises(ValidationError, match="either"):
            Segment(start=0.0, end=1.0)
        with pytest.raises(ValidationError, match="either"):
            Segment(start=0.0, end=1.0, affect=expression(), abstained="too-short")

    def test_it_cannot_be_changed(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            Segment(start=0.0, end=1.0, abstained="dark").end = 2.0  # type: ignore[misc]


class TestSession:
    @given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.text())
    def test_survives_json(self, start: float, length: float, label: str) -> None:
        segment = Segment(start=start, end=start + length, affect=expression(), text=label)
        track = Track(id="voice-1", subject="speaker-1", modality="voice", segments=(segment,))
        session = Session(purpose="research", tracks=(track,))

        assert Session.model_validate_json(session.model_dump_json()) == session

    def test_the_published_schema_is_the_one_of_the_code(self) -> None:
        assert json.loads(SCHEMA.read_text()) == Session.model_json_schema()
