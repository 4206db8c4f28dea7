"""The observatory's own evaluation passes the unit tests that promtool passes, to the letter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from affectscope.observatory.alerts.objectives import rules
from affectscope.observatory.alerts.rules import RuleEvaluator
from affectscope.observatory.alerts.store import SCHEMA, AlertStore
from affectscope.observatory.database import Database
from affectscope.observatory.definitions import load
from affectscope.observatory.promql import Engine
from tests.observatory.alerts.alert_series import BEGIN, SeriesSource, seconds

FOLDER = Path(__file__).parents[1] / "promtool"
RULES = rules(load())
CASES = [
    (document, test)
    for document in (yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml")))
    for test in document["tests"]
]


def evaluated(
    test: dict[str, Any], case: dict[str, Any], pause: float, database: Database
) -> list[dict[str, Any]]:
    """What fires at a time of a test."""
    wanted = [
        replace(rule, every_seconds=pause) for rule in RULES if rule.name == case["alertname"]
    ]
    assert wanted
    engine = Engine(SeriesSource(test["input_series"], test["interval"]))
    end = BEGIN + seconds(case["eval_time"])
    # What lies further back cannot change what fires now.
    steps = int(max(rule.for_seconds for rule in wanted) // pause) + 2
    begin = max(BEGIN, end - steps * pause)
    evaluator = RuleEvaluator(engine, wanted, AlertStore(database), begin)
    while begin <= end:
        evaluator.evaluate(begin)
        begin += pause
    assert [status.error for status in evaluator.statuses()] == [""] * len(wanted)
    return [
        {
            "exp_labels": {k: v for k, v in alert.labels.items() if k != "alertname"},
            "exp_annotations": {"summary": alert.summary, "description": alert.description},
        }
        for alert in evaluator.alerts()
        if alert.state == "firing"
    ]


@pytest.mark.parametrize(("document", "test"), CASES, ids=[test["name"] for _, test in CASES])
def test_it_fires_when_it_must_and_is_silent_when_it_must_be(
    document: dict[str, Any], test: dict[str, Any], tmp_path: Path
) -> None:
    for number, case in enumerate(test["alert_rule_test"]):
        database = Database(tmp_path / f"{number}.db", (SCHEMA,))
        try:
            found = evaluated(test, case, seconds(document["evaluation_interval"]), database)
        finally:
            database.close()

        def order(entry: dict[str, Any]) -> list[tuple[str, str]]:
            return sorted(entry["exp_labels"].items())

        assert sorted(found, key=order) == sorted(case.get("exp_alerts", []), key=order)


def test_every_alert_has_a_case_that_fires() -> None:
    firing = {
        case["alertname"]
        for _, test in CASES
        for case in test["alert_rule_test"]
        if "exp_alerts" in case
    }

    assert firing == {rule.name for rule in RULES}
