"""Models and health as tables."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from affectscope.models.added import AddedModel

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


def print_added(models: Sequence[AddedModel]) -> None:
    """Print the models that were added, and where each came from."""
    table = Table(title="Added models")
    for name in ("model", "source", "commit", "licence", "size", "folder"):
        table.add_column(name, overflow="fold")
    for one in models:
        table.add_row(
            one.name,
            one.source,
            (one.revision or "")[:12],
            one.license or "not stated",
            f"{one.size / 1e6:.1f} MB",
            str(one.folder),
        )
    Console().print(table)


def print_added_model(model: AddedModel) -> None:
    """Print what was added, how far it was checked, and the setting that makes use of it."""
    checked = sum(one.stated is not None for one in model.files)
    against = (
        f"{checked} of {len(model.files)} files are as the hub states them"
        if checked
        else "nothing states what its files should be; they are held against what was added now"
    )
    print(
        f"added {model.name}, {model.size / 1e6:.1f} MB in {model.folder}\n"
        f"{against}\n"
        f"use it with: export AFFECTSCOPE_WHISPER={model.name}"
    )
    if find_spec("faster_whisper") is None:
        print("it needs the package faster-whisper: pip install faster-whisper")


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
