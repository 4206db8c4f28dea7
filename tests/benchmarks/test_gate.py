"""Workers of real trees, taking turns."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path

import pytest

from benchmarks.gate import report
from benchmarks.gate.catalogue import COUNTED, TIMED, Counted
from benchmarks.gate.decision import Verdict
from benchmarks.gate.planting import PLANTS, Plant, plant
from benchmarks.gate.rounds import Outcome, compare, first_outcome, grown, too_large
from benchmarks.gate.runner import BASE, HEAD, Measured, Side, WorkerFailed, measure
from benchmarks.gate.workloads import MAKERS

SOURCES = Path(__file__).parents[2] / "src"

SLOW = 19.0
"""Share that a plant of twenty times the time loses: other work on the machine does not hide it."""


def soon() -> float:
    return time.monotonic() + 60


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product."""
    copy = tmp_path_factory.mktemp("tree") / "src"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("console", "*.onnx"))
    return copy


def outcome() -> Outcome:
    first = Measured()
    first.add("survey.score", 6e-6, 9e-6)
    first.add("chat.analyze", 0.015, 0.015)
    first.counts[BASE].update({"telemetry series": 1000.0})
    first.counts[HEAD].update({"telemetry series": 3001.0, "survey.score calls": 70.0})
    verdict = Verdict(ratio=1.5, pairs=16, p=0.0001, slower=True)
    return Outcome(
        first,
        judged=[{"survey.score": verdict}, {"survey.score": verdict}],
        slower=["survey.score"],
        grown={"telemetry series": (1000.0, 3001.0)},
        broken={"gateway.relay": "it does not answer"},
        not_comparable={"telemetry.spans": "fails in the base: no such module"},
        undecided=["import"],
        seconds=12.0,
    )


class TestCatalogue:
    def test_every_benchmark_has_its_work(self) -> None:
        assert [one.name for one in TIMED[1:]] == list(MAKERS)

    def test_every_benchmark_is_planted(self) -> None:
        assert {name for one in PLANTS for name in one.slows} == {one.name for one in TIMED}


class TestMeasure:
    def test_gives_a_figure_for_each_pair_and_counts_that_agree(self, tree: Path) -> None:
        names = ("import", "survey.score", "telemetry.recorded")
        found = measure((SOURCES, tree), names, 2, soon(), counts=True)

        assert found.failed == {}
        assert {name: len(logs) for name, logs in found.logs.items()} == dict.fromkeys(names, 2)
        assert sorted(found.counts[HEAD]) == sorted(one.name for one in COUNTED)
        assert grown(*found.counts, {}) == {}

    def test_a_base_that_lacks_something_is_not_comparable(self, tmp_path: Path) -> None:
        older = tmp_path / "src"
        shutil.copytree(SOURCES, older, ignore=shutil.ignore_patterns("console", "*.onnx"))
        file = older / "affectscope" / "survey" / "analyzer.py"
        file.write_text(file.read_text().replace("class SurveyAnalyzer", "class Analyzer", 1))
        found = first_outcome(measure((older, SOURCES), ("survey.score",), 1, soon()))

        assert list(found.not_comparable) == ["importing it"]
        assert found.reasons() == []

    def test_a_head_that_breaks_fails(self, tree: Path, tmp_path: Path) -> None:
        newer = tmp_path / "src"
        shutil.copytree(tree, newer)
        file = newer / "affectscope" / "survey" / "analyzer.py"
        file.write_text(file.read_text().replace("rule = instrument(name)", "rule = missing"))
        names = ("survey.score", "telemetry.spans")
        found = first_outcome(measure((SOURCES, newer), names, 1, soon()))

        assert found.reasons() == ["survey.score"]
        assert "missing" in found.broken["survey.score"]
        assert list(found.first.logs) == ["telemetry.spans"]

    def test_stops_where_time_is_up(self, tree: Path) -> None:
        found = measure((SOURCES, tree), ("survey.score",), 2, time.monotonic() - 1)

        assert not found.in_time
        assert found.logs == {}


class TestCompare:
    def test_time_that_is_up_leaves_suspects_undecided(
        self, tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        one = next(one for one in PLANTS if one.name == "scoring")
        slowed = plant(one, SLOW, tree, tmp_path / "slowed")
        monkeypatch.setattr("benchmarks.gate.decision.FIRST_PAIRS", 1)
        said: list[str] = []
        found = compare((tree, slowed), one.slows, longest=0.5, counts=False, say=said.append)

        assert said == ["measuring again: survey.score"]
        assert found.undecided == ["survey.score"]
        assert found.reasons() == []


class TestSide:
    def test_refuses_another_tree_than_its_own(self, tmp_path: Path) -> None:
        side = Side(tmp_path, seed=1)
        try:
            with pytest.raises(WorkerFailed, match="not the tree"):
                side.hello()
        finally:
            side.close()

    def test_says_when_its_worker_hangs_and_asks_it_no_more(
        self, tree: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        side = Side(tree, seed=1)
        try:
            side.hello()
            monkeypatch.setattr("benchmarks.gate.runner._LONGEST_ANSWER", 0.0)
            with pytest.raises(WorkerFailed, match="no answer within 0 s"):
                side.ask(prepare="survey.score")
            monkeypatch.undo()
            with pytest.raises(WorkerFailed, match="the worker died"):
                side.ask(turn="survey.score")
        finally:
            side.close()

    def test_an_unknown_benchmark_is_an_error_and_not_the_end(self, tree: Path) -> None:
        side = Side(tree, seed=1)
        try:
            side.hello()
            with pytest.raises(WorkerFailed, match="KeyError"):
                side.ask(prepare="nothing")
            assert side.ask(prepare="survey.score") == {"prepared": "survey.score"}
        finally:
            side.close()


class TestPlant:
    def test_a_planted_slowdown_shows_and_leaves_the_original_alone(
        self, tree: Path, tmp_path: Path
    ) -> None:
        one = next(one for one in PLANTS if one.name == "scoring")
        slowed = plant(one, SLOW, tree, tmp_path / "slowed")
        found = measure((tree, slowed), one.slows, 1, soon())

        assert found.logs["survey.score"][0] > math.log(2)
        assert "planted" not in (tree / "affectscope" / one.file).read_text()

    @pytest.mark.parametrize("one", PLANTS, ids=lambda one: one.name)
    def test_every_plant_names_a_file(self, tree: Path, one: Plant) -> None:
        assert (tree / "affectscope" / one.file).exists()


class TestCounts:
    def test_grow_within_their_ratio_or_their_slack(self) -> None:
        one = Counted("calls", 1.10, slack=2)

        assert not too_large(one, 100, 110)
        assert too_large(one, 100, 111)
        assert not too_large(one, 4, 6)
        assert too_large(one, 4, 7)

    def test_have_a_limit_of_their_own_even_without_a_base(self) -> None:
        one = Counted("series", 1.25, limit=3000)

        assert too_large(one, None, 3001)
        assert not too_large(one, None, 3000)
        assert too_large(one, 3000, 3001)

    def test_a_count_that_the_base_lacks_is_not_comparable(self) -> None:
        missing: dict[str, str] = {}

        assert grown({}, {"telemetry series": 10.0}, missing) == {}
        assert list(missing) == ["telemetry series"]


class TestReport:
    def test_tells_everything_and_its_verdict(self) -> None:
        text = report.text(outcome(), {})

        assert "survey.score                    6 us        9 us   1.500    1.08  SLOWER" in text
        assert "chat.analyze                   15 ms       15 ms   1.000    1.08  as before" in text
        assert "TOO MANY" in text
        assert "not comparable: telemetry.spans: fails in the base" in text
        assert "suspected but not decided in the time there is: import" in text
        assert "does not run in HEAD: gateway.relay: it does not answer" in text
        assert text.endswith("SLOWER: survey.score, telemetry series, gateway.relay (12 s)")

    def test_what_was_accepted_does_not_fail(self) -> None:
        found = outcome()
        may_be = dict.fromkeys(found.reasons(), "meant")

        assert found.reasons(may_be) == []
        assert "accepted: survey.score: meant" in report.text(found, may_be)
        assert report.text(found, may_be).endswith("not slower (12 s)")

    def test_holds_the_same_as_json(self) -> None:
        document = report.document(outcome(), {})

        assert document["fails"] == ["survey.score", "telemetry series", "gateway.relay"]
        assert document["first_ratios"] == {"survey.score": 1.5, "chat.analyze": 1.0}
        assert document["judged"][0]["survey.score"]["pairs"] == 16

    def test_a_suspicion_that_did_not_come_true_is_told(self) -> None:
        found = outcome()
        found.slower = []
        found.judged = [{"survey.score": Verdict(1.01, 16, 0.7, False)}]

        assert "not sure: again 1.010 (p 0.7000)" in report.text(found, {})
