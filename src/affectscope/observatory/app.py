"""The observatory: scrapes, receives, keeps, alerts and shows."""

from __future__ import annotations

from affectscope.observatory.settings import ObservatorySettings
from affectscope.service import Service, read_settings


class Observatory(Service):
    """The service that watches the others.

    Args:
        settings: What the environment says.
    """

    settings: ObservatorySettings

    def __init__(self, settings: ObservatorySettings) -> None:
        super().__init__(
            "observatory",
            settings=settings,
            title="Affectscope: Observatory",
            description="Metrics, traces, logs, profiles, alerts and load tests of all services.",
            endpoints=[],
        )


def create(settings: ObservatorySettings | None = None) -> Service:
    """Make the observatory; settings come from the environment where none are given."""
    return Observatory(settings or read_settings(ObservatorySettings))
