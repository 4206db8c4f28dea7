"""Models and health as tables."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

_COLOURS = {"pass": "green", "warn": "yellow", "fail": "red", "unreachable": "red"}


def print_models() -> None:
    """Print the shipped models, and which of them the licence policy allows."""
    from affectscope.models import LicensePolicy, cards

    policy = LicensePolicy.from_environment()
    table = Table(title=f"Models (licence policy: {policy})")
    for name in (
        "model",
        "version",
        "modality",
        "vocabulary",
        "licence class",
        "figures",
        "usable",
    ):
        table.add_column(name)
    for card in cards():
        figures = "\n".join(
            f"{metric.name} {metric.value:.3f} (n={metric.n})" for metric in card.metrics[:4]
        )
        usable = "[green]yes[/]" if policy.allows(card) else "[red]no[/]"
        table.add_row(
            card.name,
            card.version,
            card.modality,
            card.vocabulary,
            card.license_class,
            figures,
            usable,
        )
    Console().print(table)


def print_health(document: dict[str, Any]) -> None:
    """Print the gateway's health and that of the services behind it."""
    table = Table(title="Health")
    for name in ("service", "state", "latency", "address"):
        table.add_column(name)
    table.add_row("gateway", _state(document["status"]), "", "")
    for name, backend in document.get("backends", {}).items():
        latency = backend.get("latency_seconds")
        table.add_row(
            name,
            _state(backend["state"]),
            f"{latency * 1000:.1f} ms" if latency is not None else "",
            backend.get("url", ""),
        )
    Console().print(table)


def _state(state: str) -> str:
    return f"[{_COLOURS.get(state, 'white')}]{state}[/]"
