"""Definitions, answers and a clock for tests of what is sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from affectscope.observatory.alerts.messages import Message
from affectscope.observatory.promql import Sample

BEGIN = 1_760_000_000.0
FILE = """
services = [{ name = "chat", title = "Chat", prefix = "chat", port = 8003, routes = "/a" }]
[notifications]
webhook = "http://a/"
group_wait = "0s"
group_interval = "1m"
repeat_interval = "1h"
[[alerts]]
name = "Down"
severity = "page"
expr = "down"
every_seconds = 1
summary = "{{ $labels.service }} is down"
description = "It is."
[[alerts]]
name = "Broken"
severity = "ticket"
expr = "broken"
every_seconds = 1
summary = "broken"
description = "broken"
[[dashboards]]
id = "one"
title = "One"
variables = ["service", "window"]
[[dashboards.rows]]
title = "Row"
[[dashboards.rows.charts]]
id = "chart"
title = "Chart"
description = "A chart."
unit = "seconds"
kind = "line"
queries = [{ expr = 'rate(a{service="$service"}[$window])', legend = "{{service}}" }]
"""


@dataclass
class Answers:
    """Answers by query; other queries have no series."""

    found: dict[str, list[Sample] | Exception] = field(default_factory=dict)

    def instant(self, query: str, at: float) -> list[Sample] | float:
        found = self.found.get(query, [])
        if isinstance(found, Exception):
            raise found
        return found


class Clock:
    now = BEGIN

    def __call__(self) -> float:
        return self.now


def down(*services: str) -> list[Sample]:
    return [Sample({"service": service}, 1.0) for service in services]


def brief(messages: list[Message]) -> list[tuple[str, int, int]]:
    return [(one.group["service"], len(one.firing), len(one.resolved)) for one in messages]
