"""Dashboards of Grafana, built with the types of its foundation SDK."""

from __future__ import annotations

import json

from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import StackingConfig
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from affectscope.observatory.definitions import Chart, Dashboard, Threshold

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
WINDOWS = ("1m", "5m", "15m", "1h", "6h")
USUAL_WINDOW = "5m"
_COLUMNS, _HEIGHT = 24, 8
_UNITS = {
    "seconds": "s",
    "requests/s": "reqps",
    "items/s": "ops",
    "requests": "short",
    "bytes": "bytes",
    "percent": "percent",
    "ratio": "percentunit",
    "times": "short",
    "up": "none",
}


def dashboard_json(board: Dashboard) -> str:
    """Return a dashboard as Grafana imports it.

    Args:
        board: Its rows and charts.

    Returns:
        JSON; the data source is a variable, so that it serves wherever it is imported.
    """
    builder = (
        boards.Dashboard(f"Affectscope: {board.title}")
        .uid(f"affectscope-{board.id}")
        .tags(["affectscope"])
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(
            boards.DatasourceVariable("datasource").label("Data source").type("prometheus")
        )
    )
    if "service" in board.variables:
        builder = builder.with_variable(_service_variable())
    if "window" in board.variables:
        builder = builder.with_variable(_window_variable())
    for row in board.rows:
        builder = builder.with_row(boards.Row(row.title))
        width = _COLUMNS // min(len(row.charts), 3)
        for chart in row.charts:
            panel = _stat(chart) if chart.kind == "stat" else _timeseries(chart)
            builder = builder.with_panel(panel.span(width).height(_HEIGHT))
    return json.dumps(builder.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def _service_variable() -> boards.QueryVariable:
    return (
        boards.QueryVariable("service")
        .label("Service")
        .datasource(DATASOURCE)
        .query("label_values(affectscope_build_info, service)")
        .refresh(model.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _window_variable() -> boards.CustomVariable:
    return (
        boards.CustomVariable("window")
        .label("Window")
        .values(",".join(WINDOWS))
        .options(
            [
                model.VariableOption(selected=window == USUAL_WINDOW, text=window, value=window)
                for window in WINDOWS
            ]
        )
        .current(model.VariableOption(selected=True, text=USUAL_WINDOW, value=USUAL_WINDOW))
    )


def _queries(chart: Chart) -> list[prometheus.Dataquery]:
    return [
        prometheus.Dataquery()
        .datasource(DATASOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .ref_id(chr(ord("A") + index))
        for index, query in enumerate(chart.queries)
    ]


def _thresholds(thresholds: tuple[Threshold, ...]) -> boards.ThresholdsConfig:
    # The first step reaches down without an end.
    steps = [
        model.Threshold(value=threshold.value if index else None, color=threshold.color)
        for index, threshold in enumerate(thresholds)
    ]
    return boards.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _stat(chart: Chart) -> stat.Panel:
    panel = (
        stat.Panel()
        .title(chart.title)
        .description(chart.description)
        .datasource(DATASOURCE)
        .unit(_UNITS[chart.unit])
        .color_mode(common.BigValueColorMode.BACKGROUND)
    )
    if chart.thresholds:
        panel = panel.thresholds(_thresholds(chart.thresholds))
    for query in _queries(chart):
        panel = panel.with_target(query)
    return panel


def _timeseries(chart: Chart) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(chart.title)
        .description(chart.description)
        .datasource(DATASOURCE)
        .unit(_UNITS[chart.unit])
        .min(0)
        .show_points(common.VisibilityMode.NEVER)
    )
    if chart.kind == "area":
        panel = panel.fill_opacity(30).stacking(StackingConfig().mode(common.StackingMode.NORMAL))
    if chart.thresholds:
        panel = panel.thresholds(_thresholds(chart.thresholds))
    for query in _queries(chart):
        panel = panel.with_target(query)
    return panel
