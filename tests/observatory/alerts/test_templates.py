"""Texts come out as Prometheus would render them."""

from __future__ import annotations

import math

import pytest

from affectscope.errors import InvalidValue
from affectscope.observatory.alerts.templates import render


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        ("{{ $labels.service }} is down", 0, "chat is down"),
        ("{{$labels.service}}: {{ $labels.missing }}!", 0, "chat: !"),
        ("{{ $value }}", 32.0, "32"),
        ("{{ $value }}", 0.25, "0.25"),
        ("{{ $value }}", 90061.0, "90061"),
        ("{{ $value }}", 1234567.0, "1.234567e+06"),
        ("{{ $value }}", 0.0001, "0.0001"),
        ("{{ $value }}", -0.00001, "-1e-05"),
        ("{{ $value }}", 1e20, "1e+20"),
        ("{{ $value }}", 1.5e21, "1.5e+21"),
        ("{{ $value }}", 2e-7, "2e-07"),
        ("{{ $value }}", math.nan, "NaN"),
        ("{{ $value | humanize }}", math.inf, "+Inf"),
        ("{{ $value | humanize }}", -math.inf, "-Inf"),
        ("{{ $value | humanize }}", 0.0, "0"),
        ("{{ $value | humanize }}", 1234567.0, "1.235M"),
        ("{{ $value | humanize }}", 0.00321, "3.21m"),
        ("{{ $value | humanize1024 }}", 1.0, "1"),
        ("{{ $value | humanize1024 }}", 3 * 1024.0**3, "3Gi"),
        ("{{ $value | humanizePercentage }}", 0.12345, "12.35%"),
        ("{{ $value | humanizeDuration }}", 0.0, "0s"),
        ("{{ $value | humanizeDuration }}", 0.0125, "12.5ms"),
        ("{{ $value | humanizeDuration }}", 12.3456, "12.35s"),
        ("{{ $value | humanizeDuration }}", 61.0, "1m 1s"),
        ("{{ $value | humanizeDuration }}", -7322.0, "-2h 2m 2s"),
        ("{{ $value | humanizeDuration }}", 90061.0, "1d 1h 1m 1s"),
        ('{{ $value | printf "%.2f" }}', 2 / 3, "0.67"),
        ('{{ $value | printf "%.3g" }}', 1.0e-7, "1e-07"),
    ],
)
def test_forms(template: str, value: float, expected: str) -> None:
    assert render(template, {"service": "chat"}, value) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ . }}",
        "{{ $labels }}",
        "{{ range query }}",
        "{{ $value | toUpper }}",
        "{{ $labels.service | humanize }}",
        '{{ $value | printf "%s" }}',
    ],
)
def test_other_forms_are_refused(template: str) -> None:
    with pytest.raises(InvalidValue, match="template"):
        render(template, {"service": "chat"}, 1.0)
