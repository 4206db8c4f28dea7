"""What a load test may be asked to do, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from affectscope.errors import InvalidValue, MissingField, RequestError
from affectscope.gateway.load.documents import EXAMPLES, plan_schema
from affectscope.gateway.load.plan import MODES, PARAMETERS, parse_plan

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5000), st.floats(allow_nan=False), st.text(max_size=4)
)
NAMES = sorted({name for mode in MODES for name in PARAMETERS[mode]} | {"test_type", "arrivals"})


class TestDefaults:
    def test_the_contract_needs_no_mode(self) -> None:
        plan = parse_plan({"test_type": "chat", "iterations": 7})

        assert plan.document() == {"mode": "closed", "test_type": "chat", "iterations": 7}

    def test_everything_may_be_left_out_but_the_rate(self) -> None:
        assert parse_plan({}).document() == {"mode": "closed", "test_type": "all", "iterations": 5}
        assert parse_plan({"mode": "ramp", "end_rate": 5})["start_rate"] == 0
        with pytest.raises(MissingField, match=r"rate is missing; valid: a number from 0.01"):
            parse_plan({"mode": "constant"})

    def test_a_search_has_an_objective(self) -> None:
        plan = parse_plan({"mode": "search", "objective": {"seconds": 2}})

        assert plan.objective == {"percentile": 99, "seconds": 2, "error_ratio": 0.01}

    @pytest.mark.parametrize("body", EXAMPLES.values(), ids=EXAMPLES)
    def test_a_plan_reads_back_as_itself(self, body: dict[str, Any]) -> None:
        plan = parse_plan(body)

        assert parse_plan(plan.document()) == plan


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"mode": "open"}, "mode is 'open'; valid: closed, constant, ramp, soak, search"),
            ({"mode": None}, "mode is None"),
            ({"iterations": 0}, "1 to 1000"),
            ({"iterations": 2.5}, "iterations is 2.5; valid: a whole number"),
            ({"iterations": True}, "True"),
            ({"iterations": None}, "iterations is None"),
            ({"test_type": ["all"]}, "all, video, speech, chat, survey"),
            ({"rate": 3}, "unknown field 'rate' of mode closed"),
            ({"mode": "constant", "rate": 0}, "rate is 0; valid: a number from 0.01 to 10000"),
            ({"mode": "constant", "rate": 1, "duration": 4000}, "1 to 3600"),
            ({"mode": "constant", "rate": 1, "arrivals": "random"}, "constant, poisson"),
            ({"mode": "constant", "rate": 1, "max_concurrency": 0}, "1 to 1000"),
            ({"mode": "soak", "rate": 1, "duration": 1}, "4 to 86400"),
            ({"mode": "search", "start_rate": 9, "max_rate": 3}, "start_rate is 9; valid: up to"),
            ({"mode": "search", "objective": 3}, "an object with percentile"),
            ({"mode": "search", "objective": {"p99": 1}}, "unknown field 'p99' of objective"),
            (
                {"mode": "search", "objective": {"percentile": 100}},
                "objective.percentile is 100; valid: a number from 50 to 99.99",
            ),
        ],
    )
    def test_the_value_and_what_is_valid_are_named(self, body: dict[str, Any], named: str) -> None:
        with pytest.raises(InvalidValue) as refused:
            parse_plan(body)

        assert named in refused.value.detail
        assert "valid: " in refused.value.detail

    @settings(deadline=None)
    @given(st.sampled_from(MODES), st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4))
    def test_the_schema_says_the_same(self, mode: str, body: dict[str, Any]) -> None:
        valid = Draft202012Validator(plan_schema()).is_valid({"mode": mode, **body})
        try:
            parse_plan({"mode": mode, **body})
            read = True
        except RequestError:
            read = False

        # That one rate is below another is more than the schema can say.
        assert read == valid or "start_rate" in body or "max_rate" in body
