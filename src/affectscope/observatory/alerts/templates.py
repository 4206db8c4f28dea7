"""The few forms of Prometheus' templates that summaries and descriptions use.

Prometheus renders the same texts with Go's templates, so what is understood here is understood
there, and comes out alike; everything else is refused when the definitions are read.

Source: https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from affectscope.errors import InvalidValue

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FORM = re.compile(
    r"\s*\$(?:labels\.(?P<label>[a-zA-Z_]\w*)|value)"
    r"(?:\s*\|\s*(?:(?P<function>[a-zA-Z]\w*)|printf\s+\"(?P<format>%\.\d[fg])\"))?\s*"
)
_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_LARGE_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_GO_EXPONENT = 6
"""From this power of ten on, Go writes numbers with an exponent."""

_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")


def render(template: str, labels: Mapping[str, str], value: float) -> str:
    """Fill a template in.

    Args:
        template: Text with `{{ $labels.NAME }}` and `{{ $value }}`, the latter perhaps piped into
            a function.
        labels: By name; one that is missing becomes nothing.
        value: Of the alert's expression.

    Returns:
        The text as Prometheus would make it.

    Raises:
        InvalidValue: Another form.
    """
    return _ACTION.sub(lambda action: _render(action, labels, value), template)


def _render(action: re.Match[str], labels: Mapping[str, str], value: float) -> str:
    form = _FORM.fullmatch(action.group(1))
    if form is None:
        raise InvalidValue(
            f"template {action.group()!r} is unknown; valid: {{{{ $labels.NAME }}}}, "
            "{{ $value }}, {{ $value | FUNCTION }}"
        )
    function, pattern, label = form["function"], form["format"], form["label"]
    if label is not None:
        if function or pattern:
            raise InvalidValue(f"template {action.group()!r}: functions take $value alone")
        return labels.get(label, "")
    if pattern is not None:
        return _special(value) or pattern % value
    if function is None:
        return _special(value) or _go_number(value)
    if function not in FUNCTIONS:
        raise InvalidValue(
            f"template function {function!r} is unknown; valid: {', '.join(FUNCTIONS)}, printf"
        )
    return _special(value) or FUNCTIONS[function](value)


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return ""


def _go_number(value: float) -> str:
    """Write a number as Go prints one: the fewest digits that read back the same."""
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    magnitude = len(digits) - 1 + exponent
    if -5 < magnitude < _GO_EXPONENT:
        return f"{Decimal((sign, digits, exponent)):f}"
    first, *rest = map(str, digits)
    mantissa = first + ("." + "".join(rest) if rest else "")
    return f"{'-' if sign else ''}{mantissa}e{magnitude:+03d}"


def _four(value: float) -> str:
    return f"{value:.4g}"


def _scaled(value: float, base: float, prefixes: tuple[str, ...]) -> str:
    prefix = ""
    for prefix_ in prefixes:
        if abs(value) < base:
            break
        prefix = prefix_
        value /= base
    return _four(value) + prefix


def _humanize(value: float) -> str:
    if value == 0 or abs(value) >= 1:
        return _scaled(value, 1000, _LARGE)
    return _small(value)


def _small(value: float) -> str:
    prefix = ""
    for prefix_ in _SMALL:
        if abs(value) >= 1:
            break
        prefix = prefix_
        value *= 1000
    return _four(value) + prefix


def _humanize_1024(value: float) -> str:
    return _four(value) if abs(value) <= 1 else _scaled(value, 1024, _LARGE_BINARY)


def _humanize_duration(seconds: float) -> str:
    if seconds == 0:
        return "0s"
    if abs(seconds) < 1:
        return _small(seconds) + "s"
    sign, left = ("-", -seconds) if seconds < 0 else ("", seconds)
    whole = int(left)
    minutes, hours, days = whole // 60 % 60, whole // 3600 % 24, whole // 86_400
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {whole % 60}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {whole % 60}s"
    if minutes:
        return f"{sign}{minutes}m {whole % 60}s"
    return f"{sign}{_four(left)}s"


def _humanize_percentage(value: float) -> str:
    return f"{_four(value * 100)}%"


FUNCTIONS: dict[str, Callable[[float], str]] = {
    "humanize": _humanize,
    "humanize1024": _humanize_1024,
    "humanizeDuration": _humanize_duration,
    "humanizePercentage": _humanize_percentage,
}
"""Functions that `$value` may be piped into."""
