"""Rules go from inactive over pending to firing and back, also over restarts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest

from affectscope.observatory.alerts.objectives import Rule
from affectscope.observatory.alerts.rules import (
    GRACE_SECONDS,
    RuleEvaluator,
    conditions,
    fingerprint,
)
from affectscope.observatory.alerts.store import Acknowledgement, AlertStore
from affectscope.observatory.database import Database
from affectscope.observatory.promql import QueryError, Sample

DOWN = Rule(
    "Down",
    "page",
    "up == 0",
    "up == 0",
    {"objective": "o"},
    for_seconds=10,
    every_seconds=5,
    summary="{{ $labels.service }} is down",
)
BAD = Rule("Bad", "ticket", "broken", "broken", every_seconds=5)
SURE = Rule("Sure", "ticket", "sure", "sure", every_seconds=5)


@dataclass
class Answers:
    """Answers by query."""

    found: dict[str, list[Sample] | float | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def instant(self, query: str, at: float) -> list[Sample] | float:
        self.asked.append(query)
        found = self.found.get(query, [])
        if isinstance(found, Exception):
            raise found
        return found


def zero(service: str, value: float = 0.0) -> Sample:
    return Sample({"__name__": "up", "service": service}, value)


def evaluator(
    database: Database, answers: Answers, *rules: Rule, now: float = 0.0
) -> RuleEvaluator:
    return RuleEvaluator(answers, rules, AlertStore(database), now)


class TestStates:
    def test_pending_until_it_has_held_for_long_enough(self, database: Database) -> None:
        answers = Answers({"up == 0": [zero("chat")]})
        rules = evaluator(database, answers, DOWN)

        states = []
        for now in (0.0, 5.0, 10.0):
            assert rules.evaluate(now) == []
            states.append((rules.alerts()[0].state, rules.alerts()[0].since))

        assert states == [("pending", 0.0), ("pending", 0.0), ("firing", 10.0)]
        alert = rules.alerts()[0]
        assert alert.labels == {
            "alertname": "Down",
            "severity": "page",
            "service": "chat",
            "objective": "o",
        }
        assert alert.summary == "chat is down"
        assert [status.state for status in rules.statuses()] == ["firing"]

    def test_what_was_pending_and_is_over_leaves_no_trace(self, database: Database) -> None:
        answers = Answers({"up == 0": [zero("chat")]})
        rules = evaluator(database, answers, DOWN)
        rules.evaluate(0.0)
        answers.found.clear()

        assert rules.evaluate(5.0) == []
        assert rules.alerts() == []
        assert AlertStore(database).history(0, 100, 10) == []

    def test_the_history_keeps_the_peak(self, database: Database) -> None:
        answers = Answers({"sure": [zero("chat", 1.0)]})
        rules = evaluator(database, answers, SURE)
        for now, value in ((40.0, 1.0), (45.0, 7.0), (50.0, 2.0)):
            answers.found["sure"] = [zero("chat", value)]
            rules.evaluate(now)
        answers.found.clear()
        (ended,) = rules.evaluate(55.0)

        store = AlertStore(database)
        database.write(lambda connection: None).result()
        (line,) = store.history(0, 100, 10)
        assert (line["started"], line["ended"], line["peak"]) == (40.0, 55.0, 7.0)
        assert line["labels"]["service"] == "chat"
        assert ended.value == 2.0
        assert store.firing() == []
        assert store.history(56, 100, 10) == []

    def test_a_rule_waits_until_it_is_due_but_not_for_a_clock_that_was_set_back(
        self, database: Database
    ) -> None:
        answers = Answers()
        rules = evaluator(database, answers, SURE, now=1000.0)
        for now in (1000.0, 1004.0, 1005.0, 10.0):
            rules.evaluate(now)

        assert len(answers.asked) == 3


class TestFailures:
    @pytest.mark.parametrize(
        "answer",
        [
            QueryError("no"),
            ZeroDivisionError("what nobody thought of"),
            3.0,
            [zero(str(number)) for number in range(201)],
        ],
    )
    def test_one_bad_rule_never_stops_the_others(
        self, database: Database, answer: list[Sample] | float | Exception
    ) -> None:
        answers = Answers({"broken": answer, "sure": [zero("chat", 1.0)]})
        rules = evaluator(database, answers, BAD, SURE)
        for now in (0.0, 5.0):
            rules.evaluate(now)

        assert [status.state for status in rules.statuses()] == ["error", "firing"]
        assert rules.statuses()[0].error

        answers.found["broken"] = []
        rules.evaluate(10.0)
        assert [status.state for status in rules.statuses()] == ["inactive", "firing"]

    def test_what_fires_goes_on_while_its_rule_fails(self, database: Database) -> None:
        answers = Answers({"sure": [zero("chat", 1.0)]})
        rules = evaluator(database, answers, SURE)
        rules.evaluate(100.0)
        answers.found["sure"] = QueryError("no")

        assert rules.evaluate(105.0) == []
        assert [alert.state for alert in rules.alerts()] == ["firing"]

    def test_a_disk_that_is_full_stops_nothing(
        self, database: Database, capsys: pytest.CaptureFixture[str]
    ) -> None:
        answers = Answers({"sure": [zero("chat", 1.0)]})
        rules = evaluator(database, answers, SURE)
        database.write(lambda connection: connection.execute("DROP TABLE alerts") and None).result()
        rules.evaluate(100.0)
        database.write(lambda connection: None).result()

        assert [alert.state for alert in rules.alerts()] == ["firing"]
        assert "alerts cannot be kept" in capsys.readouterr().out


class TestRestarts:
    def test_what_fired_fires_on_and_is_not_over_before_anything_was_scraped(
        self, database: Database
    ) -> None:
        answers = Answers({"sure": [zero("chat", 1.0)]})
        before = evaluator(database, answers, SURE)
        before.evaluate(100.0)
        (fired,) = before.alerts()
        before.acknowledge(fired.fingerprint, Acknowledgement("Ada", 101.0, "mine"))
        AlertStore(database).notified([fired.fingerprint], 102.0).result()

        answers.found.clear()
        after = evaluator(database, answers, SURE, now=200.0)
        (kept,) = after.alerts()
        assert (kept.since, kept.notified) == (100.0, 102.0)
        assert kept.acknowledged == Acknowledgement("Ada", 101.0, "mine")
        assert after.evaluate(201.0) == []
        assert after.evaluate(200.0 + GRACE_SECONDS) == [kept]

    def test_alerts_of_a_rule_that_is_gone_end(self, database: Database) -> None:
        answers = Answers({"sure": [zero("chat", 1.0)]})
        evaluator(database, answers, SURE).evaluate(100.0)
        database.write(lambda connection: None).result()

        after = evaluator(database, answers, DOWN, now=200.0)
        assert [alert.name for alert in after.evaluate(200.0)] == ["Sure"]
        assert after.alerts() == []


class TestAcknowledgement:
    def test_it_lasts_from_pending_to_the_end(self, database: Database) -> None:
        answers = Answers({"up == 0": [zero("chat")]})
        rules = evaluator(database, answers, DOWN)
        rules.evaluate(0.0)
        mark = rules.alerts()[0].fingerprint
        taken = Acknowledgement("Ada", 1.0, "")

        assert rules.acknowledge(mark, taken)
        for now in (5.0, 10.0, 15.0):
            rules.evaluate(now)
        assert (rules.alerts()[0].state, rules.alerts()[0].acknowledged) == ("firing", taken)
        assert not rules.acknowledge("0" * 16, taken)


class TestConditions:
    def test_the_cheap_ones_come_first(self) -> None:
        assert conditions("dear > 1 and (a or b) and cheap >= 2") == ("cheap >= 2", "(a or b)")
        assert conditions("a or b and c") == ()

    def test_the_dear_one_is_not_asked_where_a_cheap_one_fails(self, database: Database) -> None:
        answers = Answers()
        rule = Rule("Dear", "page", "dear > 1 and cheap > 2", "", every_seconds=5)
        evaluator(database, answers, rule).evaluate(0.0)

        assert answers.asked == ["cheap > 2"]

    def test_a_rule_that_is_not_promql_is_refused_at_once(self, database: Database) -> None:
        with pytest.raises(QueryError):
            evaluator(database, Answers(), Rule("No", "page", "a +", "", every_seconds=5))


def test_the_fingerprint_is_that_of_alertmanager() -> None:
    # FNV-1a of nothing is its offset.
    assert fingerprint({}) == "cbf29ce484222325"
    assert math.log2(int(fingerprint({"alertname": "Down", "service": "chat"}), 16)) < 64
