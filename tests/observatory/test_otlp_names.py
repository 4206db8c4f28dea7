"""Names of metrics and labels: as Prometheus would give them, and always ones that it takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.observatory.otlp_names import label_name, metric_name
from affectscope.observatory.otlp_values import LONGEST_NAME


class TestMetricName:
    @pytest.mark.parametrize(
        ("name", "unit", "total", "gauge", "expected"),
        [
            (
                "http.server.request.duration",
                "s",
                False,
                False,
                "http_server_request_duration_seconds",
            ),
            ("jvm.memory.used", "By", False, True, "jvm_memory_used_bytes"),
            ("requests", "{request}", True, False, "requests_total"),
            ("requests.total", "", True, False, "requests_total"),
            ("cpu.utilization", "1", False, True, "cpu_utilization_ratio"),
            ("events", "1", True, False, "events_total"),
            ("speed", "m/s", False, True, "speed_meters_per_second"),
            ("io", "By/s", False, True, "io_bytes_per_second"),
            ("wait_seconds", "s", False, False, "wait_seconds"),
            ("temperature", "Cel", False, True, "temperature_celsius"),
            ("odd", "furlong", False, True, "odd_furlong"),
            ("99problems", "", False, True, "_99problems"),
            ("über mich", "", False, True, "ber_mich"),
            ("👩‍🚀", "", False, True, "unnamed"),
            ("", "", True, False, "total"),
            ("a:b", "", False, True, "a:b"),
        ],
    )
    def test_as_prometheus_names_it(self, name, unit, total, gauge, expected):
        assert metric_name(name, unit, total=total, gauge=gauge) == expected

    @given(st.text(max_size=400), st.text(max_size=400), st.booleans(), st.booleans())
    def test_any_text_gives_a_name_that_prometheus_takes(self, name, unit, total, gauge):
        found = metric_name(name, unit, total=total, gauge=gauge)

        assert re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", found)
        assert len(found) < 4 * LONGEST_NAME
        assert not total or found.endswith("total")


class TestLabelName:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("http.request.method", "http_request_method"),
            ("2xx", "key_2xx"),
            ("__name__", "_name_"),
            ("größe", "gr_e"),
            ("", "_"),
            ("_own", "_own"),
        ],
    )
    def test_as_prometheus_names_it(self, name, expected):
        assert label_name(name) == expected

    @given(st.text(max_size=400))
    def test_any_text_gives_a_label_that_nobody_reserves(self, name):
        found = label_name(name)

        assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", found)
        assert not found.startswith("__")
