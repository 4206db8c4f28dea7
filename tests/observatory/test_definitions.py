"""The shipped definitions are sound, and unsound ones are refused with the reason."""

from __future__ import annotations

from pathlib import Path

import promql_parser
import pytest

from affectscope.errors import InvalidValue
from affectscope.observatory.alerts.objectives import Rule, recordings, rules, windows
from affectscope.observatory.definitions import (
    SHIPPED,
    Definitions,
    duration_seconds,
    load,
    substituted,
)
from affectscope.observatory.promql.parsing import parse
from affectscope.observatory.settings import SERVICES


@pytest.fixture(scope="module")
def shipped() -> Definitions:
    return load()


class TestShipped:
    def test_the_services_are_those_that_are_scraped(self, shipped: Definitions) -> None:
        named = [(one.name, one.title, one.port) for one in shipped.services]

        assert named == [*SERVICES, ("observatory", "Observatory", 9001)]

    def test_every_service_has_both_objectives(self, shipped: Definitions) -> None:
        kinds = {(one.service, one.kind) for one in shipped.objectives}

        assert kinds == {
            (service.name, kind)
            for service in shipped.services
            for kind in ("availability", "latency")
        }

    def test_every_alert_can_be_told_from_every_other(self, shipped: Definitions) -> None:
        keys = [rule.key for rule in rules(shipped)]

        assert len(keys) == len(set(keys)) == len(shipped.alerts) + 3 * len(shipped.objectives)

    def test_every_alert_ends_in_the_labels_that_it_names(self, shipped: Definitions) -> None:
        for alert in shipped.alerts:
            aggregated = [
                set(node.modifier.labels)
                for node in outer_aggregations(parse(alert.expr))
                if node.modifier is not None
            ]
            assert aggregated, alert.name
            assert all(found == {"service", *alert.labels} for found in aggregated), alert.name

    def test_burn_rates_are_those_of_the_workbook(self, shipped: Definitions) -> None:
        found = {(one.factor, one.long, one.short, one.severity) for one in shipped.burn_rates}

        assert found == {
            (14.4, "1h", "5m", "page"),
            (6.0, "6h", "30m", "page"),
            (1.0, "3d", "6h", "ticket"),
        }

    def test_recorded_series_are_what_the_alerts_use(self, shipped: Definitions) -> None:
        recorded = {(one.record, one.labels["objective"]) for one in recordings(shipped)}
        used = {
            (name, rule.labels["objective"])
            for rule in rules(shipped)
            if "objective" in rule.labels
            for name in selected(rule)
        }

        assert used == {one for one in recorded if one in used}
        assert recorded - used == set()
        assert windows(shipped)["6h"] == 60

    def test_charts_use_the_variables_that_their_dashboard_has(self, shipped: Definitions) -> None:
        for board in shipped.dashboards:
            text = " ".join(
                query.expr for row in board.rows for chart in row.charts for query in chart.queries
            )
            used = {name for name in ("service", "window") if f"${name}" in text}
            assert used == set(board.variables)


def outer_aggregations(node: promql_parser.Expr) -> list[promql_parser.AggregateExpr]:
    """The aggregations that no other aggregation encloses."""
    if isinstance(node, promql_parser.AggregateExpr):
        return [node]
    if isinstance(node, promql_parser.BinaryExpr):
        return outer_aggregations(node.lhs) + outer_aggregations(node.rhs)
    if isinstance(node, promql_parser.Call):
        return [found for part in node.args for found in outer_aggregations(part)]
    if isinstance(node, promql_parser.ParenExpr):
        return outer_aggregations(node.expr)
    assert isinstance(node, promql_parser.NumberLiteral), node
    return []


def selected(rule: Rule) -> list[str]:
    """The recorded series that a rule reads."""

    def names(node: promql_parser.Expr) -> list[str]:
        if isinstance(node, promql_parser.BinaryExpr):
            return names(node.lhs) + names(node.rhs)
        return [str(node.name)] if isinstance(node, promql_parser.VectorSelector) else []

    return names(parse(rule.recorded_expr))


def test_durations_and_variables() -> None:
    assert [duration_seconds(text) for text in ("30s", "5m", "6h", "3d")] == [
        30,
        300,
        21600,
        259200,
    ]
    assert substituted('a{service="$service"}[$window]', "chat", "1h") == 'a{service="chat"}[1h]'


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('name = "video"', "name = video", "Invalid value"),
        ('name = "video"', 'name = "Video!"', "services.0.name"),
        ('name = "speech"', 'name = "video"', "video more than once"),
        ('routes = "/analyze-video"', 'routes = "("', "services.0.routes"),
        ('service = "video"', 'service = "nobody"', "service 'nobody' is unknown"),
        ('services = ["video", "speech"]', 'services = ["nobody"]', "'nobody' is unknown"),
        ("target = 0.99\n", "target = 0.5\n", "objectives.0.target"),
        ("threshold_seconds = 30.0", "threshold_seconds = 31.0", "threshold_seconds is 31.0"),
        ('kind = "availability"', 'kind = "latency"', "threshold_seconds belongs"),
        ("== 0'", "=='", "alerts.0.expr"),
        ("is down", "is {{ .Down }}", "alerts.0.summary"),
        ('id = "errors"', 'id = "traffic"', "charts traffic"),
        ("[[burn_rates]]", "[[other]]", "other"),
        ('legend = "{{http_route}}"', 'legend = "", more = 1', "Extra inputs"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, reason: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "definitions.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(InvalidValue) as caught:
        load(path)
    assert reason in caught.value.detail


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="No such file"):
        load(tmp_path / "none.toml")
