"""The configuration and the rules of Prometheus, and the configuration of Alertmanager."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from affectscope.observatory.alerts.messages import GROUPED_BY, RECEIVER
from affectscope.observatory.alerts.objectives import recordings, rules
from affectscope.observatory.definitions import Definitions

JOB = "affectscope"
SCRAPE_SECONDS = 5


def configuration(definitions: Definitions) -> dict[str, Any]:
    """Return `prometheus.yml`: it scrapes all services as the observatory does.

    Args:
        definitions: Name the services and their ports.
    """
    return {
        "global": {
            "scrape_interval": f"{SCRAPE_SECONDS}s",
            "scrape_timeout": f"{SCRAPE_SECONDS}s",
            "evaluation_interval": f"{SCRAPE_SECONDS}s",
        },
        "rule_files": ["rules.yml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9093"]}]}],
        },
        "scrape_configs": [
            {
                "job_name": JOB,
                # The metrics name their service themselves.
                "honor_labels": True,
                "static_configs": [
                    {
                        "targets": [f"127.0.0.1:{service.port}"],
                        "labels": {"service": service.name},
                    }
                    for service in definitions.services
                ],
            }
        ],
    }


def rule_groups(definitions: Definitions) -> dict[str, Any]:
    """Return `rules.yml`: groups of equal pace, recorded series before the alerts that use them.

    Args:
        definitions: Hold alerts and objectives.
    """
    groups: dict[float, list[dict[str, Any]]] = defaultdict(list)
    for recording in recordings(definitions):
        groups[recording.every_seconds].append(
            {"record": recording.record, "expr": recording.expr, "labels": dict(recording.labels)}
        )
    for rule in rules(definitions):
        groups[rule.every_seconds].append(
            {
                "alert": rule.name,
                "expr": rule.recorded_expr,
                **({"for": f"{rule.for_seconds:g}s"} if rule.for_seconds else {}),
                "labels": {**rule.labels, "severity": rule.severity},
                "annotations": {"summary": rule.summary, "description": rule.description},
            }
        )
    return {
        "groups": [
            {"name": f"{JOB}-{every:g}s", "interval": f"{every:g}s", "rules": entries}
            for every, entries in sorted(groups.items())
        ]
    }


def alertmanager(definitions: Definitions) -> dict[str, Any]:
    """Return `alertmanager.yml`: all alerts of one service go into one message.

    Args:
        definitions: Hold address and pauses.
    """
    how = definitions.notifications
    return {
        "route": {
            "receiver": RECEIVER,
            "group_by": list(GROUPED_BY),
            "group_wait": how.group_wait,
            "group_interval": how.group_interval,
            "repeat_interval": how.repeat_interval,
        },
        "receivers": [
            {
                "name": RECEIVER,
                "webhook_configs": [{"url": how.webhook, "send_resolved": True}],
            }
        ],
    }
