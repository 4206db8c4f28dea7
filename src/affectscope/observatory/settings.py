"""Settings of the observatory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from pydantic import AnyHttpUrl, Field

from affectscope.observatory.alerts.settings import OBSERVATORY_PREFIX, AlertSettings, variable
from affectscope.service import OBSERVATORY_PORT, address_beside, own_port

_DAY = 86_400.0
SERVICES = (
    ("video", "Video Analysis", 8001),
    ("speech", "Speech Analysis", 8002),
    ("chat", "Chat Analysis", 8003),
    ("survey", "Survey Analysis", 8004),
    ("integrated", "Integrated Backend", 9000),
)
"""Name in metrics, title and usual port of what is watched."""


def _state_folder() -> Path:
    """Return where programs keep what should outlive them.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/ (XDG_STATE_HOME)
    """
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "affectscope"


class ObservatorySettings(AlertSettings):
    """Settings of every service, and what the observatory adds; all of its own begin alike."""

    service: ClassVar[str] = "observatory"

    port: int = own_port("observatory", OBSERVATORY_PORT)
    folder: Path = Field(
        default_factory=_state_folder,
        validation_alias=variable("folder"),
        description="Folder that keeps all telemetry.",
    )
    scrape_seconds: float = Field(
        default=5.0,
        ge=1,
        le=60,
        validation_alias=variable("scrape_seconds"),
        description="Pause between two scrapes of a service.",
    )
    size_limit_bytes: int = Field(
        default=2 * 1024**3,
        # Less could not hold the newest minute of a busy system, and SQLite's own log beside it.
        ge=256 * 1024**2,
        validation_alias=variable("size_limit_bytes"),
        description="Most that the telemetry may take on disk; the oldest goes first.",
    )
    keep_seconds: float = Field(
        default=30 * _DAY,
        ge=3600,
        validation_alias=variable("keep_seconds"),
        description="Longest that telemetry is kept.",
    )
    keep_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        validation_alias=variable("keep_share"),
        description="Share of the traces kept that are neither slow nor failed.",
    )
    slow_seconds: float = Field(
        default=1.0,
        gt=0,
        validation_alias=variable("slow_seconds"),
        description="Requests from this length on are slow: their traces are kept.",
    )

    def targets(self) -> tuple[tuple[str, str, str], ...]:
        """Return name, title and address of what is scraped, the observatory itself last.

        Addresses are those that the gateway reads, so that moving a service moves both.
        """
        known = {"host": self.host}
        found = []
        for name, title, port in SERVICES:
            variable = "GATEWAY" if name == "integrated" else name.upper()
            given = os.environ.get(f"AFFECTSCOPE_{variable}_URL")
            url = given or address_beside(known, f"AFFECTSCOPE_{variable}_PORT", port)
            found.append((name, title, str(AnyHttpUrl(str(url))).rstrip("/")))
        own = address_beside(known, f"{OBSERVATORY_PREFIX}PORT", self.port)
        found.append(("observatory", "Observatory", str(own).rstrip("/")))
        return tuple(found)
