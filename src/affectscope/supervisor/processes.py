"""The processes that make up the system."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from affectscope.errors import InvalidValue

_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound


@dataclass(frozen=True)
class ProcessSpec:
    """One process: its name, what it is for people, where it listens, and how it is started."""

    name: str
    title: str
    port: int
    host: str = "127.0.0.1"

    @property
    def command(self) -> list[str]:
        """The command line that starts it."""
        return [sys.executable, "-m", "affectscope", "serve", self.name]

    def address(self, path: str = "") -> str:
        """Return an address at which this machine reaches it."""
        host = "127.0.0.1" if self.host in _WILDCARDS else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{path}"


_DEFAULTS = (
    ("video", "Video Analysis", 8001),
    ("speech", "Speech Analysis", 8002),
    ("chat", "Chat Analysis", 8003),
    ("survey", "Survey Analysis", 8004),
    ("gateway", "Integrated Backend", 9000),
    ("observatory", "Observatory", 9001),
)
NAMES = tuple(name for name, _, _ in _DEFAULTS)


def processes() -> tuple[ProcessSpec, ...]:
    """Return all processes, where ``AFFECTSCOPE_HOST`` and ``AFFECTSCOPE_<NAME>_PORT`` put them.

    Raises:
        InvalidValue: A port that is no port.
    """
    host = os.environ.get("AFFECTSCOPE_HOST") or "127.0.0.1"
    return tuple(
        ProcessSpec(name, title, _port(name, port), host) for name, title, port in _DEFAULTS
    )


def _port(name: str, default: int) -> int:
    variable = f"AFFECTSCOPE_{name.upper()}_PORT"
    value = os.environ.get(variable, str(default))
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise InvalidValue(f"{variable} is {value!r}; valid: 1 to 65535")
    return int(value)
