"""What is sent of alerts: Alertmanager's webhook form, and e-mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from affectscope.observatory.alerts.store import ActiveAlert

GROUPED_BY = ("service",)
"""Labels that the alerts of one message share; as in the generated alertmanager.yml."""

RECEIVER = "affectscope"
_NEVER = "0001-01-01T00:00:00Z"
"""End of an alert that has none, as Go writes it."""


@dataclass(frozen=True, slots=True)
class Message:
    """Alerts of one group, to be sent together.

    Attributes:
        firing: What fires, and is neither silent nor taken on.
        resolved: What is over since the last message.
        at: Seconds since the epoch: when `resolved` ended.
    """

    firing: tuple[ActiveAlert, ...]
    resolved: tuple[ActiveAlert, ...]
    at: float

    @property
    def alerts(self) -> tuple[ActiveAlert, ...]:
        """All of them; at least one."""
        return (*self.firing, *self.resolved)

    @property
    def group(self) -> dict[str, str]:
        """The labels that the group has in common by definition."""
        return group_of(self.alerts[0])


def group_of(alert: ActiveAlert) -> dict[str, str]:
    """Return the labels by which an alert is put with others."""
    return {name: alert.labels[name] for name in GROUPED_BY if name in alert.labels}


def webhook_body(message: Message, external_url: str) -> dict[str, Any]:
    """Return a message in version 4 of Alertmanager's webhook form.

    Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config

    Args:
        message: What to say.
        external_url: Where the alerts can be seen.
    """
    alerts = [_entry(alert, None, external_url) for alert in message.firing]
    alerts += [_entry(alert, message.at, external_url) for alert in message.resolved]
    group = message.group
    matcher = ", ".join(f'{name}="{value}"' for name, value in group.items())
    return {
        "receiver": RECEIVER,
        "status": "firing" if message.firing else "resolved",
        "alerts": alerts,
        "groupLabels": group,
        "commonLabels": _common([entry["labels"] for entry in alerts]),
        "commonAnnotations": _common([entry["annotations"] for entry in alerts]),
        "externalURL": external_url,
        "version": "4",
        "groupKey": f"{{}}:{{{matcher}}}",
        "truncatedAlerts": 0,
    }


def email(
    message: Message, sender: str, receivers: Sequence[str], external_url: str
) -> EmailMessage:
    """Return a message as an e-mail.

    Args:
        message: What to say.
        sender: Address.
        receivers: Addresses.
        external_url: Where the alerts can be seen.
    """
    mail = EmailMessage()
    state = "FIRING" if message.firing else "RESOLVED"
    first = message.alerts[0].summary
    more = f" (and {len(message.alerts) - 1} more)" if len(message.alerts) > 1 else ""
    # A line break in a header would be refused.
    mail["Subject"] = " ".join(f"[{state}] {first}{more}".split())[:200]
    mail["From"] = sender
    mail["To"] = ", ".join(receivers)
    mail["Date"] = datetime.fromtimestamp(message.at, UTC)
    lines = []
    for title, alerts in (("Firing", message.firing), ("Resolved", message.resolved)):
        for alert in alerts:
            labels = ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
            lines += [
                f"{title}: {alert.summary}",
                *([alert.description] if alert.description else []),
                f"Since {_time(alert.since)}. {labels}",
                "",
            ]
    mail.set_content("\n".join([*lines, external_url, ""]))
    return mail


def _entry(alert: ActiveAlert, ended: float | None, external_url: str) -> dict[str, Any]:
    return {
        "status": "firing" if ended is None else "resolved",
        "labels": dict(sorted(alert.labels.items())),
        "annotations": {"description": alert.description, "summary": alert.summary},
        "startsAt": _time(alert.since),
        "endsAt": _NEVER if ended is None else _time(ended),
        "generatorURL": external_url,
        "fingerprint": alert.fingerprint,
    }


def _common(entries: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = entries
    return {
        name: value
        for name, value in first.items()
        if all(other.get(name) == value for other in others)
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
